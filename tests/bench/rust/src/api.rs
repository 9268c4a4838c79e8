//! The part of the API that the clusters of the benchmark use, as crds/ defines it.
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Alone in services: each of them.
const EVERYTHING: &str = "*";

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "nocobase.com", version = "v1alpha1", kind = "NocoBaseCluster", namespaced)]
#[kube(status = "ClusterStatus", schema = "disabled")]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    pub image: String,
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    pub keys: SecretRef,
    pub initial_admin: SecretRef,
    pub database: Database,
    pub coordination: Coordination,
    pub storage: Storage,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RoleSpec {
    pub name: String,
    #[serde(default)]
    pub requests: bool,
    #[serde(default)]
    pub services: Vec<String>,
    pub replicas: Option<i32>,
    #[serde(default)]
    pub env: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Name {
    pub name: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    pub secret_ref: Name,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SecretKey {
    pub name: String,
    pub key: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    pub dialect: String,
    pub host: String,
    pub port: Option<i32>,
    pub name: String,
    pub user: String,
    pub password_secret_ref: SecretKey,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Coordination {
    pub redis: Redis,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Redis {
    pub host: String,
    pub port: Option<i32>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    pub existing_claim: String,
}

impl RoleSpec {
    fn serves_all(&self) -> bool {
        self.services == [EVERYTHING]
    }

    pub fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(1)
    }

    pub fn serves(&self, key: &str) -> bool {
        if key == "requests" { self.requests } else { self.serves_all() || self.services.iter().any(|s| s == key) }
    }

    /// The value of WORKER_MODE: what a process of the role takes on.
    pub fn worker_mode(&self) -> String {
        match (self.requests, self.serves_all()) {
            (true, true) => String::new(),
            (false, true) => EVERYTHING.into(),
            (requests, false) => {
                let first = requests.then_some("!").into_iter();
                first.chain(self.services.iter().map(String::as_str)).collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// What is so. The operation is kept as it is found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    pub observed_generation: i64,
    pub phase: String,
    pub conditions: Vec<Condition>,
    pub image: String,
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Value>,
    pub roles: Vec<RoleState>,
    pub services: Vec<ServiceState>,
    pub worker_ids: WorkerIds,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleState {
    pub name: String,
    pub worker_mode: String,
    pub desired: i32,
    pub effective: i32,
    pub ready: i32,
    pub updated: i32,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ServiceState {
    pub key: String,
    pub roles: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct WorkerIds {
    pub limit: i32,
    pub worst: i32,
}

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "nocobase.com", version = "v1alpha1", kind = "NocoBaseRole", namespaced)]
#[kube(status = "NocoBaseRoleStatus", schema = "disabled")]
#[serde(rename_all = "camelCase")]
pub struct NocoBaseRoleSpec {
    pub cluster_name: String,
    pub role: String,
    #[serde(default)]
    pub replicas: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NocoBaseRoleStatus {
    pub observed_generation: i64,
    pub worker_mode: String,
    pub replicas: i32,
    pub ready_replicas: i32,
    pub selector: String,
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_modes() {
        let mode = |requests, services: &[&str]| {
            RoleSpec { requests, services: services.iter().map(|s| s.to_string()).collect(), ..Default::default() }
                .worker_mode()
        };
        assert_eq!(mode(true, &[]), "!");
        assert_eq!(mode(true, &["*"]), "");
        assert_eq!(mode(false, &["*"]), "*");
        assert_eq!(mode(true, &["a", "b"]), "!,a,b");
        assert_eq!(mode(false, &["a"]), "a");
    }
}
