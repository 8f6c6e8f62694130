//! Tables that were dropped before the window: nobody can ask for them any more, so their rows need no checkpoint to go.

use std::collections::{HashMap, HashSet};

use alluvium_kernel::{Problem, Timestamp, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, direct};

use super::plan::now_micros;
use super::policy::Policy;
use super::{Retention, unavailable};
use crate::contract::ProjectEvent;
use crate::fold::{Routing, STREAM, TableId};

/// Where tables are created and dropped.
const PROJECTS: &str = "ev.*.storage.*.project.*";
/// Messages of a table's own that say nothing but that it was opened and closed.
const EVENTS_OF_LIFE: u64 = 2;

/// A table that was dropped.
pub struct Dropped {
    /// Which.
    pub id: TableId,
    /// Sequence of the commit that dropped it.
    pub at: u64,
    /// Messages of rows at or below.
    pub messages: u64,
}

impl Retention {
    /// The dropped tables of the projects that are kept here, out of the window, of which the log still has something.
    pub(super) async fn dropped(&self, policy: &Policy) -> Result<Vec<Dropped>, Problem> {
        let fold = self.tables.fold();
        let living: HashSet<String> = fold.lanes().iter().map(|lane| lane.id.uid.clone()).collect();
        let mut found = Vec::new();
        let (pins, now) = (self.pins.lock().await, Timestamp::from_micros(now_micros()));
        for (id, at, abandoned) in self.dropped_before(policy).await? {
            let ours = fold.owned.serves(&id.project_key()).is_some();
            let noted = fold.kept().table(&id.uid).is_some_and(|table| table.dropped);
            if !ours || noted || living.contains(&id.uid) || !pins.allow(fold.kept(), &id, at, now) {
                continue;
            }
            let messages = self.count(&id.rows_subject(), at).await?;
            let events = id.event_subject().map_err(|_| Problem::internal())?;
            let own = direct::count_from(&self.tables.js, STREAM, &events, 1).await.map_err(unavailable)?;
            // One that never came to be has the load in its first message, and its refusal in its last.
            if messages > 0 || own > EVENTS_OF_LIFE || abandoned || pins.comes_by(&id.uid) {
                found.push(Dropped { id, at, messages });
            }
        }
        Ok(found)
    }

    async fn dropped_before(&self, policy: &Policy) -> Result<Vec<(TableId, u64, bool)>, Problem> {
        let now = now_micros();
        let (mut routing, mut dropped) = (Routing::default(), HashMap::new());
        let mut from = 1;
        loop {
            let page = direct::history(&self.tables.js, STREAM, PROJECTS, from).await.map_err(unavailable)?;
            for message in &page {
                let Some(subject::Parsed::Event { tenant, .. }) = subject::parse(&message.subject) else { continue };
                let unreadable = |reason: &dyn std::fmt::Display| {
                    let detail = format!("commit {} cannot be read: {reason}", message.seq);
                    Problem::new("storage.malformed_commit", 500, detail)
                };
                let commit = Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?;
                for entry in commit.entries {
                    let event =
                        ProjectEvent::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
                    if let ProjectEvent::TableDropped(drop) = &event
                        && let Some(id) = routing.by_uid(&drop.uid)
                        && policy.is_past(now, Timestamp::from_micros(entry.time).micros())
                    {
                        dropped.insert(id.uid.clone(), (id.clone(), message.seq, drop.abandoned));
                    }
                    routing.apply(&tenant, &event, message.seq).map_err(|error| unreadable(&error))?;
                }
            }
            match page.last() {
                Some(last) if last.pending > 0 => from = last.seq + 1,
                _ => break,
            }
        }
        let mut dropped: Vec<_> = dropped.into_values().collect();
        dropped.sort_by_key(|(_, seq, _)| *seq);
        Ok(dropped)
    }
}
