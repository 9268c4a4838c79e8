// operator does the part of nocobase-operator that the benchmark measures, as one would write it with controller-runtime.
package main

import (
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

func main() {
	metrics := flag.String("metrics-bind-address", "127.0.0.1:8080", "address of /metrics")
	probes := flag.String("health-probe-bind-address", "127.0.0.1:8081", "address of /healthz and /readyz")
	ns := flag.String("leader-election-namespace", "default", "namespace of the Lease")
	concurrency := flag.Int("concurrency", 8, "clusters reconciled at the same time")
	drain := flag.String("drain", "", "file with the script that pods run before they stop")
	flag.Parse() // --kubeconfig comes with controller-runtime

	log := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(log)
	klog.SetLogger(log)
	if err := run(options{*metrics, *probes, *ns, *drain, *concurrency}); err != nil {
		log.Error(err, "stopped")
		os.Exit(1)
	}
}

type options struct {
	metrics, probes, namespace, drain string
	concurrency                       int
}

func run(o options) error {
	drain, err := os.ReadFile(o.drain)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, coordinationv1.AddToScheme, addToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	cfg, err := ctrl.GetConfig() // no client-side rate limit; protobuf for built-in kinds; JSON for ours
	if err != nil {
		return err
	}
	rest.AddUserAgent(cfg, "nocobase-operator-go")
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{labelManagedBy: manager})}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.ServiceAccount{}: ours, &corev1.Service{}: ours, &NocoBaseRole{}: ours, &appsv1.Deployment{}: ours,
			},
			ReaderFailOnMissingInformer: true,
		},
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: ptr.To(true)}},
		Metrics:                       server.Options{BindAddress: o.metrics},
		HealthProbeBindAddress:        o.probes,
		LeaderElection:                true,
		LeaderElectionID:              "nocobase-operator",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    config.Controller{MaxConcurrentReconciles: o.concurrency, EnableWarmup: ptr.To(true)},
	})
	if err != nil {
		return err
	}
	ctx := ctrl.SetupSignalHandler()
	if err := (&reconciler{mgr.GetClient(), renderer{string(drain)}}).setup(ctx, mgr); err != nil {
		return err
	}
	var synced []func() bool
	for _, kind := range []client.Object{&NocoBaseCluster{}, &NocoBaseRole{}, &corev1.ServiceAccount{}, &corev1.Service{}, &appsv1.Deployment{}} {
		informer, err := mgr.GetCache().GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		synced = append(synced, informer.HasSynced)
	}
	_ = mgr.AddHealthzCheck("ping", healthz.Ping)
	_ = mgr.AddReadyzCheck("caches", func(*http.Request) error {
		for _, is := range synced {
			if !is() {
				return errors.New("caches are not synced")
			}
		}
		return nil
	})
	return mgr.Start(ctx)
}
