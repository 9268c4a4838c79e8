//! What a reconcile costs that has nothing to do, and how many writes it takes to get there.
use crate::api::NocoBaseCluster;
use crate::kind::Kind;
use crate::reconcile::{Context, reconcile};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

static WRITES: AtomicUsize = AtomicUsize::new(0);

/// A server that takes every apply and hands back the object as it is then; its Deployments are available at once.
fn server() -> Client {
    let objects: Arc<Mutex<HashMap<String, Value>>> = Default::default();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let objects = objects.clone();
        async move {
            WRITES.fetch_add(1, Ordering::Relaxed);
            let path = request.uri().path().trim_end_matches("/status").to_string();
            let body: Value =
                serde_json::from_slice(&request.into_body().collect().await?.to_bytes()).unwrap_or_default();
            let mut objects = objects.lock().unwrap();
            let object = objects.entry(path).or_insert_with(|| json!({}));
            for (key, value) in body.as_object().into_iter().flatten() {
                if key != "metadata" || object["metadata"].is_null() {
                    object[key] = value.clone();
                }
            }
            object["metadata"]["generation"] = 1.into();
            object["metadata"]["resourceVersion"] = WRITES.load(Ordering::Relaxed).to_string().into();
            if object["kind"] == "Deployment" {
                object["status"] =
                    json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1});
            }
            Ok::<_, tower::BoxError>(http::Response::new(Body::from(object.to_string().into_bytes())))
        }
    });
    Client::new(service, "bench")
}

/// The cluster of the benchmark, with all that it becomes.
async fn settled() -> (Arc<NocoBaseCluster>, Arc<Context>) {
    let client = server();
    let mut cluster: Value = serde_json::from_str(include_str!("../../cluster.json")).unwrap();
    cluster["metadata"]["uid"] = "0b5c1f6e-8a4d-4c53-9d0e-000000000001".into();
    cluster["metadata"]["generation"] = 1.into();
    let path = "/apis/nocobase.com/v1alpha1/namespaces/bench/nocobaseclusters/bench";
    let request = http::Request::patch(path).body(serde_json::to_vec(&cluster).unwrap()).unwrap();
    let cluster: NocoBaseCluster = client.request(request).await.unwrap();
    WRITES.store(0, Ordering::Relaxed);
    let context = Arc::new(Context {
        drain: "sleep 5".into(),
        clusters: Kind::new(&client).0,
        roles: Kind::new(&client).0,
        accounts: Kind::new(&client).0,
        services: Kind::new(&client).0,
        deployments: Kind::new(&client).0,
    });
    let cluster = context.clusters.wrote(cluster);
    for _ in 0..3 {
        reconcile(cluster.clone(), context.clone()).await.unwrap();
    }
    (cluster, context)
}

#[tokio::test]
async fn converges_in_twelve_writes_and_then_writes_nothing() {
    let (cluster, context) = settled().await;
    // A ServiceAccount, a Service, three roles with a status each, three Deployments; the cluster's status once.
    assert_eq!(WRITES.load(Ordering::Relaxed), 12);
    reconcile(cluster, context).await.unwrap();
    assert_eq!(WRITES.load(Ordering::Relaxed), 12);
}

/// What this thread has used, in nanoseconds: the machine may be busy with something else.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "a measurement"]
async fn noop_reconcile() {
    let (cluster, context) = settled().await;
    for _ in 0..5 {
        let (began, used, mut count) = (Instant::now(), processor_time(), 0);
        while began.elapsed() < Duration::from_millis(300) {
            for _ in 0..20 {
                reconcile(cluster.clone(), context.clone()).await.unwrap();
            }
            count += 20;
        }
        println!("{:.0} cpu-ns/op", (processor_time() - used) as f64 / f64::from(count));
    }
    assert_eq!(WRITES.load(Ordering::Relaxed), 12);
}
