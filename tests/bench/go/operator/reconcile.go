package main

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"strconv"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	annotationApplied = "nocobase.com/applied"
	ownerIndex        = "owner"
)

// reconciler makes a cluster's children what they are to be. Its reads are from the cache.
type reconciler struct {
	client.Client
	render renderer
}

func (r *reconciler) setup(ctx context.Context, mgr ctrl.Manager) error {
	byOwner := func(o client.Object) []string {
		if owner := metav1.GetControllerOf(o); owner != nil && owner.Kind == "NocoBaseCluster" {
			return []string{string(owner.UID)}
		}
		return nil
	}
	for _, o := range []client.Object{&NocoBaseRole{}, &appsv1.Deployment{}} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, o, ownerIndex, byOwner); err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&NocoBaseCluster{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&corev1.ServiceAccount{}).Owns(&corev1.Service{}).Owns(&NocoBaseRole{}).Owns(&appsv1.Deployment{}).
		Complete(r)
}

// Reconcile is called for each cluster that has changed, or of which a child has.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var c NocoBaseCluster
	if err := r.Get(ctx, req.NamespacedName, &c, client.UnsafeDisableDeepCopy); err != nil || c.DeletionTimestamp != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err) // garbage collection removes what the cluster owned
	}
	roles, err := r.children(ctx, &c)
	if err == nil {
		err = r.prune(ctx, &c)
	}
	if reported := r.report(ctx, &c, roles, err); reported != nil {
		return ctrl.Result{}, reported
	}
	if apierrors.IsInvalid(err) {
		err = reconcile.TerminalError(err)
	}
	return ctrl.Result{}, err
}

// children applies what is missing or differs; the roles are done side by side.
func (r *reconciler) children(ctx context.Context, c *NocoBaseCluster) ([]RoleState, error) {
	states := make([]RoleState, len(c.Spec.Roles))
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		want, have := serviceAccount(c), &corev1.ServiceAccount{}
		_, err := r.ensure(ctx, want, have, func() bool {
			return equality.Semantic.DeepEqual(want.AutomountServiceAccountToken, have.AutomountServiceAccountToken)
		})
		return err
	})
	work.Go(func() error {
		want, have := service(c), &corev1.Service{}
		_, err := r.ensure(ctx, want, have, func() bool { return equality.Semantic.DeepDerivative(want.Spec, have.Spec) })
		return err
	})
	for i := range c.Spec.Roles {
		work.Go(func() (err error) {
			states[i], err = r.role(ctx, c, &c.Spec.Roles[i])
			return err
		})
	}
	return states, work.Wait()
}

func (r *reconciler) role(ctx context.Context, c *NocoBaseCluster, spec *RoleSpec) (RoleState, error) {
	state := RoleState{Name: spec.Name, WorkerMode: spec.workerMode(), Desired: spec.replicas(), Effective: spec.replicas(), Why: "spec"}
	want, have := r.render.deployment(c, spec), &appsv1.Deployment{}
	got, err := r.ensure(ctx, want, have, func() bool {
		// DeepDerivative passes over what is empty on the wanted side, as WORKER_MODE may be, and lets lists be longer:
		// containers and environment are compared in full.
		containers := have.Spec.Template.Spec.Containers
		return len(containers) == 1 &&
			equality.Semantic.DeepEqual(want.Spec.Template.Spec.Containers[0].Env, containers[0].Env) &&
			equality.Semantic.DeepDerivative(want.Spec, have.Spec)
	})
	if err != nil {
		return state, err
	}
	d := got.(*appsv1.Deployment)
	if d.Status.ObservedGeneration >= d.Generation {
		state.Ready, state.Updated = min(d.Status.ReadyReplicas, d.Status.UpdatedReplicas), d.Status.UpdatedReplicas
	}

	wantRole, haveRole := roleObject(c, spec), &NocoBaseRole{}
	got, err = r.ensure(ctx, wantRole, haveRole, func() bool { return wantRole.Spec == haveRole.Spec })
	if err != nil {
		return state, err
	}
	role := got.(*NocoBaseRole)
	status := NocoBaseRoleStatus{
		ObservedGeneration: role.Generation, WorkerMode: state.WorkerMode, Replicas: d.Status.Replicas, ReadyReplicas: d.Status.ReadyReplicas,
		Selector: labels.Set(selectorOf(c, spec.Name)).String(), Why: state.Why,
	}
	if role.Status == status {
		return state, nil
	}
	return state, r.applyStatus(ctx, &NocoBaseRole{TypeMeta: wantRole.TypeMeta, ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: wantRole.Name}}, status)
}

// ensure writes want unless have, read from the cache, carries the hash of the same wanted object, so that no field was
// taken off it since, and still shows its labels, owner and what `same` compares, so that nobody has changed it. It
// returns the object as it is now.
func (r *reconciler) ensure(ctx context.Context, want, have client.Object, same func() bool) (client.Object, error) {
	data, err := json.Marshal(want)
	if err != nil {
		return nil, err
	}
	hash := fnv.New64a()
	hash.Write(data)
	sum := strconv.FormatUint(hash.Sum64(), 36)

	err = r.Get(ctx, client.ObjectKeyFromObject(want), have, client.UnsafeDisableDeepCopy)
	switch {
	case err == nil:
		if have.GetAnnotations()[annotationApplied] == sum && same() &&
			equality.Semantic.DeepDerivative(want.GetLabels(), have.GetLabels()) &&
			equality.Semantic.DeepDerivative(want.GetOwnerReferences(), have.GetOwnerReferences()) {
			return have, nil
		}
	case !apierrors.IsNotFound(err):
		return nil, err
	}
	annotations := want.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationApplied] = sum
	want.SetAnnotations(annotations)
	if data, err = json.Marshal(want); err != nil {
		return nil, err
	}
	return want, r.Patch(ctx, want, client.RawPatch(types.ApplyPatchType, data), client.FieldOwner(manager), client.ForceOwnership)
}

func (r *reconciler) applyStatus(ctx context.Context, o client.Object, status any) error {
	kind := o.GetObjectKind().GroupVersionKind()
	data, err := json.Marshal(map[string]any{
		"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind,
		"metadata": map[string]string{"namespace": o.GetNamespace(), "name": o.GetName()}, "status": status,
	})
	if err != nil {
		return err
	}
	return r.Status().Patch(ctx, o, client.RawPatch(types.ApplyPatchType, data), client.FieldOwner(manager), client.ForceOwnership)
}

// prune deletes the children of roles that the spec no longer has.
func (r *reconciler) prune(ctx context.Context, c *NocoBaseCluster) error {
	keep := make(map[string]bool, len(c.Spec.Roles))
	for i := range c.Spec.Roles {
		keep[c.Name+"-"+c.Spec.Roles[i].Name] = true
	}
	owned := []client.ListOption{
		client.InNamespace(c.Namespace), client.MatchingFields{ownerIndex: string(c.UID)},
		// A list that waited for our own writes would wait for those of all other workers too.
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency,
	}
	var roles NocoBaseRoleList
	if err := r.List(ctx, &roles, owned...); err != nil {
		return err
	}
	var deployments appsv1.DeploymentList
	if err := r.List(ctx, &deployments, owned...); err != nil {
		return err
	}
	for i := range roles.Items {
		if err := r.drop(ctx, keep, &roles.Items[i]); err != nil {
			return err
		}
	}
	for i := range deployments.Items {
		if err := r.drop(ctx, keep, &deployments.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciler) drop(ctx context.Context, keep map[string]bool, o client.Object) error {
	if keep[o.GetName()] || o.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := o.GetUID()
	return client.IgnoreNotFound(r.Delete(ctx, o.DeepCopyObject().(client.Object),
		client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground)))
}
