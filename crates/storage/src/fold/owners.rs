//! Who keeps which tables, when several processes do: claims in KV, one a project, each with an epoch.
//!
//! The hash says who should have a project; the claim says who has. A new owner first folds the project's tables beside the
//! old one, then asks for them; the old one answers until then, hands over what it decided last, and lets go. From one that is
//! gone they are taken. What keeps the log right even if two act for a moment is the expectation on each table's subject.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_eventlog::registry::{Member, Registry, owner};
use alluvium_kernel::Problem;
use alluvium_messaging::stream_created;
use async_nats::jetstream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claims::{Claim, Claims};
use super::fold::{Fold, STREAM};
use super::owned::Owned;
use super::tables::Tables;

/// The role whose processes keep tables.
const ROLE: &str = "tables";
/// How often claims are compared with who lives, in milliseconds.
const TURN_MS: u64 = 500;
/// How often it is written how far this process has decided, in milliseconds.
pub(super) const DECIDED_SAVE_MS: u64 = 1_000;
/// How long one turn waits for the reader to be where the log is, in milliseconds.
const READ_WAIT_MS_MAX: u64 = 5_000;
/// Projects that are folded beside their owner at once.
const WARMING_MAX: usize = 2;

/// Moves projects between this process and the others.
pub struct Owners {
    tables: Arc<Tables>,
    registry: Arc<Registry>,
    js: jetstream::Context,
    replicas: usize,
    /// Where claims of projects that nobody ever had begin: what was decided before tables were shared.
    base: u64,
    /// The last written answer to "up to where has this process decided?"
    saved: Option<(u64, Instant)>,
    warming: HashMap<String, JoinHandle<Result<(), Problem>>>,
    /// Projects that are folded beside the owner of this epoch.
    warm: HashMap<String, u64>,
}

impl Owners {
    /// Owners that begin with [`Self::run`].
    pub fn new(tables: Arc<Tables>, registry: Arc<Registry>, js: jetstream::Context, replicas: usize) -> Self {
        let (warming, warm) = (HashMap::new(), HashMap::new());
        Self { tables, registry, js, replicas, base: 0, saved: None, warming, warm }
    }

    /// Claims and lets go until cancelled; then lets go of everything, so that others need not wait.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut members = self.registry.watch();
        let mut opened = None;
        loop {
            if let Err(problem) = self.turn(&mut opened).await {
                tracing::warn!(error = %problem, "the claims of tables cannot be looked after now; trying again");
            }
            let fold = self.tables.fold();
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(Duration::from_millis(TURN_MS)) => {}
                _ = members.changed() => {}
                () = fold.unclaimed.notified() => {}
            }
        }
        self.warming.values().for_each(JoinHandle::abort);
        let Some(claims) = opened else { return };
        for project in self.owned().projects() {
            if let Err(problem) = self.release(&claims, &project).await {
                tracing::debug!(project, error = %problem, "a claim was not given back");
            }
        }
    }

    fn owned(&self) -> Arc<Owned> {
        self.tables.owned()
    }

    async fn turn(&mut self, opened: &mut Option<Claims>) -> Result<(), Problem> {
        // A rebuild needs the tables to stay as they are.
        let tables = Arc::clone(&self.tables);
        let Ok(_still) = tables.rebuilding.try_lock() else { return Ok(()) };
        if !self.registry.is_sure() {
            return Ok(());
        }
        let log = self.tables.fold().log_created();
        let claims = match opened {
            Some(claims) if claims.log == log => claims,
            other => {
                let claims = Claims::open(&self.js, self.replicas, log).await?;
                self.base = claims.base(self.tables.fold().started_at).await?;
                other.insert(claims)
            }
        };
        let claims = claims.clone();
        let epoch = self.registry.epoch();
        if self.owned().counts_for() != epoch {
            self.compare(&claims).await?;
            self.owned().compared_for(epoch);
        }
        let members = self.registry.members();
        self.let_go(&claims, &members).await?;
        self.take(&claims, &members).await?;
        self.save_decided(&claims).await
    }

    /// After this process was out of the list, or is new in it: drops what others have taken meanwhile.
    async fn compare(&self, claims: &Claims) -> Result<(), Problem> {
        let (fold, owned) = (self.tables.fold(), self.owned());
        for project in owned.projects() {
            let stands = claims.find(&project).await?.map(|(claim, _)| claim);
            let ours = stands
                .is_some_and(|claim| claim.owner == self.registry.node() && Some(claim.epoch) == owned.epoch(&project));
            if !ours {
                tracing::warn!(project, "tables were taken over by another node");
                fold.hand_over(&project).await;
            }
        }
        Ok(())
    }

    /// Hands over what belongs to somebody else who is ready for it.
    async fn let_go(&self, claims: &Claims, members: &[Member]) -> Result<(), Problem> {
        for project in self.owned().projects() {
            let Some(heir) = owner(members, ROLE, &project).filter(|heir| heir.node != self.registry.node()) else {
                continue;
            };
            let wanted = claims.find(&project).await?.and_then(|(claim, _)| claim.wanted_by);
            if wanted.as_ref() == Some(&heir.node) {
                self.release(claims, &project).await?;
            }
        }
        Ok(())
    }

    async fn release(&self, claims: &Claims, project: &str) -> Result<(), Problem> {
        let (fold, node) = (self.tables.fold(), self.registry.node());
        let held = self.owned().epoch(project);
        let decided = fold.hand_over(project).await;
        let Some((mut claim, revision)) = claims.find(project).await? else { return Ok(()) };
        if claim.owner != node || Some(claim.epoch) != held {
            return Ok(());
        }
        claim.released = Some(decided);
        claim.remember(node, decided);
        claims.write(&claim, revision).await?;
        tracing::info!(project, claim.epoch, decided, "tables were handed over");
        Ok(())
    }

    /// Claims what belongs here and nobody has; folds beside its owner what somebody has.
    async fn take(&mut self, claims: &Claims, members: &[Member]) -> Result<(), Problem> {
        let (fold, owned, node) = (self.tables.fold(), self.owned(), self.registry.node().to_owned());
        let belongs = |project: &String| owner(members, ROLE, project).is_some_and(|member| member.node == node);
        let projects = fold.routing().projects();
        let missing: Vec<String> =
            projects.into_iter().filter(|project| !owned.holds(project) && belongs(project)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // All refusals of those who decided before are behind the reader then.
        let (_, last) = stream_created(&self.js, STREAM).await?;
        let read = fold.progress.wait_read(last);
        if tokio::time::timeout(Duration::from_millis(READ_WAIT_MS_MAX), read).await.is_err() {
            return Ok(());
        }
        for project in missing {
            let stands = claims.find(&project).await?;
            let keeper = stands.as_ref().map(|(claim, _)| claim).filter(|claim| {
                let lives = members.iter().any(|member| member.node == claim.owner && member.runs(ROLE));
                claim.owner != node && claim.released.is_none() && lives
            });
            match (keeper, &stands) {
                (Some(claim), Some((_, revision))) => self.prepare(claims, &fold, claim, *revision).await?,
                _ => self.claim(claims, &fold, &project, stands).await?,
            }
        }
        Ok(())
    }

    /// Folds a project beside its owner, and asks for it once that is done.
    async fn prepare(
        &mut self,
        claims: &Claims,
        fold: &Arc<Fold>,
        claim: &Claim,
        revision: u64,
    ) -> Result<(), Problem> {
        let (project, node) = (&claim.project, self.registry.node().to_owned());
        if let Some(task) = self.warming.get(project) {
            if !task.is_finished() {
                return Ok(());
            }
            let done = self.warming.remove(project);
            match done {
                Some(task) => match task.await {
                    Ok(Ok(())) => drop(self.warm.insert(project.clone(), claim.epoch)),
                    failed => tracing::warn!(project, ?failed, "tables could not be folded beside their owner yet"),
                },
                None => return Ok(()),
            }
        }
        if self.warm.get(project) == Some(&claim.epoch) {
            if claim.wanted_by.as_ref() != Some(&node) {
                claims.write(&Claim { wanted_by: Some(node), ..claim.clone() }, revision).await?;
            }
        } else if self.warming.len() < WARMING_MAX {
            fold.distrust(project, claim.files.get(&node).copied()).await?;
            let until = claim.decided.max(claims.decided_by(&claim.owner).await?);
            let (fold, project) = (Arc::clone(fold), project.clone());
            self.warming.insert(project.clone(), tokio::spawn(async move { fold.warm(&project, until).await }));
        }
        Ok(())
    }

    async fn claim(
        &mut self,
        claims: &Claims,
        fold: &Arc<Fold>,
        project: &str,
        stands: Option<(Claim, u64)>,
    ) -> Result<(), Problem> {
        let node = self.registry.node().to_owned();
        if let Some(task) = self.warming.remove(project) {
            task.abort();
            // Ended either way; what it folded stays.
            let _ = task.await;
        }
        let (claim, revision) = match stands {
            None => {
                let (project, owner, files) = (project.to_owned(), node, BTreeMap::new());
                let claim =
                    Claim { project, owner, epoch: 1, decided: self.base, released: None, wanted_by: None, files };
                (claim, 0)
            }
            Some((before, revision)) => {
                let decided = match before.released {
                    Some(released) => before.decided.max(released),
                    None => before.decided.max(claims.decided_by(&before.owner).await?),
                };
                let (mut claim, epoch) = (before.clone(), before.epoch + 1);
                if before.owner != node {
                    if !self.warm.contains_key(project) {
                        fold.distrust(project, before.files.get(&node).copied()).await?;
                    }
                    claim.remember(&before.owner, decided);
                }
                claim.files.remove(&node);
                (Claim { owner: node, epoch, decided, released: None, wanted_by: None, ..claim }, revision)
            }
        };
        // Said before the claim: if this process ends right after it, nobody believes that it decided more than it had.
        if self.saved.is_none_or(|(saved, _)| saved > claim.decided) {
            self.write_decided(claims, claim.decided.min(fold.progress.decided())).await?;
        }
        match claims.write(&claim, revision).await {
            Ok(()) => {}
            // Somebody was first: the next turn sees who.
            Err(problem) if problem.status == 409 => return Ok(()),
            Err(problem) => return Err(problem),
        }
        self.warm.remove(project);
        tracing::info!(project, claim.epoch, claim.decided, "tables are kept here from now on");
        fold.take_over(project, claim.epoch, claim.decided).await;
        Ok(())
    }

    async fn save_decided(&mut self, claims: &Claims) -> Result<(), Problem> {
        let decided = self.tables.fold().progress.decided();
        let due = self
            .saved
            .is_none_or(|(saved, at)| saved != decided && at.elapsed() >= Duration::from_millis(DECIDED_SAVE_MS));
        if due { self.write_decided(claims, decided).await } else { Ok(()) }
    }

    async fn write_decided(&mut self, claims: &Claims, decided: u64) -> Result<(), Problem> {
        claims.write_decided(self.registry.node(), decided).await?;
        self.saved = Some((decided, Instant::now()));
        Ok(())
    }
}

/// The node that has claimed a project, if one has and has not let go.
pub async fn keeper(js: &jetstream::Context, project: &str) -> Result<Option<String>, Problem> {
    let (log, _) = stream_created(js, STREAM).await?;
    let Some(claims) = Claims::find_bucket(js, log.micros()).await? else { return Ok(None) };
    let claim = claims.find(project).await?.map(|(claim, _)| claim);
    Ok(claim.filter(|claim| claim.released.is_none()).map(|claim| claim.owner))
}
