//! What a cluster's status says.
use crate::api::{ClusterStatus, NocoBaseCluster, RoleState, ServiceState, WorkerIds};
use crate::reconcile::is_invalid;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

const WORKER_ID_LIMIT: i32 = 32;

pub fn of(c: &NocoBaseCluster, outcome: &Result<Vec<RoleState>, kube::Error>) -> ClusterStatus {
    let old = c.status.clone().unwrap_or_default();
    let generation = c.metadata.generation.unwrap_or(0);
    let condition = |kind: &str, holds: bool, reason: &str, message: String| {
        let status = if holds { "True" } else { "False" };
        let since = old
            .conditions
            .iter()
            .find(|o| o.type_ == kind && o.status == status)
            .map(|o| o.last_transition_time.clone());
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        Condition {
            type_: kind.into(),
            status: status.into(),
            reason: reason.into(),
            message,
            observed_generation: Some(generation),
            last_transition_time: since.unwrap_or(Time(now)),
        }
    };
    let pods: i32 = c.spec.roles.iter().map(|r| r.replicas()).sum();
    let (phase, roles, mut conditions) = match outcome {
        Err(e) => {
            let invalid = is_invalid(e);
            (
                "Blocked",
                old.roles.clone(),
                vec![
                    condition("Ready", false, "ApplyFailed", e.to_string()),
                    condition("Reconciling", !invalid, "Retrying", String::new()),
                    condition("Stalled", invalid, "ApplyFailed", e.to_string()),
                ],
            )
        }
        Ok(roles) => {
            let waiting = roles.iter().find(|r| r.ready < r.effective);
            let progress = match waiting {
                Some(role) => {
                    let message = format!("role {}: its Deployment is changing", role.name);
                    [
                        condition("Ready", false, "Rolling", message.clone()),
                        condition("Reconciling", true, "Rolling", message),
                    ]
                }
                None => [
                    condition("Ready", true, "AllRolesReady", "every role has the pods it is to have".into()),
                    condition("Reconciling", false, "AsExpected", String::new()),
                ],
            };
            let [ready, reconciling] = progress;
            (
                "Running",
                roles.clone(),
                vec![ready, reconciling, condition("Stalled", false, "AsExpected", String::new())],
            )
        }
    };
    conditions.extend([
        condition("ServicesCovered", true, "AllServed", String::new()),
        condition("WorkerIdsAvailable", pods < WORKER_ID_LIMIT, "WithinLimit", String::new()),
        condition("Coordinated", true, "Shared", String::new()),
        condition("AutoscalersReady", true, "NoneAsked", String::new()),
        condition("KeysIntact", true, "KeysPresent", String::new()),
        condition("ImagePinned", true, "VersionTag", String::new()),
    ]);
    let services = ["requests", "workflow:process", "async-task:process"];
    ClusterStatus {
        observed_generation: generation,
        phase: phase.into(),
        conditions,
        image: c.spec.image.clone(),
        version: c.spec.image.split_once(':').map_or("", |(_, tag)| tag.split('-').next().unwrap_or(tag)).into(),
        operation: old.operation,
        roles,
        services: services
            .map(|key| ServiceState {
                key: key.into(),
                roles: c.spec.roles.iter().filter(|r| r.serves(key)).map(|r| r.name.clone()).collect(),
            })
            .into(),
        worker_ids: WorkerIds { limit: WORKER_ID_LIMIT, worst: pods + 1 },
    }
}
