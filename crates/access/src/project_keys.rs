//! No key outlives its project or its branch: follows the deletions on the storage stream, whoever asked for them and however.
//!
//! Contexts do not import each other. All this knows of storage is the subject of its projects and two events' names.

use std::time::{Duration, Instant};

use alluvium_kernel::{Position, Problem, Timestamp, Token, header, subject};
use alluvium_messaging::{
    Commit, Contract as _, Entry, Floor, LogMessage, PullSettings, SINGLE_OBJECT_MAGIC, Tail, TailConfig, Tailed,
    direct, stream_created,
};
use async_nats::jetstream;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::desk::KeyDesk;

/// The stream that tells of projects.
const STREAM: &str = "STORAGE";
/// Where it tells of them, for every tenant and partition.
const SUBJECTS: &str = "ev.*.storage.*.project.>";
/// Bytes of an Avro fingerprint.
const FINGERPRINT_BYTES: usize = 8;
/// The event that ends a project.
const PROJECT_DELETED: &str = "ProjectDeleted";
/// The event that ends a branch.
const BRANCH_DELETED: &str = "BranchDeleted";
/// What this follower's floor is called.
const FLOOR: &str = "access-project-keys";
/// How often the floor is saved, in milliseconds. What is read twice after a crash is followed once: its command's id says so.
const SAVE_EVERY_MS: u64 = 1_000;
/// Pause before a deletion that could not be followed is tried again, and before reading again, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// The end of a project or of one of its branches, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Deletion {
    tenant: Token,
    project: String,
    branch: Option<String>,
    at: Timestamp,
    /// Its place in the commit.
    index: usize,
}

/// Follows project deletions until told to stop. Several processes may do so: a deletion leads to one command, whoever sends it.
pub async fn run(desk: KeyDesk, js: jetstream::Context, stop: CancellationToken) {
    loop {
        let Some(Err(problem)) = stop.run_until_cancelled(follow(&desk, &js)).await else { return };
        tracing::warn!(stream.name = STREAM, %problem, "following deleted projects begins again");
        if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(AGAIN_MS))).await.is_none() {
            return;
        }
    }
}

async fn follow(desk: &KeyDesk, js: &jetstream::Context) -> Result<(), Problem> {
    let mut floor = Floor::find(js, STREAM, FLOOR).await?;
    let filters = vec![SUBJECTS.to_owned()];
    let config =
        TailConfig { stream: STREAM.to_owned(), filters, from: floor.seq() + 1, pull: PullSettings::default() };
    let mut tail = Tail::new(js.clone(), config)?;
    let mut saved = Instant::now();
    loop {
        match tail.next().await? {
            Tailed::Message(message) => {
                revoke_all(desk, js, &message).await;
                while let Some(message) = tail.ready() {
                    revoke_all(desk, js, &message).await;
                }
            }
            Tailed::Idle => {}
            Tailed::Reconnected if floor.holds(js).await? => {}
            Tailed::Reconnected => {
                return Err(Problem::unavailable("platform.log_unavailable", "The stream was made anew."));
            }
        }
        if saved.elapsed() > Duration::from_millis(SAVE_EVERY_MS) {
            floor.save(js, tail.last()).await?;
            saved = Instant::now();
        }
    }
}

/// For ever, if it must be: a key that outlives its project is worse than others that wait.
async fn revoke_all(desk: &KeyDesk, js: &jetstream::Context, message: &LogMessage) {
    if message.header(header::TYPES).is_some_and(|types| types.split(',').all(|name| !is_deletion(name))) {
        return;
    }
    while let Err(problem) = revoke(desk, js, message.seq, &message.subject, &message.payload).await {
        let seq = message.seq;
        tracing::warn!(stream.name = STREAM, stream.seq = seq, %problem, "keys of what was deleted could not be revoked yet");
        tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

impl KeyDesk {
    /// Revokes the keys of the project whose deletion stands at `position`, and waits until they are dead here: what a
    /// handler that deleted a project calls before it answers. The policy does the same under the same command id, so it
    /// happens once, whoever is first.
    pub async fn follow_deletion(&self, js: &jetstream::Context, position: &Position) -> Result<Position, Problem> {
        let seq = position.seq(STREAM);
        let message = direct::leader_at(js, STREAM, seq).await?.ok_or_else(|| {
            Problem::unavailable("platform.log_unavailable", format!("Message {seq} of {STREAM} cannot be read now."))
        })?;
        let revoked = revoke(self, js, seq, &message.subject, &message.payload).await?;
        self.visible(&revoked).await?;
        Ok(revoked)
    }
}

async fn revoke(
    desk: &KeyDesk,
    js: &jetstream::Context,
    seq: u64,
    subject: &str,
    payload: &Bytes,
) -> Result<Position, Problem> {
    let mut reached = Position::start();
    let deletions = deletions(subject, payload);
    if deletions.is_empty() {
        return Ok(reached);
    }
    // A sequence names a message only together with its stream's beginning.
    let (created, _) = stream_created(js, STREAM).await?;
    for deletion in deletions {
        let Deletion { tenant, project, branch, at, index } = deletion;
        let id = format!("access-project-deleted-{}-{seq}-{index}", created.micros());
        let position = match branch {
            Some(branch) => desk.revoke_branch_as(&tenant, &project, &branch, &id).await?,
            None => desk.revoke_all_as(&tenant, &project, at, &id).await?,
        };
        reached = reached.join(&position);
    }
    Ok(reached)
}

/// The deletions in a commit, by the event's name. The project's id is the event's first field, as the subject holds it in lower
/// case; a branch's is the second.
fn deletions(subject: &str, payload: &[u8]) -> Vec<Deletion> {
    let Some(subject::Parsed::Event { tenant, .. }) = subject::parse(subject) else { return Vec::new() };
    let commit = match Commit::from_avro(payload) {
        Ok(commit) => commit,
        Err(error) => {
            tracing::error!(subject, error = %error, "a commit of a project cannot be read; no key follows it");
            return Vec::new();
        }
    };
    let deleted = commit.entries.into_iter().enumerate().filter(|(_, entry)| is_deletion(&entry.r#type));
    deleted
        .filter_map(|(index, entry)| {
            let Some((project, branch)) = named(&entry) else {
                tracing::error!(subject, "a deletion does not name what is deleted; no key follows it");
                return None;
            };
            Some(Deletion { tenant: tenant.clone(), project, branch, at: Timestamp::from_micros(entry.time), index })
        })
        .collect()
}

fn is_deletion(name: &str) -> bool {
    name == PROJECT_DELETED || name == BRANCH_DELETED
}

/// What a deletion is of: a project, or a branch of it.
fn named(entry: &Entry) -> Option<(String, Option<String>)> {
    let fields = entry.event.strip_prefix(&SINGLE_OBJECT_MAGIC)?.get(FINGERPRINT_BYTES..)?;
    let (project, rest) = text(fields)?;
    let branch = if entry.r#type == BRANCH_DELETED { Some(text(rest)?.0) } else { None };
    Some((project, branch))
}

/// The text that an Avro encoding begins with, and what follows it.
fn text(encoded: &[u8]) -> Option<(String, &[u8])> {
    let (mut rest, mut length) = (encoded, 0_u64);
    for shift in (0..=28).step_by(7) {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // Zigzag: lengths are even.
            let (text, rest) = rest.split_at_checked(usize::try_from(length >> 1).ok()?)?;
            return Some((String::from_utf8(text.to_vec()).ok()?, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(r#type: &str, time: i64) -> Entry {
        let text = |text: &str| text.to_owned();
        Entry {
            command_id: text("c"),
            body_hash: text("h"),
            actor: text("admin"),
            time,
            r#type: text(r#type),
            event: [&SINGLE_OBJECT_MAGIC[..], &[0; FINGERPRINT_BYTES], &[10], b"A.b_c", &[16], b"00c0ffee"].concat(),
        }
    }

    #[test]
    fn only_deletions_count_and_they_name_what_is_gone() {
        let (tenant, id) = (Token::encode("default").unwrap(), Token::encode("a.b_c").unwrap());
        let subject = subject::event(&tenant, "storage", "project", &id);
        let entries = vec![entry("BucketDeleted", 1), entry("ProjectDeleted", 2), entry("BranchDeleted", 3)];
        let commit = Commit { entries };
        let at = Timestamp::from_micros(2);
        let project = Deletion { tenant, project: "A.b_c".into(), branch: None, at, index: 1 };
        let at = Timestamp::from_micros(3);
        let branch = Deletion { branch: Some("00c0ffee".into()), at, index: 2, ..project.clone() };
        assert_eq!(deletions(&subject, &commit.to_avro()), vec![project, branch]);
        assert_eq!(deletions(&subject, b"not a commit"), vec![]);
        assert_eq!(deletions("rows.default.a.b.c", &commit.to_avro()), vec![]);
    }
}
