//! What a cluster's children look like, as the fields that are sent.
use crate::api::{NocoBaseCluster, NocoBaseRole, RoleSpec};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

pub const MANAGER: &str = "nocobase-operator";
const REQUESTS: &str = "nocobase.com/requests";
const PORT: i32 = 13000;
/// Seconds until no endpoint leads to a pod that is going.
const ENDPOINT_DELAY: i32 = 5;

/// A wanted object: its name and the fields that are ours.
pub struct Want {
    pub name: String,
    pub body: Value,
}

fn want<K: Resource<DynamicType = ()>>(c: &NocoBaseCluster, role: Option<&str>, rest: Value) -> Want {
    let name = child_name(c, role);
    let mut body = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        "metadata": {
            "name": name, "namespace": c.namespace(), "labels": labels(c, role),
            "ownerReferences": [c.controller_owner_ref(&())],
        },
    });
    if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
        body.extend(rest);
    }
    Want { name, body }
}

fn labels(c: &NocoBaseCluster, role: Option<&str>) -> Value {
    let mut all = json!({
        "app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": c.name_any(),
        "app.kubernetes.io/part-of": "nocobase", "app.kubernetes.io/managed-by": MANAGER,
    });
    if let Some(role) = role {
        all["app.kubernetes.io/component"] = role.into();
    }
    all
}

fn match_labels(c: &NocoBaseCluster, role: &str) -> Value {
    json!({"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": c.name_any(), "app.kubernetes.io/component": role})
}

pub fn child_name(c: &NocoBaseCluster, role: Option<&str>) -> String {
    role.map_or_else(|| c.name_any(), |r| format!("{}-{r}", c.name_any()))
}

/// The selector of a role's pods as autoscalers take it.
pub fn selector(c: &NocoBaseCluster, role: &str) -> String {
    format!(
        "app.kubernetes.io/component={role},app.kubernetes.io/instance={},app.kubernetes.io/name=nocobase",
        c.name_any()
    )
}

pub fn service_account(c: &NocoBaseCluster) -> Want {
    want::<ServiceAccount>(c, None, json!({"automountServiceAccountToken": false}))
}

pub fn service(c: &NocoBaseCluster) -> Want {
    want::<Service>(
        c,
        None,
        json!({"spec": {
            "type": "ClusterIP",
            "selector": {"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": c.name_any(), REQUESTS: "true"},
            "ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}],
        }}),
    )
}

pub fn role(c: &NocoBaseCluster, r: &RoleSpec) -> Want {
    want::<NocoBaseRole>(
        c,
        Some(&r.name),
        json!({"spec": {"clusterName": c.name_any(), "role": r.name, "replicas": r.replicas()}}),
    )
}

fn environment(c: &NocoBaseCluster, r: &RoleSpec) -> Vec<Value> {
    // The server leaves an empty value out.
    let plain = |name: &str, value: &str| {
        if value.is_empty() { json!({"name": name}) } else { json!({"name": name, "value": value}) }
    };
    let secret = |name: &str, secret: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
    let (database, redis) = (&c.spec.database, &c.spec.coordination.redis);
    let port = database.port.unwrap_or(match database.dialect.as_str() {
        "postgres" => 5432,
        "kingbase" => 54321,
        _ => 3306,
    });
    let redis = |number: i32| format!("redis://{}:{}/{number}", redis.host, redis.port.unwrap_or(6379));
    let (keys, admin) = (&c.spec.keys.secret_ref.name, &c.spec.initial_admin.secret_ref.name);
    let password = &database.password_secret_ref;
    let mut all = vec![
        plain("WORKER_MODE", &r.worker_mode()),
        plain("APP_PORT", &PORT.to_string()),
        plain("APP_LAUNCH_MODE", "node"),
        plain("SKIP_SAME_VERSION_UPGRADE", "true"),
        plain("DISABLE_PKG_DOWNLOAD", "true"),
        plain("LOGGER_TRANSPORT", "console"),
        plain("SOCKET_PATH", "/run/nocobase/gateway.sock"),
        plain("PM2_HOME", "/run/nocobase/pm2"),
        plain("DB_DIALECT", &database.dialect),
        plain("DB_HOST", &database.host),
        plain("DB_PORT", &port.to_string()),
        plain("DB_DATABASE", &database.name),
        plain("DB_USER", &database.user),
        secret("DB_PASSWORD", &password.name, &password.key),
        plain("CACHE_REDIS_URL", &redis(0)),
        plain("CACHE_DEFAULT_STORE", "redis"),
        plain("PUBSUB_ADAPTER_REDIS_URL", &redis(1)),
        plain("LOCK_ADAPTER_REDIS_URL", &redis(2)),
        plain("LOCK_ADAPTER_DEFAULT", "redis"),
        plain("QUEUE_ADAPTER_REDIS_URL", &redis(3)),
        plain("QUEUE_ADAPTER", "redis"),
        plain("REDIS_URL", &redis(4)),
        secret("APP_KEY", keys, "APP_KEY"),
        secret("APP_AES_SECRET_KEY", keys, "APP_AES_SECRET_KEY"),
        secret("INIT_ROOT_EMAIL", admin, "INIT_ROOT_EMAIL"),
        secret("INIT_ROOT_PASSWORD", admin, "INIT_ROOT_PASSWORD"),
    ];
    all.extend(r.env.iter().cloned());
    all
}

/// `drain` is the script that pods run before they stop.
pub fn deployment(c: &NocoBaseCluster, r: &RoleSpec, drain: &str) -> Want {
    let (surge, unavailable, seconds) = if r.requests { (1, 0, 60) } else { (0, 1, 600) };
    let mut pod_labels = labels(c, Some(&r.name));
    if r.requests {
        pod_labels[REQUESTS] = "true".into();
    }
    let probe = |period: i32, failures: i32| json!({"httpGet": {"path": "/api/__health_check", "port": PORT}, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures});
    let spread = |key: &str| json!({"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": match_labels(c, &r.name)}});
    let mut all = want::<Deployment>(
        c,
        Some(&r.name),
        json!({"spec": {
            "replicas": r.replicas(),
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": match_labels(c, &r.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "template": {
                "metadata": {"labels": pod_labels, "annotations": {"kubectl.kubernetes.io/default-container": "nocobase"}},
                "spec": {
                    "serviceAccountName": c.name_any(),
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "terminationGracePeriodSeconds": ENDPOINT_DELAY + seconds + 5,
                    "topologySpreadConstraints": [spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")],
                    "volumes": [
                        {"name": "storage", "persistentVolumeClaim": {"claimName": c.spec.storage.existing_claim}},
                        {"name": "run", "emptyDir": {}},
                    ],
                    "containers": [{
                        "name": "nocobase",
                        "image": c.spec.image,
                        "env": environment(c, r),
                        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
                        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", drain, "drain", ENDPOINT_DELAY.to_string(), seconds.to_string()]}}},
                        "startupProbe": probe(5, 120),
                        "readinessProbe": probe(5, 3),
                        "livenessProbe": probe(30, 20),
                        "volumeMounts": [{"name": "storage", "mountPath": "/app/nocobase/storage"}, {"name": "run", "mountPath": "/run/nocobase"}],
                    }],
                },
            },
        }}),
    );
    all.body["metadata"]["annotations"] = json!({"nocobase.com/epoch": "1"});
    all
}

/// Whether live has all that want has: maps may have more keys, lists may not be longer. That a field was taken off the
/// wanted side is found by the hash (see Kind::ensure).
pub fn covers(want: &Value, live: &Value) -> bool {
    match (want, live) {
        (Value::Object(w), Value::Object(l)) => w.iter().all(|(k, v)| l.get(k).is_some_and(|x| covers(v, x))),
        (Value::Array(w), Value::Array(l)) => w.len() == l.len() && w.iter().zip(l).all(|(a, b)| covers(a, b)),
        _ => want == live,
    }
}

/// Whether a live object still says everything that is wanted but for its annotations.
pub fn is_as_wanted<K: Resource + Serialize>(want: &Value, live: &K) -> bool {
    let live = serde_json::to_value(live).unwrap_or_default();
    let Value::Object(fields) = want else { return false };
    fields.iter().all(|(key, value)| match key.as_str() {
        "apiVersion" | "kind" => true,
        "metadata" => ["labels", "ownerReferences"].iter().all(|key| covers(&value[key], &live["metadata"][key])),
        _ => covers(value, &live[key]),
    })
}
