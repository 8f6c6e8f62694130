//! Which blobs are needed, by what the log says and nothing else.

use std::collections::{BTreeSet, HashMap, HashSet};

use alluvium_eventlog::blob::BlobId;
use alluvium_kernel::{Problem, Timestamp, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage, direct};
use async_nats::jetstream;

use super::unavailable;
use crate::contract::{Event, FileEvent, MultipartEvent, RetentionEvent, TableEvent};
use crate::fold::STREAM;

/// Events of storage.
const SUBJECTS: &str = "ev.*.storage.>";
/// Length of a blob's name in hex digits.
const NAME_DIGITS: usize = 64;

/// What needs a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pin {
    /// A load of a table, at a sequence: while a replay can come by.
    Load { uid: String, seq: u64 },
    /// Content of a file, by which of its contents it is: until it is replaced, deleted, or over.
    File { file: String, turn: usize },
    /// A checkpoint of a table, at a sequence: while a replay can begin there.
    Checkpoint { uid: String, seq: u64 },
}

/// All that the log says about blobs, up to some message.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pins: HashMap<BlobId, Vec<Pin>>,
    /// By uid: up to where a table is never folded again, and whether it is not folded at all any more.
    floors: HashMap<String, (u64, bool)>,
    /// By file: when each of its contents, in order, was let go.
    contents: HashMap<String, Vec<Option<Timestamp>>>,
    /// By upload in parts: its end, and which of its parts have content.
    multiparts: HashMap<String, (Timestamp, BTreeSet<i32>)>,
    last: u64,
}

impl Marks {
    /// Reads on to where the leader of the stream is.
    pub async fn read_on(&mut self, js: &jetstream::Context) -> Result<(), Problem> {
        loop {
            let page = direct::history(js, STREAM, SUBJECTS, self.last + 1).await.map_err(unavailable)?;
            let more = page.last().is_some_and(|last| last.pending > 0);
            for message in &page {
                self.take(message)?;
            }
            if !more {
                break;
            }
        }
        // The pages may come from a copy that is behind.
        while let Some(message) = direct::leader_next(js, STREAM, SUBJECTS, self.last + 1).await.map_err(unavailable)? {
            self.take(&message)?;
        }
        Ok(())
    }

    /// Whether anything was taken in.
    pub fn has_read(&self) -> bool {
        self.last > 0
    }

    /// Takes in the next commit of storage. What cannot be read may need anything, so it is an error.
    pub fn take(&mut self, message: &LogMessage) -> Result<(), Problem> {
        let unreadable = |reason: &dyn std::fmt::Display| {
            Problem::new("storage.malformed_event", 500, format!("message {} cannot be read: {reason}", message.seq))
        };
        self.last = self.last.max(message.seq);
        let Some(subject::Parsed::Event { tenant, id, .. }) = subject::parse(&message.subject) else { return Ok(()) };
        let commit = Commit::from_avro(&message.payload).map_err(|error| unreadable(&error))?;
        for entry in commit.entries {
            let event = Event::decode(&entry.r#type, &entry.event).map_err(|error| unreadable(&error))?;
            let key = || format!("{tenant}/{id}");
            self.event(event, &id.decode(), key, message.seq, Timestamp::from_micros(entry.time));
        }
        Ok(())
    }

    fn event(&mut self, event: Event, id: &str, key: impl Fn() -> String, seq: u64, at: Timestamp) {
        match event {
            Event::Table(TableEvent::LoadRequested(load)) => {
                for blob in std::iter::once(load.blob).chain(load.more.into_iter().map(|part| part.blob)) {
                    self.pin(blob, Pin::Load { uid: id.to_owned(), seq });
                }
            }
            Event::File(FileEvent::UploadStaged(staged)) => self.content(key(), staged.blob, at),
            Event::File(FileEvent::FileRegistered(file)) => self.content(key(), file.blob, at),
            Event::File(FileEvent::FileDeleted(_) | FileEvent::FileExpired(_)) => self.let_go(&key(), at),
            Event::Multipart(event) => self.multipart(event, &key(), at),
            Event::Retention(RetentionEvent::TableCheckpointed(made)) => {
                self.pin(made.blob, Pin::Checkpoint { uid: made.uid, seq: made.seq as u64 });
            }
            Event::Retention(RetentionEvent::RowsPurged(purged)) => {
                self.floors.insert(purged.uid, (purged.up_to as u64, purged.dropped));
            }
            Event::File(FileEvent::UploadPrepared(_) | FileEvent::FileTagged(_))
            | Event::Table(_)
            | Event::Project(_)
            | Event::Shelf(_)
            | Event::Workspace(_)
            | Event::Job(_)
            | Event::Metadata(_)
            | Event::Refusal(_) => {}
        }
    }

    /// Parts are needed until their upload ends in some way, of itself too: nobody says so when its project went before.
    fn multipart(&mut self, event: MultipartEvent, upload: &str, at: Timestamp) {
        let part = |number| format!("{upload}/{number}");
        match event {
            MultipartEvent::MultipartStarted(started) => {
                let until = Timestamp::from_micros(started.expires_at);
                self.multiparts.insert(upload.to_owned(), (until, BTreeSet::new()));
            }
            MultipartEvent::PartStaged(staged) => {
                let Some((until, numbers)) = self.multiparts.get_mut(upload) else { return };
                numbers.insert(staged.number);
                let until = *until;
                self.content(part(staged.number), staged.blob, at);
                self.let_go(&part(staged.number), until);
            }
            MultipartEvent::MultipartCompleted(_)
            | MultipartEvent::MultipartAborted(_)
            | MultipartEvent::MultipartExpired(_) => {
                let (_, numbers) = self.multiparts.remove(upload).unwrap_or_default();
                for number in numbers {
                    self.let_go(&part(number), at);
                }
            }
        }
    }

    /// Content of a file, in place of what it had.
    fn content(&mut self, file: String, blob: String, at: Timestamp) {
        self.let_go(&file, at);
        let turns = self.contents.entry(file.clone()).or_default();
        turns.push(None);
        let turn = turns.len() - 1;
        self.pin(blob, Pin::File { file, turn });
    }

    fn let_go(&mut self, file: &str, at: Timestamp) {
        if let Some(last) = self.contents.get_mut(file).and_then(|turns| turns.last_mut()) {
            *last = Some(last.map_or(at, |known| known.min(at)));
        }
    }

    fn pin(&mut self, blob: String, pin: Pin) {
        // What is no name of a blob names none.
        if let Ok(id) = BlobId::try_from(blob) {
            self.pins.entry(id).or_default().push(pin);
        }
    }

    /// Whether anything needs a blob, when content that was let go before `past` is out of reach.
    pub fn needs(&self, blob: &BlobId, past: Timestamp) -> bool {
        self.pins.get(blob).is_some_and(|pins| pins.iter().any(|pin| self.holds(pin, past)))
    }

    fn holds(&self, pin: &Pin, past: Timestamp) -> bool {
        let floor = |uid: &String| self.floors.get(uid).copied().unwrap_or_default();
        match pin {
            Pin::Load { uid, seq } => {
                let (floor, dropped) = floor(uid);
                !dropped && *seq > floor
            }
            Pin::Checkpoint { uid, seq } => {
                let (floor, dropped) = floor(uid);
                !dropped && *seq >= floor
            }
            Pin::File { file, turn } => {
                let gone = self.contents.get(file).and_then(|turns| turns.get(*turn).copied().flatten());
                gone.is_none_or(|at| at >= past)
            }
        }
    }
}

/// Every text in a message that could be the name of a blob.
pub fn mentioned(payload: &[u8]) -> HashSet<BlobId> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut found = HashSet::new();
    for run in payload.split(|byte| !is_hex(*byte)).filter(|run| run.len() >= NAME_DIGITS) {
        // A length before it may look like a digit: every window counts.
        for window in run.windows(NAME_DIGITS) {
            let text = String::from_utf8_lossy(window).into_owned();
            found.extend(BlobId::try_from(text));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{
        FileDeleted, FileExpired, LoadRequested, MultipartAborted, MultipartStarted, PartStaged, RowsPurged,
        UploadStaged,
    };

    fn id(digit: &str) -> BlobId {
        BlobId::try_from(digit.repeat(64)).unwrap()
    }

    fn load(digit: &str) -> Event {
        Event::Table(TableEvent::LoadRequested(LoadRequested {
            request: "r".into(),
            blob: digit.repeat(64),
            size_bytes: 1,
            format: "csv".into(),
            csv: None,
            incremental: false,
            dedup_mode: "update_duplicates".into(),
            columns: None,
            extra_columns: "error".into(),
            delete_missing: false,
            more: Vec::new(),
            fills: false,
            rebased_on: None,
            unchanged_since: None,
        }))
    }

    fn purged(up_to: i64, dropped: bool) -> Event {
        let (uid, subject) = ("t".to_owned(), "rows.default.p.b.t".to_owned());
        Event::Retention(RetentionEvent::RowsPurged(RowsPurged { uid, subject, since: 1, up_to, messages: 0, dropped }))
    }

    fn take(marks: &mut Marks, seq: u64, event: Event) {
        marks.event(event, "t", || "default/t".into(), seq, Timestamp::from_micros(seq as i64));
    }

    #[test]
    fn a_load_is_needed_until_its_table_begins_behind_it() {
        let (mut marks, past) = (Marks::default(), Timestamp::from_micros(0));
        take(&mut marks, 5, load("a"));
        let Event::Table(TableEvent::LoadRequested(mut sliced)) = load("d") else { unreachable!() };
        sliced.more.push(crate::contract::LoadPart { blob: "b".repeat(64), size_bytes: 1 });
        take(&mut marks, 6, Event::Table(sliced.into()));
        assert!(marks.needs(&id("d"), past));
        assert!(marks.needs(&id("a"), past) && marks.needs(&id("b"), past) && !marks.needs(&id("c"), past));
        take(&mut marks, 9, purged(5, false));
        assert!(!marks.needs(&id("a"), past) && marks.needs(&id("b"), past));
        take(&mut marks, 10, load("a"));
        assert!(marks.needs(&id("a"), past), "loaded again");
        take(&mut marks, 20, purged(15, true));
        assert!(!marks.needs(&id("a"), past) && !marks.needs(&id("b"), past));
    }

    #[test]
    fn a_file_is_needed_until_it_is_deleted_before_the_window() {
        let mut marks = Marks::default();
        let staged =
            UploadStaged { project: "p".into(), file: "t".into(), blob: "a".repeat(64), size_bytes: 1, md5: None };
        take(&mut marks, 5, Event::File(FileEvent::UploadStaged(staged)));
        let deleted = FileDeleted { project: "p".into(), file: "t".into() };
        take(&mut marks, 9, Event::File(FileEvent::FileDeleted(deleted)));
        assert!(marks.needs(&id("a"), Timestamp::from_micros(9)));
        assert!(!marks.needs(&id("a"), Timestamp::from_micros(10)));
    }

    #[test]
    fn content_that_was_replaced_and_uploads_that_are_over_are_let_go() {
        let mut marks = Marks::default();
        let staged = |digit: &str| {
            let (project, file, blob) = ("p".into(), "t".into(), digit.repeat(64));
            Event::File(FileEvent::UploadStaged(UploadStaged { project, file, blob, size_bytes: 1, md5: None }))
        };
        take(&mut marks, 5, staged("a"));
        take(&mut marks, 7, staged("b"));
        let needs = |marks: &Marks, digit, past| marks.needs(&id(digit), Timestamp::from_micros(past));
        assert!(needs(&marks, "a", 7) && !needs(&marks, "a", 8) && needs(&marks, "b", 8));
        take(&mut marks, 9, Event::File(FileEvent::FileExpired(FileExpired { project: "p".into(), file: "t".into() })));
        assert!(needs(&marks, "b", 9) && !needs(&marks, "b", 10));
        take(&mut marks, 11, staged("a"));
        assert!(needs(&marks, "a", 12), "it came again");
    }

    #[test]
    fn parts_are_needed_until_their_upload_ends() {
        let multipart = |event: MultipartEvent| Event::Multipart(event);
        let started = |expires_at| {
            multipart(
                MultipartStarted {
                    project: "p".into(),
                    upload: "t".into(),
                    key: "k".into(),
                    content_type: None,
                    expires_at,
                    project_uid: "u".into(),
                    branch: "default".into(),
                }
                .into(),
            )
        };
        let staged = |number, digit: &str| {
            let (project, upload, md5) = ("p".into(), "t".into(), "0".repeat(32));
            multipart(PartStaged { project, upload, number, blob: digit.repeat(64), size_bytes: 1, md5 }.into())
        };
        let needs = |marks: &Marks, digit, past| marks.needs(&id(digit), Timestamp::from_micros(past));
        let mut marks = Marks::default();
        take(&mut marks, 5, started(100));
        take(&mut marks, 6, staged(1, "a"));
        take(&mut marks, 7, staged(2, "b"));
        take(&mut marks, 8, staged(1, "c"));
        assert!(!needs(&marks, "a", 9) && needs(&marks, "b", 9) && needs(&marks, "c", 9), "the first was replaced");
        assert!(needs(&marks, "b", 100) && !needs(&marks, "b", 101), "nobody has to say that its time is over");
        let aborted = MultipartAborted { project: "p".into(), upload: "t".into() };
        take(&mut marks, 20, multipart(aborted.into()));
        assert!(needs(&marks, "b", 20) && !needs(&marks, "b", 21) && !needs(&marks, "c", 21));
    }

    #[test]
    fn names_are_found_in_any_payload() {
        let (a, b) = ("ab".repeat(32), "0c".repeat(32));
        let payload = format!("{{\"blob\":\"{a}\"}}5{b} {}", "ab".repeat(31));
        let found = mentioned(payload.as_bytes());
        let named = |text: String| found.contains(&BlobId::try_from(text).unwrap());
        assert!(named(a) && named(b));
    }
}
