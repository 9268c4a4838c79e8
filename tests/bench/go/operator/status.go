package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const workerIDLimit = 32

// report writes the cluster's status if it says anything new.
func (r *reconciler) report(ctx context.Context, c *NocoBaseCluster, roles []RoleState, failed error) error {
	status := c.Status.deepCopy()
	status.ObservedGeneration = c.Generation
	describe(c, &status)
	if failed != nil {
		status.fail(c.Generation, failed)
	} else {
		status.Roles = roles
		status.progress(c)
	}
	if equality.Semantic.DeepEqual(status, c.Status) {
		return nil
	}
	return r.applyStatus(ctx, &NocoBaseCluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: groupVersion.String(), Kind: "NocoBaseCluster"},
		ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name},
	}, status)
}

func (s *ClusterStatus) set(generation int64, kind string, holds bool, reason, message string) {
	status := metav1.ConditionFalse
	if holds {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: generation})
}

func (s *ClusterStatus) fail(generation int64, failed error) {
	invalid := apierrors.IsInvalid(failed)
	s.Phase = "Blocked"
	s.set(generation, "Ready", false, "ApplyFailed", failed.Error())
	s.set(generation, "Reconciling", !invalid, "Retrying", "")
	s.set(generation, "Stalled", invalid, "ApplyFailed", failed.Error())
}

func (s *ClusterStatus) progress(c *NocoBaseCluster) {
	s.Phase = "Running"
	waiting := ""
	for i := range s.Roles {
		if s.Roles[i].Ready < s.Roles[i].Effective && waiting == "" {
			waiting = fmt.Sprintf("role %s: its Deployment is changing", s.Roles[i].Name)
		}
	}
	if waiting != "" {
		s.set(c.Generation, "Ready", false, "Rolling", waiting)
		s.set(c.Generation, "Reconciling", true, "Rolling", waiting)
	} else {
		s.set(c.Generation, "Ready", true, "AllRolesReady", "every role has the pods it is to have")
		s.set(c.Generation, "Reconciling", false, "AsExpected", "")
	}
	s.set(c.Generation, "Stalled", false, "AsExpected", "")
}

// describe says what follows from the spec alone.
func describe(c *NocoBaseCluster, s *ClusterStatus) {
	s.Image = c.Spec.Image
	if _, tag, ok := strings.Cut(c.Spec.Image, ":"); ok {
		s.Version, _, _ = strings.Cut(tag, "-")
	}
	pods := int32(0)
	s.Services = nil
	for _, key := range []string{"requests", "workflow:process", "async-task:process"} {
		service := ServiceState{Key: key, Roles: []string{}}
		for i := range c.Spec.Roles {
			if role := &c.Spec.Roles[i]; role.serves(key) {
				service.Roles = append(service.Roles, role.Name)
			}
		}
		s.Services = append(s.Services, service)
	}
	for i := range c.Spec.Roles {
		pods += c.Spec.Roles[i].replicas()
	}
	s.WorkerIDs = &WorkerIDs{Limit: workerIDLimit, Worst: pods + 1}
	s.set(c.Generation, "ServicesCovered", true, "AllServed", "")
	s.set(c.Generation, "WorkerIdsAvailable", pods < workerIDLimit, "WithinLimit", "")
	s.set(c.Generation, "Coordinated", true, "Shared", "")
	s.set(c.Generation, "AutoscalersReady", true, "NoneAsked", "")
	s.set(c.Generation, "KeysIntact", true, "KeysPresent", "")
	s.set(c.Generation, "ImagePinned", true, "VersionTag", "")
}

func (r *RoleSpec) serves(key string) bool {
	if key == "requests" {
		return r.Requests
	}
	return r.servesAll() || slices.Contains(r.Services, key)
}
