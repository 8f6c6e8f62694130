//! Reading a stream to say whether it is whole, what it came to, and which blobs it names.

use std::collections::BTreeMap;

use alluvium_eventlog::blob::BlobId;
use alluvium_eventlog::check::{Break, Checked, Recorded, Seen, Summary, check};
use alluvium_kernel::Timestamp;
use alluvium_kernel::subject::{Parsed, parse};
use alluvium_messaging::{Commit, Contract as _, LogMessage, snapshot};
use alluvium_storage::fold::{Kept, STREAM};
use alluvium_storage::retention::Marks;
use async_nats::jetstream;
use serde_json::{Value, json};

use super::manifest::Stream;
use crate::failure::Failure;
use crate::node::context;
use crate::ui::{Progress, Ui};

/// Breaks that are kept to be shown; the others are counted.
const BREAKS_SHOWN_MAX: usize = 1_000;
/// How often a stream is read again because rows were purged meanwhile.
const READINGS_MAX: usize = 5;

/// What a reading found.
#[derive(Debug, Default)]
pub struct Reading {
    /// Of each stream that has one.
    pub summaries: BTreeMap<String, Summary>,
    /// What is wrong, each with its place.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub more: usize,
    /// Every blob that an event names, with the first place that does.
    pub blobs: BTreeMap<BlobId, String>,
    /// Which of those are still needed.
    marks: Marks,
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A part, or a position.
    pub place: String,
    /// The subject, when it is about one.
    pub subject: String,
    /// `missing`, `altered`, `reordered`, `undecodable`.
    pub kind: String,
    /// In words.
    pub detail: String,
}

impl Finding {
    /// About a part of a backup.
    pub fn of_part(name: &str, kind: &str, detail: impl Into<String>) -> Self {
        Self { place: name.to_owned(), subject: String::new(), kind: kind.to_owned(), detail: detail.into() }
    }

    /// As it is printed.
    pub fn row(&self) -> Value {
        json!({ "place": self.place, "subject": self.subject, "kind": self.kind, "detail": self.detail })
    }
}

impl From<Break> for Finding {
    fn from(found: Break) -> Self {
        let kind = serde_json::to_value(found.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        Self {
            place: format!("{}:{}", found.stream, found.seq),
            subject: found.subject,
            kind: kind.unwrap_or_default(),
            detail: found.detail,
        }
    }
}

/// Prints findings.
pub fn print(ui: Ui, findings: &[Finding]) {
    let rows: Vec<Value> = findings.iter().map(Finding::row).collect();
    ui.rows(&["place", "subject", "kind", "detail"], &rows);
}

impl Reading {
    /// Reads one stream, up to a sequence or to its end. Rows that recorded purges took are not missed, also when one begins
    /// meanwhile.
    pub async fn stream(&mut self, ui: Ui, js: &jetstream::Context, what: &Checked) -> Result<(), Failure> {
        for _ in 1..READINGS_MAX {
            let what = Checked { recorded: recorded(js, &what.stream).await?, ..what.clone() };
            let mut reading = Self::default();
            reading.once(ui, js, &what).await?;
            if reading.count() == 0 || recorded(js, &what.stream).await? == what.recorded {
                self.add(reading);
                return Ok(());
            }
        }
        let what = Checked { recorded: recorded(js, &what.stream).await?, ..what.clone() };
        self.once(ui, js, &what).await
    }

    fn add(&mut self, other: Self) {
        self.summaries.extend(other.summaries);
        self.more += other.more;
        other.findings.into_iter().for_each(|finding| self.found(finding));
        for (id, place) in other.blobs {
            self.blobs.entry(id).or_insert(place);
        }
        // Events of storage are on one stream.
        if other.marks.has_read() {
            self.marks = other.marks;
        }
    }

    async fn once(&mut self, ui: Ui, js: &jetstream::Context, what: &Checked) -> Result<(), Failure> {
        let mut progress: Option<Progress> = None;
        let mut at = 0;
        let summary = check(js, what, |seen| match seen {
            Seen::Range { first, last } => {
                at = first.saturating_sub(1);
                let total = Some(last.saturating_sub(at));
                progress = Some(Progress::new(ui, &format!("checking {}", what.stream), total).counting("messages"));
            }
            Seen::Message(message) => {
                if let Some(progress) = &progress {
                    progress.inc(message.seq.saturating_sub(at));
                }
                at = message.seq;
                self.message(message);
            }
            Seen::Break(found) => self.found(found.into()),
        })
        .await?;
        if let Some(progress) = progress {
            progress.finish();
        }
        match summary {
            Some(summary) => drop(self.summaries.insert(what.stream.clone(), summary)),
            None => self.found(Finding::of_part(&what.stream, "missing", "there is no such stream")),
        }
        Ok(())
    }

    /// Compares a reading with what the manifest says of it.
    pub fn compare(&mut self, streams: &[Stream]) {
        for stream in streams {
            let Some(wanted) = &stream.read else { continue };
            let found = self.summaries.get(&stream.name);
            if found.is_some_and(|found| found != wanted) {
                let detail = "its messages are not those that were there when the backup was made";
                self.found(Finding::of_part(&stream.part, "altered", detail));
            }
        }
    }

    /// Blobs that are named, still needed, and, as `has` says, not there.
    pub fn blobs_missing(&mut self, has: impl Fn(&BlobId) -> bool) {
        // A sweep with no window at all takes most: what even that keeps has to be there.
        let end = Timestamp::from_micros(i64::MAX);
        let missing: Vec<_> = self.blobs.iter().filter(|(id, _)| !has(id) && self.marks.needs(id, end)).collect();
        let missing: Vec<Finding> = missing
            .into_iter()
            .map(|(id, place)| Finding {
                place: place.clone(),
                subject: String::new(),
                kind: "missing".to_owned(),
                detail: format!("it names the blob {id}, which is not there"),
            })
            .collect();
        missing.into_iter().for_each(|finding| self.found(finding));
    }

    /// Adds a finding.
    pub fn found(&mut self, finding: Finding) {
        if self.findings.len() < BREAKS_SHOWN_MAX {
            self.findings.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// How many there are in all.
    pub fn count(&self) -> usize {
        self.findings.len() + self.more
    }

    fn message(&mut self, message: &LogMessage) {
        let Some(Parsed::Event { context: name, .. }) = parse(&message.subject) else { return };
        // What is no commit was told by the check.
        let Ok(commit) = Commit::from_avro(&message.payload) else { return };
        let place = || format!("{}:{}", message.stream, message.seq);
        if message.stream == STREAM
            && let Err(problem) = self.marks.take(message)
        {
            // Told below, entry by entry.
            tracing::debug!(%problem, "an event of storage cannot be read");
        }
        let Some(context) = context(&name) else { return };
        for entry in commit.entries {
            match (context.event)(&entry.r#type, &entry.event) {
                Ok(event) => {
                    if let Some(id) = named_blob(&event)
                        && !self.blobs.contains_key(&id)
                    {
                        self.blobs.insert(id, place());
                    }
                }
                Err(error) => self.found(Finding {
                    place: place(),
                    subject: message.subject.clone(),
                    kind: "undecodable".to_owned(),
                    detail: format!("{} cannot be read: {error}", entry.r#type),
                }),
            }
        }
    }
}

/// What recorded purges may have taken off a stream.
async fn recorded(js: &jetstream::Context, stream: &str) -> Result<Recorded, Failure> {
    if stream != STREAM || snapshot::describe(js, stream).await?.is_none() {
        return Ok(Recorded::default());
    }
    Ok(Kept::read(js).await?.purges())
}

/// The blob that an event names. By convention every event that does has it in its field `blob`.
fn named_blob(event: &Value) -> Option<BlobId> {
    BlobId::try_from(event.get("blob")?.as_str()?.to_owned()).ok()
}
