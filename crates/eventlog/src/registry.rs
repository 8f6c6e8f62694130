//! The processes that share a log: who is alive, where, doing what. Each renews its entry; one that stops disappears.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alluvium_messaging::{direct, streams::NODES};
use async_nats::jetstream::{self, kv::Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long an entry stands without being renewed, in milliseconds.
pub const NODE_TTL_MS: u64 = 6_000;
/// For how long, in milliseconds, an entry must be missing before its node counts as gone: after the log elected a leader all
/// entries may have run out, and come back at once.
const MISSING_MS: u64 = 2_000;
/// How often an entry is renewed and the others are looked at, in milliseconds.
const RENEW_EVERY_MS: u64 = 500;
/// Without a renewal for this long, in milliseconds, a process counts itself out: before the others do.
const SURE_MS: u64 = 4_500;
/// How long one look or renewal may take, in milliseconds.
const ASK_MS_MAX: u64 = 2_000;

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    /// Its name, which no other living process has.
    pub node: String,
    /// Where other processes reach it, `host:port`; none when nobody needs to.
    pub address: Option<String>,
    /// What it runs.
    pub roles: Vec<String>,
    /// Version of the binary.
    pub version: String,
}

/// A living process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub node: String,
    /// Where other processes reach it, `host:port`.
    pub address: Option<String>,
    /// What it runs.
    pub roles: Vec<String>,
    /// Version of the binary.
    pub version: String,
    /// Grows with each joining of a process of this name.
    pub epoch: u64,
    /// When it joined, microseconds since 1970.
    pub since: i64,
}

impl Member {
    /// Whether it runs a role.
    pub fn runs(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}

/// Of the members that run `role`, the one that `key` belongs to: the highest hash of node and key together (rendezvous), so
/// that a node that comes or goes moves only what it takes or leaves.
pub fn owner<'a>(members: &'a [Member], role: &str, key: &str) -> Option<&'a Member> {
    members.iter().filter(|member| member.runs(role)).max_by_key(|member| {
        let hash = Sha256::new().chain_update(&member.node).chain_update([0]).chain_update(key).finalize();
        let mut weight = [0; 8];
        weight.copy_from_slice(&hash[..8]);
        (u64::from_be_bytes(weight), member.node.clone())
    })
}

/// This process among the others.
pub struct Registry {
    js: jetstream::Context,
    info: NodeInfo,
    replicas: usize,
    members: watch::Sender<Arc<Vec<Member>>>,
    standing: Mutex<Standing>,
    /// Since when entries of nodes are missing that did not say that they leave.
    missing: Mutex<HashMap<String, Instant>>,
}

/// Our own entry, as far as we know.
#[derive(Clone, Copy, Default)]
struct Standing {
    revision: u64,
    epoch: u64,
    since: i64,
    renewed: Option<Instant>,
}

impl Registry {
    /// A registry that begins with [`Self::run`].
    pub fn new(js: jetstream::Context, info: NodeInfo, replicas: usize) -> Arc<Self> {
        let (members, _) = watch::channel(Arc::default());
        Arc::new(Self { js, info, replicas, members, standing: Mutex::default(), missing: Mutex::default() })
    }

    /// The name of this process.
    pub fn node(&self) -> &str {
        &self.info.node
    }

    /// Who lives, as last seen.
    pub fn members(&self) -> Arc<Vec<Member>> {
        self.members.borrow().clone()
    }

    /// Wakes when somebody came or went.
    pub fn watch(&self) -> watch::Receiver<Arc<Vec<Member>>> {
        self.members.subscribe()
    }

    /// Whether the others still count us in; false in good time before they stop. The clock goes on while the process is
    /// stopped, so one that was stopped for long knows at once.
    pub fn is_sure(&self) -> bool {
        self.lock().renewed.is_some_and(|at| at.elapsed() < Duration::from_millis(SURE_MS))
    }

    /// Which joining of this process counts now.
    pub fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Keeps the entry and looks at the others until cancelled; then takes the entry away.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut store = None;
        loop {
            self.turn(&mut store).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(Duration::from_millis(RENEW_EVERY_MS)) => {}
            }
        }
        let revision = self.lock().revision;
        self.lock().renewed = None;
        if let Some(store) = store
            && let Err(error) = store.delete_expect_revision(&self.info.node, Some(revision)).await
        {
            tracing::debug!(node = %self.info.node, %error, "the entry will run out by itself");
        }
    }

    /// Renews and looks once; waits no longer than its bound. For a start that needs to know the others.
    pub async fn turn(&self, store: &mut Option<Store>) {
        let work = async {
            let store = match store {
                Some(store) => store,
                none => none.insert(bucket(&self.js, self.replicas).await?),
            };
            self.renew(store).await?;
            self.look().await
        };
        let failed = match tokio::time::timeout(Duration::from_millis(ASK_MS_MAX), work).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(node = %self.info.node, error = failed, "the list of nodes cannot be kept up to date now");
    }

    async fn renew(&self, store: &Store) -> Result<(), String> {
        let asked = Instant::now();
        let held = *self.lock();
        let renewed = if held.revision > 0 {
            store.update(&self.info.node, self.entry(held.epoch, held.since), held.revision).await.ok()
        } else {
            None
        };
        let standing = match renewed {
            Some(revision) => Standing { revision, renewed: Some(asked), ..held },
            // Never there, run out, or renewed unheard: what the server has decides.
            None => self.join(store, asked).await?,
        };
        if standing.epoch != held.epoch {
            tracing::info!(node = %self.info.node, node.epoch = standing.epoch, "this process is among the nodes");
        }
        *self.lock() = standing;
        Ok(())
    }

    async fn join(&self, store: &Store, asked: Instant) -> Result<Standing, String> {
        let bucket = format!("KV_{NODES}");
        let subject = format!("$KV.{NODES}.{}", self.info.node);
        let there = direct::leader_last(&self.js, &bucket, &subject).await.map_err(|error| error.to_string())?;
        let known: Option<Member> = there.as_ref().and_then(|entry| serde_json::from_slice(&entry.payload).ok());
        let held = *self.lock();
        let (epoch, since) = match known {
            // A renewal of ours that went through unheard.
            Some(known) if known.epoch == held.epoch => (held.epoch, held.since),
            known => {
                let since = now_micros();
                let after = known.map_or(held.epoch, |known| known.epoch.max(held.epoch));
                (since.unsigned_abs().max(after + 1), since)
            }
        };
        let expected = there.map_or(0, |entry| entry.seq);
        let entry = self.entry(epoch, since);
        let revision = store.update(&self.info.node, entry, expected).await.map_err(|error| error.to_string())?;
        Ok(Standing { revision, epoch, since, renewed: Some(asked) })
    }

    async fn look(&self) -> Result<(), String> {
        let all = [format!("$KV.{NODES}.>")];
        let found =
            direct::multi_last(&self.js, &format!("KV_{NODES}"), &all).await.map_err(|error| error.to_string())?;
        let mut members: Vec<Member> =
            found.iter().filter_map(|message| serde_json::from_slice(&message.payload).ok()).collect();
        let left = |node: &str| found.iter().any(|entry| entry.subject == format!("$KV.{NODES}.{node}"));
        members.extend(self.not_gone_yet(&members, left));
        members.sort_by(|a, b| a.node.cmp(&b.node));
        self.members.send_if_modified(|known| {
            let changed = **known != members;
            if changed {
                *known = Arc::new(members);
            }
            changed
        });
        Ok(())
    }

    /// Nodes that were there before, and whose entries have only just run out.
    fn not_gone_yet(&self, present: &[Member], left: impl Fn(&str) -> bool) -> Vec<Member> {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_present = |node: &str| present.iter().any(|member| member.node == node);
        missing.retain(|node, _| !is_present(node));
        let known = self.members();
        let absent = known.iter().filter(|member| !is_present(&member.node) && !left(&member.node));
        absent
            .filter(|member| {
                let since = missing.entry(member.node.clone()).or_insert_with(Instant::now);
                since.elapsed() < Duration::from_millis(MISSING_MS)
            })
            .cloned()
            .collect()
    }

    fn entry(&self, epoch: u64, since: i64) -> bytes::Bytes {
        let NodeInfo { node, address, roles, version } = self.info.clone();
        serde_json::to_vec(&Member { node, address, roles, version, epoch, since }).unwrap_or_default().into()
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

async fn bucket(js: &jetstream::Context, replicas: usize) -> Result<Store, String> {
    if let Ok(store) = js.get_key_value(NODES).await {
        return Ok(store);
    }
    let config = jetstream::kv::Config {
        bucket: NODES.to_owned(),
        description: "The processes that share this log; an entry that is not renewed disappears.".to_owned(),
        history: 1,
        max_age: Duration::from_millis(NODE_TTL_MS),
        num_replicas: replicas,
        ..jetstream::kv::Config::default()
    };
    js.create_key_value(config).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(node: &str) -> Member {
        let roles = vec!["tables".to_owned()];
        Member { node: node.into(), address: None, roles, version: "1".into(), epoch: 1, since: 0 }
    }

    #[test]
    fn a_node_that_leaves_moves_only_what_it_had() {
        let three = [member("a"), member("b"), member("c")];
        let two = [member("a"), member("c")];
        let mut had = [0; 3];
        for n in 0..300 {
            let key = format!("default.project-{n}");
            let before = owner(&three, "tables", &key).unwrap();
            had[three.iter().position(|member| member == before).unwrap()] += 1;
            let after = owner(&two, "tables", &key).unwrap();
            assert!(before.node == "b" || before == after, "{key} moved from {} to {}", before.node, after.node);
        }
        assert!(had.iter().all(|had| *had > 50), "{had:?}");
        assert_eq!(owner(&three, "api", "x"), None);
    }
}
