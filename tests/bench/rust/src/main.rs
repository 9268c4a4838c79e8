//! The part of nocobase-operator that the benchmark measures, as one would write it with kube-rs.
mod api;
mod children;
mod kind;
mod lease;
mod metrics;
#[cfg(test)]
mod noop;
mod reconcile;
mod status;

use axum::{Router, http::StatusCode, routing::get};
use futures::{StreamExt, channel::mpsc};
use kind::{Kind, cluster_of};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, controller, watcher};
use kube::{Client, Config, ResourceExt};
use reconcile::Context;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering};

#[global_allocator]
static ALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: HashMap<&str, &str> =
        args.chunks_exact(2).map(|a| (a[0].trim_start_matches('-'), a[1].as_str())).collect();
    let arg = |k: &str, d: &'static str| args.get(k).map_or(d.to_string(), |v| v.to_string());

    let config = match args.get("kubeconfig") {
        Some(f) => Config::from_custom_kubeconfig(Kubeconfig::read_from(f)?, &KubeConfigOptions::default()).await?,
        None => Config::infer().await?,
    };
    let client = Client::try_from(config)?;

    // The caches run from the start, on standbys too; only the leader is told of changes.
    let leading = Arc::new(AtomicBool::new(false));
    let (tx, rx) = mpsc::unbounded();
    let tell = {
        let (leading, tx) = (leading.clone(), tx.clone());
        move |r: Option<ObjectRef<api::NocoBaseCluster>>| {
            if let Some(r) = r.filter(|_| leading.load(Ordering::Acquire)) {
                let _ = tx.unbounded_send(r);
            }
        }
    };
    let all = watcher::Config::default().streaming_lists();
    let ours = all.clone().labels(&format!("app.kubernetes.io/managed-by={}", children::MANAGER));
    let generations = Mutex::new(HashMap::new()); // status writes do not trigger a reconcile
    let t = tell.clone();
    let ctx = Arc::new(Context {
        drain: std::fs::read_to_string(arg("drain", ""))?,
        clusters: Kind::watch(&client, all, move |c: &api::NocoBaseCluster, gone| {
            let mut seen = generations.lock().unwrap();
            if gone {
                seen.remove(&c.uid());
            } else if seen.insert(c.uid(), c.metadata.generation) != Some(c.metadata.generation) {
                t(Some(ObjectRef::from_obj(c)));
            }
        }),
        roles: watched(&client, &ours, &tell),
        accounts: watched(&client, &ours, &tell),
        services: watched(&client, &ours, &tell),
        deployments: watched(&client, &ours, &tell),
    });

    let mut synced = [
        ctx.clusters.synced.subscribe(),
        ctx.roles.synced.subscribe(),
        ctx.accounts.synced.subscribe(),
        ctx.services.synced.subscribe(),
        ctx.deployments.synced.subscribe(),
    ];
    let s = synced.clone();
    let ready = move || if s.iter().all(|s| *s.borrow()) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let probes =
        Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(|| async move { ready() }));
    let metrics = Router::new().route("/metrics", get(|| async { metrics::text() }));
    for (flag, default, app) in
        [("health-probe-bind-address", "127.0.0.1:8081", probes), ("metrics-bind-address", "127.0.0.1:8080", metrics)]
    {
        let l = tokio::net::TcpListener::bind(arg(flag, default)).await?;
        tokio::spawn(async move { axum::serve(l, app).await });
    }

    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let me = format!(
        "{}_{}_{}",
        std::env::var("HOSTNAME").unwrap_or_default(),
        std::process::id(),
        k8s_openapi::jiff::Timestamp::now().as_nanosecond()
    );
    let mut election = lease::Election::new(client.clone(), &arg("leader-election-namespace", "default"), me);
    tokio::select! {
        _ = election.acquire() => {}
        _ = term.recv() => return Ok(()),
    }
    for s in &mut synced {
        s.wait_for(|done| *done).await?;
    }
    leading.store(true, Ordering::Release);
    for c in ctx.clusters.store.state() {
        tx.unbounded_send(ObjectRef::from_obj(c.as_ref()))?;
    }
    let run = Controller::for_stream(futures::stream::pending(), ctx.clusters.store.clone())
        .with_config(controller::Config::default().concurrency(arg("concurrency", "8").parse()?))
        .reconcile_on(rx)
        .run(reconcile::reconcile, reconcile::on_error, ctx.clone())
        .for_each(|_| std::future::ready(()));
    tokio::select! {
        _ = run => {}
        _ = election.hold() => anyhow::bail!("lost the Lease"),
        _ = term.recv() => {}
    }
    election.release().await;
    Ok(())
}

fn watched<K: kind::Object>(
    client: &Client,
    config: &watcher::Config,
    tell: &(impl Fn(Option<ObjectRef<api::NocoBaseCluster>>) + Clone + Send + 'static),
) -> Arc<Kind<K>> {
    let tell = tell.clone();
    Kind::watch(client, config.clone(), move |o: &K, _| tell(cluster_of(o)))
}
