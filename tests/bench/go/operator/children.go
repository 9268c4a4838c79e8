package main

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

const (
	manager        = "nocobase-operator"
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"
	labelRequests  = "nocobase.com/requests"
	application    = "nocobase"
	httpPort       = 13000
	healthPath     = "/api/__health_check"
	endpointDelay  = 5 // seconds until no endpoint leads to a pod that is going
)

// renderer makes children of clusters. drain is the script that pods run before they stop.
type renderer struct{ drain string }

func labelsOf(c *NocoBaseCluster, role string) map[string]string {
	labels := map[string]string{labelName: application, labelInstance: c.Name, labelPartOf: application, labelManagedBy: manager}
	if role != "" {
		labels[labelComponent] = role
	}
	return labels
}

func selectorOf(c *NocoBaseCluster, role string) map[string]string {
	return map[string]string{labelName: application, labelInstance: c.Name, labelComponent: role}
}

func metaOf(c *NocoBaseCluster, name, role string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: c.Namespace, Name: name, Labels: labelsOf(c, role),
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(c, groupVersion.WithKind("NocoBaseCluster"))},
	}
}

func serviceAccount(c *NocoBaseCluster) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   metaOf(c, c.Name, ""),
		AutomountServiceAccountToken: ptr.To(false),
	}
}

func service(c *NocoBaseCluster) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metaOf(c, c.Name, ""),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: map[string]string{labelName: application, labelInstance: c.Name, labelRequests: "true"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(httpPort), Protocol: corev1.ProtocolTCP}},
		},
	}
}

func roleObject(c *NocoBaseCluster, r *RoleSpec) *NocoBaseRole {
	return &NocoBaseRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: groupVersion.String(), Kind: "NocoBaseRole"},
		ObjectMeta: metaOf(c, c.Name+"-"+r.Name, r.Name),
		Spec:       NocoBaseRoleSpec{ClusterName: c.Name, Role: r.Name, Replicas: r.replicas()},
	}
}

func fromSecret(name, secret, key string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
	}}}
}

func environment(c *NocoBaseCluster, r *RoleSpec) []corev1.EnvVar {
	plain := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	database := &c.Spec.Database
	databasePort := database.Port
	if databasePort == 0 {
		databasePort = map[string]int32{"postgres": 5432, "mysql": 3306, "mariadb": 3306, "kingbase": 54321}[database.Dialect]
	}
	redisPort := c.Spec.Coordination.Redis.Port
	if redisPort == 0 {
		redisPort = 6379
	}
	redis := func(number int) string {
		return fmt.Sprintf("redis://%s:%d/%d", c.Spec.Coordination.Redis.Host, redisPort, number)
	}
	return append([]corev1.EnvVar{
		plain("WORKER_MODE", r.workerMode()),
		plain("APP_PORT", strconv.Itoa(httpPort)),
		plain("APP_LAUNCH_MODE", "node"),
		plain("SKIP_SAME_VERSION_UPGRADE", "true"),
		plain("DISABLE_PKG_DOWNLOAD", "true"),
		plain("LOGGER_TRANSPORT", "console"),
		plain("SOCKET_PATH", "/run/nocobase/gateway.sock"),
		plain("PM2_HOME", "/run/nocobase/pm2"),
		plain("DB_DIALECT", database.Dialect),
		plain("DB_HOST", database.Host),
		plain("DB_PORT", strconv.Itoa(int(databasePort))),
		plain("DB_DATABASE", database.Name),
		plain("DB_USER", database.User),
		fromSecret("DB_PASSWORD", database.PasswordSecretRef.Name, database.PasswordSecretRef.Key),
		plain("CACHE_REDIS_URL", redis(0)),
		plain("CACHE_DEFAULT_STORE", "redis"),
		plain("PUBSUB_ADAPTER_REDIS_URL", redis(1)),
		plain("LOCK_ADAPTER_REDIS_URL", redis(2)),
		plain("LOCK_ADAPTER_DEFAULT", "redis"),
		plain("QUEUE_ADAPTER_REDIS_URL", redis(3)),
		plain("QUEUE_ADAPTER", "redis"),
		plain("REDIS_URL", redis(4)),
		fromSecret("APP_KEY", c.Spec.Keys.SecretRef.Name, "APP_KEY"),
		fromSecret("APP_AES_SECRET_KEY", c.Spec.Keys.SecretRef.Name, "APP_AES_SECRET_KEY"),
		fromSecret("INIT_ROOT_EMAIL", c.Spec.InitialAdmin.SecretRef.Name, "INIT_ROOT_EMAIL"),
		fromSecret("INIT_ROOT_PASSWORD", c.Spec.InitialAdmin.SecretRef.Name, "INIT_ROOT_PASSWORD"),
	}, r.Env...)
}

// Numbers that the server would fill in are written: DeepDerivative, which looks for drift, takes a zero for a zero.
func probe(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: healthPath, Port: intstr.FromInt32(httpPort), Scheme: corev1.URISchemeHTTP,
		}},
		PeriodSeconds: period, TimeoutSeconds: 5, SuccessThreshold: 1, FailureThreshold: failures,
	}
}

// spread puts pods of a role apart where there is room.
func spread(c *NocoBaseCluster, role, key string) corev1.TopologySpreadConstraint {
	return corev1.TopologySpreadConstraint{
		MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector: &metav1.LabelSelector{MatchLabels: selectorOf(c, role)},
	}
}

func (h *renderer) deployment(c *NocoBaseCluster, r *RoleSpec) *appsv1.Deployment {
	labels, surge, unavailable, drain := labelsOf(c, r.Name), 0, 1, 600
	if r.Requests {
		labels[labelRequests], surge, unavailable, drain = "true", 1, 0, 60
	}
	meta := metaOf(c, c.Name+"-"+r.Name, r.Name)
	meta.Annotations = map[string]string{"nocobase.com/epoch": "1"}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: meta,
		Spec: appsv1.DeploymentSpec{
			Replicas:                ptr.To(r.replicas()),
			RevisionHistoryLimit:    ptr.To[int32](2),
			ProgressDeadlineSeconds: ptr.To[int32](600),
			Selector:                &metav1.LabelSelector{MatchLabels: selectorOf(c, r.Name)},
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxSurge: ptr.To(intstr.FromInt(surge)), MaxUnavailable: ptr.To(intstr.FromInt(unavailable)),
				},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      labels,
					Annotations: map[string]string{"kubectl.kubernetes.io/default-container": application},
				},
				Spec: corev1.PodSpec{
					ServiceAccountName:            c.Name,
					AutomountServiceAccountToken:  ptr.To(false),
					EnableServiceLinks:            ptr.To(false),
					TerminationGracePeriodSeconds: ptr.To(int64(endpointDelay + drain + 5)),
					TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
						spread(c, r.Name, "kubernetes.io/hostname"), spread(c, r.Name, "topology.kubernetes.io/zone"),
					},
					Volumes: []corev1.Volume{
						{Name: "storage", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{
							ClaimName: c.Spec.Storage.ExistingClaim,
						}}},
						{Name: "run", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
					},
					Containers: []corev1.Container{{
						Name:  application,
						Image: c.Spec.Image,
						Env:   environment(c, r),
						Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: httpPort, Protocol: corev1.ProtocolTCP}},
						Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{
							"/bin/sh", "-c", h.drain, "drain", strconv.Itoa(endpointDelay), strconv.Itoa(drain),
						}}}},
						StartupProbe:   probe(5, 120),
						ReadinessProbe: probe(5, 3),
						LivenessProbe:  probe(30, 20),
						VolumeMounts: []corev1.VolumeMount{
							{Name: "storage", MountPath: "/app/nocobase/storage"}, {Name: "run", MountPath: "/run/nocobase"},
						},
					}},
				},
			},
		},
	}
}
