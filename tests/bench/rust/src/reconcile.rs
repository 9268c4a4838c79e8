//! Makes a cluster's children what they are to be.
use crate::api::{NocoBaseCluster, NocoBaseRole, NocoBaseRoleStatus, RoleSpec, RoleState};
use crate::children;
use crate::kind::Kind;
use futures::future::{try_join, try_join_all};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use kube::runtime::controller::Action;
use kube::{Error, ResourceExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub struct Context {
    pub drain: String,
    pub clusters: Arc<Kind<NocoBaseCluster>>,
    pub roles: Arc<Kind<NocoBaseRole>>,
    pub accounts: Arc<Kind<ServiceAccount>>,
    pub services: Arc<Kind<Service>>,
    pub deployments: Arc<Kind<Deployment>>,
}

/// Whether the server would refuse it again.
pub fn is_invalid(e: &Error) -> bool {
    matches!(e, Error::Api(s) if s.code == 422)
}

pub async fn reconcile(c: Arc<NocoBaseCluster>, ctx: Arc<Context>) -> Result<Action, Error> {
    let _timer = crate::metrics::reconcile();
    let (ns, name) = (c.namespace().unwrap_or_default(), c.name_any());
    let Some(c) = ctx.clusters.get(&ns, &name).filter(|c| c.metadata.deletion_timestamp.is_none()) else {
        return Ok(Action::await_change()); // garbage collection removes what the cluster owned
    };
    let mut outcome = all_children(&c, &ns, &ctx).await;
    if outcome.is_ok()
        && let Err(e) = prune(&c, &ns, &ctx).await
    {
        outcome = Err(e);
    }
    let status = crate::status::of(&c, &outcome);
    if c.status.as_ref() != Some(&status) {
        ctx.clusters.apply_status(&ns, &name, json!(status)).await?;
    }
    outcome.map(|_| Action::await_change())
}

pub fn on_error(c: Arc<NocoBaseCluster>, e: &Error, _: Arc<Context>) -> Action {
    tracing::warn!(cluster = %c.name_any(), error = %e, "reconcile");
    crate::metrics::ERRORS.inc();
    if is_invalid(e) { Action::await_change() } else { Action::requeue(Duration::from_secs(5)) }
}

/// Applies what is missing or differs; the roles are done side by side.
async fn all_children(c: &NocoBaseCluster, ns: &str, ctx: &Context) -> Result<Vec<RoleState>, Error> {
    let shared =
        try_join(ctx.accounts.ensure(ns, children::service_account(c)), ctx.services.ensure(ns, children::service(c)));
    let roles = try_join_all(c.spec.roles.iter().map(|r| role(c, r, ns, ctx)));
    Ok(try_join(shared, roles).await?.1)
}

async fn role(c: &NocoBaseCluster, spec: &RoleSpec, ns: &str, ctx: &Context) -> Result<RoleState, Error> {
    let d = ctx.deployments.ensure(ns, children::deployment(c, spec, &ctx.drain)).await?;
    let seen = d.status.clone().unwrap_or_default();
    let current = seen.observed_generation.unwrap_or(0) >= d.metadata.generation.unwrap_or(0);
    let (replicas, ready, updated) =
        (seen.replicas.unwrap_or(0), seen.ready_replicas.unwrap_or(0), seen.updated_replicas.unwrap_or(0));

    let r = ctx.roles.ensure(ns, children::role(c, spec)).await?;
    let want = NocoBaseRoleStatus {
        observed_generation: r.metadata.generation.unwrap_or(0),
        worker_mode: spec.worker_mode(),
        replicas,
        ready_replicas: ready,
        selector: children::selector(c, &spec.name),
        why: "spec".into(),
    };
    if r.status.as_ref() != Some(&want) {
        ctx.roles.apply_status(ns, &r.name_any(), json!(want)).await?;
    }
    Ok(RoleState {
        name: spec.name.clone(),
        worker_mode: want.worker_mode,
        desired: spec.replicas(),
        effective: spec.replicas(),
        ready: if current { ready.min(updated) } else { 0 },
        updated: if current { updated } else { 0 },
        why: want.why,
    })
}

/// Deletes the children of roles that the spec no longer has.
async fn prune(c: &NocoBaseCluster, ns: &str, ctx: &Context) -> Result<(), Error> {
    let keep: Vec<String> = c.spec.roles.iter().map(|r| children::child_name(c, Some(&r.name))).collect();
    let uid = c.uid().unwrap_or_default();
    ctx.roles.prune(ns, &uid, &keep).await?;
    ctx.deployments.prune(ns, &uid, &keep).await
}
