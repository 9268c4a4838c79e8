package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	externalv1 "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metricsv1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func init() { programs["fakemetrics"] = runFakeMetrics }

const (
	podMetrics      = "metrics.k8s.io/v1beta1"
	externalMetrics = "external.metrics.k8s.io/v1beta1"
)

// fakeMetrics answers for two metrics APIs: what Pods use is read from their annotations kwok.x-k8s.io/usage-cpu and
// usage-memory, external metrics are what tests PUT to /set/NAMESPACE/METRIC (a quantity; DELETE takes it away).
// It asks nobody who they are: for tests on loopback only.
type fakeMetrics struct {
	client   kubernetes.Interface
	mutex    sync.Mutex
	external map[string]resource.Quantity // by NAMESPACE/METRIC
}

func runFakeMetrics() {
	args := arguments(4, "fakemetrics ADDRESS CERT_FILE KEY_FILE KUBECONFIG")
	config, err := clientcmd.BuildConfigFromFlags("", args[3])
	check(err)
	f := &fakeMetrics{client: kubernetes.NewForConfigOrDie(config), external: map[string]resource.Quantity{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/"+podMetrics, discovery(podMetrics, "pods", "PodMetrics"))
	mux.HandleFunc("GET /apis/"+podMetrics+"/pods", f.list)
	mux.HandleFunc("GET /apis/"+podMetrics+"/namespaces/{namespace}/pods", f.list)
	mux.HandleFunc("GET /apis/"+podMetrics+"/namespaces/{namespace}/pods/{pod}", f.get)
	mux.HandleFunc("GET /apis/"+externalMetrics, discovery(externalMetrics, "externalmetrics", "ExternalMetricValueList"))
	mux.HandleFunc("GET /apis/"+externalMetrics+"/namespaces/{namespace}/{metric}", f.getExternal)
	mux.HandleFunc("/set/{namespace}/{metric}", f.set)
	check(http.ListenAndServeTLS(args[0], args[1], args[2], mux))
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that has gone needs no answer
}

func typeMeta(groupVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: groupVersion, Kind: kind}
}

func discovery(groupVersion, resourceName, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, metav1.APIResourceList{
			TypeMeta: typeMeta("v1", "APIResourceList"), GroupVersion: groupVersion,
			APIResources: []metav1.APIResource{{Name: resourceName, Namespaced: true, Kind: kind, Verbs: metav1.Verbs{"get", "list"}}},
		})
	}
}

func podUsage(pod *corev1.Pod) metricsv1.PodMetrics {
	quantity := func(annotation, otherwise string) resource.Quantity {
		if q, err := resource.ParseQuantity(pod.Annotations[annotation]); err == nil {
			return q
		}
		return resource.MustParse(otherwise)
	}
	used := corev1.ResourceList{
		corev1.ResourceCPU:    quantity("kwok.x-k8s.io/usage-cpu", "1m"),
		corev1.ResourceMemory: quantity("kwok.x-k8s.io/usage-memory", "1Mi"),
	}
	metrics := metricsv1.PodMetrics{
		TypeMeta:   typeMeta(podMetrics, "PodMetrics"),
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels, CreationTimestamp: metav1.Now()},
		Timestamp:  metav1.Now(),
		Window:     metav1.Duration{Duration: 10 * time.Second},
	}
	for _, container := range pod.Spec.Containers {
		metrics.Containers = append(metrics.Containers, metricsv1.ContainerMetrics{Name: container.Name, Usage: used})
	}
	return metrics
}

func (f *fakeMetrics) list(w http.ResponseWriter, r *http.Request) {
	pods, err := f.client.CoreV1().Pods(r.PathValue("namespace")).List(r.Context(),
		metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list := metricsv1.PodMetricsList{TypeMeta: typeMeta(podMetrics, "PodMetricsList"), Items: []metricsv1.PodMetrics{}}
	for i := range pods.Items {
		if pods.Items[i].Status.Phase == corev1.PodRunning {
			list.Items = append(list.Items, podUsage(&pods.Items[i]))
		}
	}
	answer(w, list)
}

func (f *fakeMetrics) get(w http.ResponseWriter, r *http.Request) {
	pod, err := f.client.CoreV1().Pods(r.PathValue("namespace")).Get(r.Context(), r.PathValue("pod"), metav1.GetOptions{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	answer(w, podUsage(pod))
}

func (f *fakeMetrics) getExternal(w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	value, known := f.external[r.PathValue("namespace")+"/"+r.PathValue("metric")]
	f.mutex.Unlock()
	list := externalv1.ExternalMetricValueList{
		TypeMeta: typeMeta(externalMetrics, "ExternalMetricValueList"), Items: []externalv1.ExternalMetricValue{},
	}
	if known {
		list.Items = append(list.Items, externalv1.ExternalMetricValue{
			MetricName: r.PathValue("metric"), MetricLabels: map[string]string{}, Timestamp: metav1.Now(), Value: value,
		})
	}
	answer(w, list)
}

func (f *fakeMetrics) set(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("namespace") + "/" + r.PathValue("metric")
	if r.Method == http.MethodDelete {
		f.mutex.Lock()
		delete(f.external, key)
		f.mutex.Unlock()
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1024))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	value, err := resource.ParseQuantity(strings.TrimSpace(string(body)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mutex.Lock()
	f.external[key] = value
	f.mutex.Unlock()
}
