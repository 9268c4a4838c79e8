//! Leader election on a Lease, with client-go's times.
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use std::time::{Duration, Instant};

const DURATION: u64 = 15;
const DEADLINE: u64 = 10;
const RETRY: u64 = 2;

pub struct Election {
    api: Api<Lease>,
    me: String,
    /// The Lease's last seen version and when it was first seen: others' clocks are not relied on.
    seen: (String, Instant),
}

impl Election {
    pub fn new(client: Client, ns: &str, me: String) -> Self {
        Election { api: Api::namespaced(client, ns), me, seen: (String::new(), Instant::now()) }
    }

    async fn try_hold(&mut self) -> kube::Result<bool> {
        let now = MicroTime(Timestamp::now());
        let Some(mut l) = self.api.get_opt("nocobase-operator").await? else {
            let l = json!({"metadata": {"name": "nocobase-operator"}, "spec": {"holderIdentity": self.me, "leaseDurationSeconds": DURATION, "acquireTime": now, "renewTime": now, "leaseTransitions": 0}});
            let l: Lease = serde_json::from_value(l).map_err(kube::Error::SerdeError)?;
            return self.api.create(&PostParams::default(), &l).await.map(|_| true);
        };
        let version = l.resource_version().unwrap_or_default();
        if self.seen.0 != version {
            self.seen = (version, Instant::now());
        }
        let spec = l.spec.get_or_insert_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if holder != self.me {
            if !holder.is_empty()
                && self.seen.1.elapsed() < Duration::from_secs(spec.lease_duration_seconds.unwrap_or(0).max(0) as u64)
            {
                return Ok(false);
            }
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0) + 1);
            spec.holder_identity = Some(self.me.clone());
            spec.lease_duration_seconds = Some(DURATION as i32);
        }
        spec.renew_time = Some(now);
        self.api.replace("nocobase-operator", &PostParams::default(), &l).await.map(|_| true)
    }

    pub async fn acquire(&mut self) {
        while !self.try_hold().await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_secs(RETRY)).await;
        }
        tracing::info!("leading");
    }

    /// Returns when the Lease could not be renewed in time.
    pub async fn hold(&mut self) {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_secs(DEADLINE) {
            tokio::time::sleep(Duration::from_secs(RETRY)).await;
            match tokio::time::timeout(Duration::from_secs(RETRY * 2), self.try_hold()).await {
                Ok(Ok(true)) => last = Instant::now(),
                Ok(Ok(false)) => break,
                _ => {}
            }
        }
    }

    pub async fn release(&self) {
        if let Ok(mut l) = self.api.get("nocobase-operator").await
            && let Some(s) = l.spec.as_mut()
            && s.holder_identity.as_ref() == Some(&self.me)
        {
            s.holder_identity = Some(String::new());
            s.lease_duration_seconds = Some(1);
            let _ = self.api.replace("nocobase-operator", &PostParams::default(), &l).await;
        }
    }
}
