//! What the bucket of owners says: who has claimed which project, and up to where each process has decided on the log.
//!
//! Every key begins with the moment the log was made, so what was said of another log, made anew since, is not found.

use std::collections::{BTreeMap, HashMap};

use alluvium_kernel::Problem;
use alluvium_messaging::{direct, stream_created, streams::OWNERS};
use async_nats::jetstream::{self, kv::Store};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Earlier owners whose files a claim remembers.
const REMEMBERED_MAX: usize = 32;
/// What stands for a process that keeps all tables by itself; no node is called that.
pub(super) const ALONE: &str = "alone";

/// A claim, as it stands in the bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// Tenant and project.
    pub project: String,
    /// The node that has it.
    pub owner: String,
    /// Grows with each change of owner.
    pub epoch: u64,
    /// All of the project's log up to here was decided on before this claim.
    pub decided: u64,
    /// Up to where the owner decided, once it has let go.
    pub released: Option<u64>,
    /// The node that has folded the project's tables and asks for them.
    pub wanted_by: Option<String>,
    /// Earlier owners, and up to where what their files hold is what was decided.
    pub files: BTreeMap<String, u64>,
}

impl Claim {
    /// Notes up to where the files of a node can be trusted; the oldest names give way, and an unknown name is not trusted.
    pub fn remember(&mut self, node: &str, decided: u64) {
        self.files.insert(node.to_owned(), decided);
        while self.files.len() > REMEMBERED_MAX {
            let Some(oldest) = self.files.iter().min_by_key(|(_, decided)| **decided).map(|(node, _)| node.clone())
            else {
                return;
            };
            self.files.remove(&oldest);
        }
    }
}

/// Up to where the log was decided on before a process keeps all tables by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct DecidedBefore {
    /// For projects that nobody ever claimed.
    pub all: u64,
    /// For those that were, by [`project_key`](super::project_key).
    pub projects: HashMap<String, u64>,
}

/// The bucket, about one log. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Claims {
    js: jetstream::Context,
    store: Store,
    /// When the log was made, microseconds since 1970.
    pub log: i64,
}

impl Claims {
    /// The bucket about the log made at `log`; made when it is missing.
    pub async fn open(js: &jetstream::Context, replicas: usize, log: i64) -> Result<Self, Problem> {
        if let Some(found) = Self::find_bucket(js, log).await? {
            return Ok(found);
        }
        let config = jetstream::kv::Config {
            bucket: OWNERS.to_owned(),
            description: "Who keeps which tables.".to_owned(),
            history: 1,
            num_replicas: replicas,
            ..jetstream::kv::Config::default()
        };
        let store = js.create_key_value(config).await.map_err(unavailable)?;
        Ok(Self { js: js.clone(), store, log })
    }

    /// The same, when there is one.
    pub async fn find_bucket(js: &jetstream::Context, log: i64) -> Result<Option<Self>, Problem> {
        match stream_created(js, &format!("KV_{OWNERS}")).await {
            Ok(_) => {}
            Err(error) if error.is_no_stream() => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let store = js.get_key_value(OWNERS).await.map_err(unavailable)?;
        Ok(Some(Self { js: js.clone(), store, log }))
    }

    /// A project's claim and its revision.
    pub async fn find(&self, project: &str) -> Result<Option<(Claim, u64)>, Problem> {
        let Some((bytes, revision)) = self.last(&self.claim_key(project)).await? else { return Ok(None) };
        Ok(Some((read(project, &bytes)?, revision)))
    }

    /// Writes a claim over the one of `revision`; 409 when another was written meanwhile.
    pub async fn write(&self, claim: &Claim, revision: u64) -> Result<(), Problem> {
        let value = serde_json::to_vec(claim).map_err(|_| Problem::internal())?;
        let written = self.store.update(self.claim_key(&claim.project), value.into(), revision).await;
        written.map(drop).map_err(|error| match error.kind() {
            jetstream::kv::UpdateErrorKind::WrongLastRevision => {
                Problem::new("storage.table_moving", 409, "another node was first")
            }
            _ => unavailable(error),
        })
    }

    /// Up to where a node says it has decided for all it keeps.
    pub async fn decided_by(&self, node: &str) -> Result<u64, Problem> {
        Ok(self.number(&format!("decided.{node}")).await?.unwrap_or(0))
    }

    /// Says that a node has decided up to there for all it keeps.
    pub async fn write_decided(&self, node: &str, decided: u64) -> Result<(), Problem> {
        let key = self.key(&format!("decided.{node}"));
        self.store.put(&key, decided.to_string().into()).await.map(drop).map_err(unavailable)
    }

    /// Up to where one process alone had decided before tables were shared: the first that shares them says it, which has
    /// decided up to `here` itself.
    pub async fn base(&self, here: u64) -> Result<u64, Problem> {
        let here = here.max(self.decided_by(ALONE).await?);
        if self.store.create(self.key("base"), here.to_string().into()).await.is_ok() {
            return Ok(here);
        }
        let base = self.number("base").await?;
        base.ok_or_else(|| unavailable("it is not known where shared tables begin"))
    }

    /// What anybody decided before, for a process that keeps everything now.
    pub async fn decided_before(&self) -> Result<DecidedBefore, Problem> {
        let base = self.number("base").await?.unwrap_or(0);
        let mut before = DecidedBefore { all: base.max(self.decided_by(ALONE).await?), ..DecidedBefore::default() };
        let mut keys = self.store.keys().await.map_err(unavailable)?;
        let claims = self.key("claim.");
        while let Some(key) = keys.try_next().await.map_err(unavailable)? {
            let Some((bytes, _)) = (if key.starts_with(&claims) { self.last(&key).await? } else { None }) else {
                continue;
            };
            let claim = read(&key, &bytes)?;
            let by_owner = match claim.released {
                Some(released) => released,
                None => self.decided_by(&claim.owner).await?,
            };
            before.projects.insert(claim.project, claim.decided.max(by_owner).max(before.all));
        }
        Ok(before)
    }

    async fn number(&self, key: &str) -> Result<Option<u64>, Problem> {
        let text = self.last(&self.key(key)).await?;
        Ok(text.and_then(|(text, _)| std::str::from_utf8(&text).ok()?.parse().ok()))
    }

    /// A value of the bucket and its revision, from the leader.
    async fn last(&self, key: &str) -> Result<Option<(bytes::Bytes, u64)>, Problem> {
        let found = direct::leader_last(&self.js, &format!("KV_{OWNERS}"), &format!("$KV.{OWNERS}.{key}")).await?;
        Ok(found.filter(|message| !message.payload.is_empty()).map(|message| (message.payload, message.seq)))
    }

    /// Names may hold what keys may not.
    fn claim_key(&self, project: &str) -> String {
        self.key(&format!("claim.{}", &hex::encode(Sha256::digest(project))[..32]))
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.log)
    }
}

fn read(what: &str, bytes: &[u8]) -> Result<Claim, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        tracing::error!(claim = what, error = %error, "a claim cannot be read");
        Problem::internal()
    })
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> Problem {
    Problem::unavailable("storage.log_unavailable", error.to_string())
}
