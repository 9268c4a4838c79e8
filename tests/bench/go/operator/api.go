package main

import (
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The part of the API that the clusters of the benchmark use, as crds/ defines it.
var groupVersion = schema.GroupVersion{Group: "nocobase.com", Version: "v1alpha1"}

const everything = "*" // alone in services: each of them

// RoleSpec is one entry of a cluster's spec.roles.
type RoleSpec struct {
	Name     string          `json:"name"`
	Requests bool            `json:"requests,omitempty"`
	Services []string        `json:"services,omitempty"`
	Replicas *int32          `json:"replicas,omitempty"`
	Env      []corev1.EnvVar `json:"env,omitempty"`
}

func (r *RoleSpec) servesAll() bool { return len(r.Services) == 1 && r.Services[0] == everything }

func (r *RoleSpec) replicas() int32 {
	if r.Replicas == nil {
		return 1
	}
	return *r.Replicas
}

// workerMode is the value of WORKER_MODE: what a process of the role takes on.
func (r *RoleSpec) workerMode() string {
	switch {
	case r.Requests && r.servesAll():
		return ""
	case r.servesAll():
		return everything
	case r.Requests:
		return strings.Join(append([]string{"!"}, r.Services...), ",")
	}
	return strings.Join(r.Services, ",")
}

// Database is where the application keeps its data.
type Database struct {
	Dialect           string                   `json:"dialect"`
	Host              string                   `json:"host"`
	Port              int32                    `json:"port,omitempty"`
	Name              string                   `json:"name"`
	User              string                   `json:"user"`
	PasswordSecretRef corev1.SecretKeySelector `json:"passwordSecretRef"`
}

// SecretRef holds the reference to a Secret.
type SecretRef struct {
	SecretRef corev1.LocalObjectReference `json:"secretRef"`
}

// ClusterSpec is what a person asks for.
type ClusterSpec struct {
	Image        string     `json:"image"`
	Roles        []RoleSpec `json:"roles"`
	Keys         SecretRef  `json:"keys"`
	InitialAdmin SecretRef  `json:"initialAdmin"`
	Database     Database   `json:"database"`
	Coordination struct {
		Redis struct {
			Host string `json:"host"`
			Port int32  `json:"port,omitempty"`
		} `json:"redis"`
	} `json:"coordination"`
	Storage struct {
		ExistingClaim string `json:"existingClaim"`
	} `json:"storage"`
}

// RoleState is one entry of a cluster's status.roles.
type RoleState struct {
	Name       string `json:"name"`
	WorkerMode string `json:"workerMode"`
	Desired    int32  `json:"desired"`
	Effective  int32  `json:"effective"`
	Ready      int32  `json:"ready"`
	Updated    int32  `json:"updated"`
	Why        string `json:"why"`
}

// ServiceState tells which roles serve a service key.
type ServiceState struct {
	Key   string   `json:"key"`
	Roles []string `json:"roles"`
}

// WorkerIDs tells how many of the application's worker ids there can be in use.
type WorkerIDs struct {
	Limit int32 `json:"limit"`
	Worst int32 `json:"worst"`
}

// ClusterStatus is what is so. Operation is kept as it is found.
type ClusterStatus struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Phase              string             `json:"phase,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Image              string             `json:"image,omitempty"`
	Version            string             `json:"version,omitempty"`
	Operation          json.RawMessage    `json:"operation,omitempty"`
	Roles              []RoleState        `json:"roles,omitempty"`
	Services           []ServiceState     `json:"services,omitempty"`
	WorkerIDs          *WorkerIDs         `json:"workerIds,omitempty"`
}

func (s ClusterStatus) deepCopy() ClusterStatus {
	s.Conditions, s.Roles, s.Operation = slices.Clone(s.Conditions), slices.Clone(s.Roles), slices.Clone(s.Operation)
	s.Services = slices.Clone(s.Services)
	for i := range s.Services {
		s.Services[i].Roles = slices.Clone(s.Services[i].Roles)
	}
	if s.WorkerIDs != nil {
		ids := *s.WorkerIDs
		s.WorkerIDs = &ids
	}
	return s
}

// NocoBaseCluster is what people write.
type NocoBaseCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec              ClusterSpec   `json:"spec,omitzero"`
	Status            ClusterStatus `json:"status,omitzero"`
}

// NocoBaseClusterList is a list of them.
type NocoBaseClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []NocoBaseCluster `json:"items"`
}

// NocoBaseRoleSpec says which role it is and how many pods are wanted.
type NocoBaseRoleSpec struct {
	ClusterName string `json:"clusterName"`
	Role        string `json:"role"`
	Replicas    int32  `json:"replicas"`
}

// NocoBaseRoleStatus is what autoscalers and people look at.
type NocoBaseRoleStatus struct {
	ObservedGeneration int64  `json:"observedGeneration"`
	WorkerMode         string `json:"workerMode"`
	Replicas           int32  `json:"replicas"`
	ReadyReplicas      int32  `json:"readyReplicas"`
	Selector           string `json:"selector,omitempty"`
	Why                string `json:"why,omitempty"`
}

// NocoBaseRole is a role of a cluster, with the scale subresource.
type NocoBaseRole struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec              NocoBaseRoleSpec   `json:"spec,omitzero"`
	Status            NocoBaseRoleStatus `json:"status,omitzero"`
}

// NocoBaseRoleList is a list of them.
type NocoBaseRoleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []NocoBaseRole `json:"items"`
}

func addToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(groupVersion, &NocoBaseCluster{}, &NocoBaseClusterList{}, &NocoBaseRole{}, &NocoBaseRoleList{})
	metav1.AddToGroupVersion(s, groupVersion)
	return nil
}

// DeepCopyObject makes it a runtime.Object.
func (c *NocoBaseCluster) DeepCopyObject() runtime.Object {
	copied := *c
	c.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	copied.Spec.Roles = slices.Clone(c.Spec.Roles)
	for i := range copied.Spec.Roles {
		role := &copied.Spec.Roles[i]
		role.Services, role.Env = slices.Clone(role.Services), slices.Clone(role.Env)
		for k := range role.Env {
			role.Env[k] = *role.Env[k].DeepCopy()
		}
		if role.Replicas != nil {
			replicas := *role.Replicas
			role.Replicas = &replicas
		}
	}
	copied.Spec.Database.PasswordSecretRef = *c.Spec.Database.PasswordSecretRef.DeepCopy()
	copied.Status = c.Status.deepCopy()
	return &copied
}

// DeepCopyObject makes it a runtime.Object.
func (r *NocoBaseRole) DeepCopyObject() runtime.Object {
	copied := *r
	r.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	return &copied
}

// DeepCopyObject makes it a runtime.Object.
func (l *NocoBaseClusterList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.Items = make([]NocoBaseCluster, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*NocoBaseCluster)
	}
	return &copied
}

// DeepCopyObject makes it a runtime.Object.
func (l *NocoBaseRoleList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.Items = make([]NocoBaseRole, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*NocoBaseRole)
	}
	return &copied
}
