package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory is a cache of one cluster and its children: what is written is there at once. Like the real one it hands out
// what it holds, without a copy.
type memory struct {
	client.Client // nil: whatever is not below is not called
	objects       map[string]client.Object
	writes        int
}

func keyOf(o client.Object, name string) string { return fmt.Sprintf("%T/%s", o, name) }

func (m *memory) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	held, ok := m.objects[keyOf(into, key.Name)]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	switch into := into.(type) {
	case *NocoBaseCluster:
		*into = *held.(*NocoBaseCluster)
	case *NocoBaseRole:
		*into = *held.(*NocoBaseRole)
	case *appsv1.Deployment:
		*into = *held.(*appsv1.Deployment)
	case *corev1.Service:
		*into = *held.(*corev1.Service)
	case *corev1.ServiceAccount:
		*into = *held.(*corev1.ServiceAccount)
	}
	return nil
}

func (m *memory) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	for _, held := range m.objects {
		switch list := list.(type) {
		case *NocoBaseRoleList:
			if role, ok := held.(*NocoBaseRole); ok {
				list.Items = append(list.Items, *role)
			}
		case *appsv1.DeploymentList:
			if deployment, ok := held.(*appsv1.Deployment); ok {
				list.Items = append(list.Items, *deployment)
			}
		}
	}
	return nil
}

func (m *memory) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	m.writes++
	data, err := patch.Data(o)
	if err == nil {
		err = json.Unmarshal(data, o)
	}
	o.SetGeneration(1)
	if deployment, ok := o.(*appsv1.Deployment); ok {
		deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1}
	}
	m.objects[keyOf(o, o.GetName())] = o
	return err
}

func (m *memory) Status() client.SubResourceWriter { return statusOf{m: m} }

type statusOf struct {
	client.SubResourceWriter
	m *memory
}

func (s statusOf) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	s.m.writes++
	data, err := patch.Data(o)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, s.m.objects[keyOf(o, o.GetName())])
}

// settledCluster is the one of the benchmark, with all that it becomes.
func settledCluster(t testing.TB) (*reconciler, *memory, ctrl.Request) {
	text, err := os.ReadFile(os.Getenv("BENCH_CLUSTER"))
	if err != nil {
		t.Skip("BENCH_CLUSTER names no file with a cluster: ", err)
	}
	var c NocoBaseCluster
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	c.UID, c.Generation, c.Status.ObservedGeneration = "0b5c1f6e-8a4d-4c53-9d0e-000000000001", 1, -1
	c.TypeMeta = metav1.TypeMeta{APIVersion: groupVersion.String(), Kind: "NocoBaseCluster"}
	m := &memory{objects: map[string]client.Object{keyOf(&c, c.Name): &c}}
	r := &reconciler{m, renderer{"sleep 5"}}
	request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: c.Namespace, Name: c.Name}}
	for range 3 {
		if _, err := r.Reconcile(context.Background(), request); err != nil {
			t.Fatal(err)
		}
	}
	return r, m, request
}

func TestConvergesInTwelveWritesAndThenWritesNothing(t *testing.T) {
	r, m, request := settledCluster(t)
	// A ServiceAccount, a Service, three roles with a status each, three Deployments; the cluster's status once.
	if m.writes != 12 {
		t.Errorf("%d writes, not 12", m.writes)
	}
	if _, err := r.Reconcile(context.Background(), request); err != nil || m.writes != 12 {
		t.Errorf("settled, and yet there were writes: %d; error: %v", m.writes-12, err)
	}
}

// processorTime is what the process has used, in nanoseconds: the machine may be busy with something else.
func processorTime(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func BenchmarkNoopReconcile(b *testing.B) {
	r, m, request := settledCluster(b)
	before, began := m.writes, processorTime(b)
	for b.Loop() {
		if _, err := r.Reconcile(context.Background(), request); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op")
	if m.writes != before {
		b.Fatalf("%d writes", m.writes-before)
	}
}
