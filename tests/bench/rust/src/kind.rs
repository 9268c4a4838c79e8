//! One watched kind: its cache, and writing to it only when something differs.
use crate::children::{MANAGER, Want, is_as_wanted};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

const APPLIED: &str = "nocobase.com/applied";

pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}
impl<
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
> Object for K
{
}

pub struct Kind<K: Object> {
    client: Client,
    pub store: Store<K>,
    /// What our writes returned, until the cache has it too: a reconcile never acts on less than it wrote itself.
    recent: Mutex<HashMap<ObjectRef<K>, Arc<K>>>,
    by_owner: Mutex<HashMap<String, BTreeSet<String>>>,
    /// Not Store::wait_until_ready: of several waiters (the probe, main, Controller) it wakes only the one that polled last.
    pub synced: tokio::sync::watch::Sender<bool>,
}

fn rv<K: Resource>(o: &K) -> u64 {
    o.meta().resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0)
}

fn owner<K: Resource>(o: &K) -> Option<(&str, &str)> {
    let r = o
        .meta()
        .owner_references
        .as_ref()?
        .iter()
        .find(|r| r.controller == Some(true) && r.kind == "NocoBaseCluster")?;
    Some((&r.uid, &r.name))
}

impl<K: Object> Kind<K> {
    /// With nothing in its cache, and what fills that.
    pub fn new(client: &Client) -> (Arc<Self>, reflector::store::Writer<K>) {
        let (store, writer) = reflector::store();
        let (recent, by_owner, synced) = Default::default();
        (Arc::new(Kind { client: client.clone(), store, recent, by_owner, synced }), writer)
    }

    /// Starts watching; touched is told each object that changed.
    pub fn watch(client: &Client, config: watcher::Config, touched: impl Fn(&K, bool) + Send + 'static) -> Arc<Self> {
        let (kind, writer) = Self::new(client);
        let k = kind.clone();
        let stream = watcher(Api::<K>::all(client.clone()), config)
            .default_backoff()
            .modify(|o| o.meta_mut().managed_fields = None)
            .reflect(writer)
            .inspect_err(|e| tracing::warn!(kind = %K::kind(&()), error = %e, "watch"));
        tokio::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(ev) = stream.next().await {
                match ev {
                    Ok(watcher::Event::Apply(o) | watcher::Event::InitApply(o)) => {
                        if let Some((uid, _)) = owner(&o) {
                            k.by_owner.lock().unwrap().entry(uid.into()).or_default().insert(o.name_any());
                        }
                        touched(&o, false);
                    }
                    Ok(watcher::Event::Delete(o)) => {
                        k.recent.lock().unwrap().remove(&ObjectRef::from_obj(&o));
                        if let Some((uid, _)) = owner(&o) {
                            let mut m = k.by_owner.lock().unwrap();
                            if let Some(names) = m.get_mut(uid) {
                                names.remove(&o.name_any());
                                if names.is_empty() {
                                    m.remove(uid);
                                }
                            }
                        }
                        touched(&o, true);
                    }
                    Ok(watcher::Event::InitDone) => drop(k.synced.send_replace(true)),
                    _ => {}
                }
            }
        });
        kind
    }

    fn api(&self, ns: &str) -> Api<K> {
        Api::namespaced(self.client.clone(), ns)
    }

    pub fn get(&self, ns: &str, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::new(name).within(ns);
        let mut recent = self.recent.lock().unwrap();
        let cached = self.store.get(&key);
        match (recent.get(&key), cached) {
            (Some(r), Some(c)) if rv(c.as_ref()) >= rv(r.as_ref()) => {
                recent.remove(&key);
                Some(c)
            }
            (Some(r), _) => Some(r.clone()),
            (None, c) => c,
        }
    }

    pub fn wrote(&self, mut o: K) -> Arc<K> {
        o.meta_mut().managed_fields = None;
        let o = Arc::new(o);
        self.recent.lock().unwrap().insert(ObjectRef::from_obj(o.as_ref()), o.clone());
        o
    }

    /// Writes want unless the live object carries the hash of the same wanted object (so no field was taken off it
    /// since) and still shows its labels, owner and the rest (so nobody changed them meanwhile).
    pub async fn ensure(&self, ns: &str, mut want: Want) -> kube::Result<Arc<K>> {
        let mut h = std::hash::DefaultHasher::new(); // fixed keys: the same in every process
        want.body.hash(&mut h);
        let sum = format!("{:x}", h.finish());
        if let Some(live) = self.get(ns, &want.name)
            && live.annotations().get(APPLIED) == Some(&sum)
            && is_as_wanted(&want.body, live.as_ref())
        {
            return Ok(live);
        }
        want.body["metadata"]["annotations"][APPLIED] = sum.into();
        let o = self.api(ns).patch(&want.name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&want.body)).await?;
        crate::metrics::WRITES.inc();
        Ok(self.wrote(o))
    }

    pub async fn apply_status(&self, ns: &str, name: &str, status: Value) -> kube::Result<()> {
        let body = json!({"apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"namespace": ns, "name": name}, "status": status});
        let o = self.api(ns).patch_status(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&body)).await?;
        crate::metrics::WRITES.inc();
        self.wrote(o);
        Ok(())
    }

    /// Deletes what the owner has beyond keep.
    pub async fn prune(&self, ns: &str, owner_uid: &str, keep: &[String]) -> kube::Result<()> {
        let names: Vec<String> = match self.by_owner.lock().unwrap().get(owner_uid) {
            Some(n) => n.iter().filter(|n| !keep.contains(n)).cloned().collect(),
            None => return Ok(()),
        };
        for name in names {
            let Some(o) = self.get(ns, &name).filter(|o| {
                o.meta().deletion_timestamp.is_none() && owner(o.as_ref()).is_some_and(|(u, _)| u == owner_uid)
            }) else {
                continue;
            };
            let dp = DeleteParams {
                preconditions: Some(Preconditions { uid: o.uid(), ..Default::default() }),
                ..DeleteParams::background()
            };
            match self.api(ns).delete(&name, &dp).await {
                Err(kube::Error::Api(e)) if e.code == 404 => {}
                r => drop(r?),
            }
            crate::metrics::WRITES.inc();
        }
        Ok(())
    }
}

/// The cluster that a child belongs to.
pub fn cluster_of<K: Resource>(o: &K) -> Option<ObjectRef<crate::api::NocoBaseCluster>> {
    let (_, name) = owner(o)?;
    Some(ObjectRef::new(name).within(o.meta().namespace.as_deref()?))
}
