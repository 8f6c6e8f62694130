//! One client that is let in: what it says, and what it is answered.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_kernel::BoxFuture;
use bytes::BytesMut;
use metrics::{counter, histogram};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::extended::{Portal, Prepared};
use crate::io::Wire;
use crate::messages::{self, EMPTY_QUERY, Message};
use crate::scan::{first_words, statements};
use crate::server::Limits;
use crate::settings::Settings;
use crate::types::{data_row, fields};
use crate::words::{is_about_transactions, shown, tag};
use crate::{Column, Failure, Part, Question, Session};

/// Parts of an answer that wait for a client that reads slowly.
const PARTS_WAITING_MAX: usize = 64;
/// Bytes of an answer that is fetched bit by bit.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Where a session stands in transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Idle,
    Open,
    Failed,
}

impl Status {
    fn letter(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }
}

/// What becomes of an answer.
pub(crate) struct Taken {
    /// Whether its columns are announced; else they were.
    pub announced: bool,
    /// Its columns, once they are known.
    pub columns: Option<Vec<Column>>,
    /// As which its values are wanted.
    pub formats: Vec<i16>,
    /// Rows that are kept instead of sent.
    pub kept: Option<VecDeque<BytesMut>>,
    /// Whether the client was told that there are no rows.
    silent: bool,
    bytes: usize,
    rows: u64,
}

impl Taken {
    /// Sent with its columns before it.
    pub fn announced() -> Self {
        Self { announced: true, columns: None, formats: Vec::new(), kept: None, silent: false, bytes: 0, rows: 0 }
    }

    /// Sent to who was told of its columns, or that there are none, or nothing.
    pub fn told(columns: Option<&Option<Vec<Column>>>, formats: Vec<i16>) -> Self {
        let silent = columns.is_some_and(Option::is_none);
        Self { announced: false, columns: columns.cloned().flatten(), formats, silent, ..Self::announced() }
    }

    pub fn keeping(self) -> Self {
        Self { kept: Some(VecDeque::new()), ..self }
    }

    async fn take(&mut self, wire: &mut Wire, part: Part) -> Result<(), Failure> {
        match part {
            Part::Columns(_) if self.silent => {
                return Err(Failure::error("0A000", "a statement that was said to have no rows has some"));
            }
            Part::Columns(columns) => {
                if self.announced {
                    messages::put_fields(&mut wire.out, &fields(&columns, &self.formats));
                }
                self.columns.get_or_insert(columns);
            }
            Part::Row(row) => {
                let message = data_row(&row, self.columns.as_deref().unwrap_or_default(), &self.formats)?;
                self.rows += 1;
                let Some(kept) = &mut self.kept else {
                    wire.out.extend_from_slice(&message);
                    return wire.drain().await;
                };
                self.bytes += message.len();
                if self.bytes > KEPT_BYTES_MAX {
                    let told = format!("an answer that is fetched bit by bit has at most {KEPT_BYTES_MAX} bytes");
                    return Err(Failure::error("54000", told));
                }
                kept.push_back(message);
            }
        }
        Ok(())
    }
}

/// A client and what it has.
pub(crate) struct Client {
    pub(crate) wire: Wire,
    pub(crate) session: Box<dyn Session>,
    pub(crate) settings: Settings,
    pub(crate) status: Status,
    pub(crate) prepared: HashMap<String, Arc<Prepared>>,
    pub(crate) portals: HashMap<String, Portal>,
    limits: Limits,
    cancel: Arc<Notify>,
    /// After an error in the extended way: everything up to the next sync.
    skipping: bool,
    /// Why the transaction is no more, until the client was told.
    gave_way: Option<Failure>,
    label: String,
}

impl Client {
    pub fn new(wire: Wire, session: Box<dyn Session>, limits: Limits, cancel: Arc<Notify>) -> Self {
        let label = session.label();
        Self {
            wire,
            session,
            settings: Settings::default(),
            status: Status::Idle,
            prepared: HashMap::new(),
            portals: HashMap::new(),
            limits,
            cancel,
            skipping: false,
            gave_way: None,
            label,
        }
    }

    /// Answers until one side ends it; gives what is still to be done then.
    pub async fn run(mut self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        let mut ended = self.session.ended();
        let failure = loop {
            if let Err(failure) = self.wire.flush().await {
                break failure;
            }
            let (limits, is_open) = (self.limits, self.status == Status::Open);
            let message = tokio::select! {
                biased;
                failure = &mut ended => break failure,
                () = stop.cancelled() => break Failure::fatal("57P01", "the server is stopping"),
                failure = self.session.gives_way(), if is_open => {
                    self.status = Status::Failed;
                    self.gave_way = Some(failure);
                    continue;
                }
                message = tokio::time::timeout(limits.idle, self.wire.read()) => message,
            };
            let message = match message {
                Ok(Ok(message)) => message,
                Ok(Err(failure)) => break failure,
                Err(_) => break Failure::fatal("57P05", "the session was idle for too long"),
            };
            if let Err(failure) = self.hear(message, &mut ended).await {
                break failure;
            }
        };
        let reason = match failure.code {
            "57P05" => "timeout",
            "57P01" => "terminated",
            "08P01" => "protocol_error",
            _ => "disconnected",
        };
        // The client is told once nothing is done for it any more.
        let Self { wire, session, .. } = self;
        let closed = session.close(reason);
        Box::pin(async move {
            closed.await;
            wire.farewell(&failure).await;
        })
    }

    /// Answers one message. Fails when the connection is at its end.
    async fn hear(&mut self, message: Message, ended: &mut BoxFuture<'static, Failure>) -> Result<(), Failure> {
        match message {
            Message::Terminate => Err(Failure::gone()),
            Message::Password(_) => Err(Failure::protocol("nobody has asked for a password")),
            Message::Sync => {
                self.skipping = false;
                if self.status == Status::Idle {
                    self.portals.clear();
                }
                messages::put_ready(&mut self.wire.out, self.status.letter());
                Ok(())
            }
            Message::Flush => Ok(()),
            Message::Query(text) => {
                let answered = self.query(&text, ended).await;
                self.failed(answered)?;
                messages::put_ready(&mut self.wire.out, self.status.letter());
                Ok(())
            }
            _ if self.skipping => Ok(()),
            message => {
                let answered = self.extended(message, ended).await;
                self.skipping = answered.is_err();
                self.failed(answered)
            }
        }
    }

    /// Tells of an error that the connection survives.
    fn failed(&mut self, answered: Result<(), Failure>) -> Result<(), Failure> {
        match answered {
            Err(failure) if !failure.fatal => {
                if self.status == Status::Open {
                    self.status = Status::Failed;
                }
                messages::put_failure(&mut self.wire.out, &failure);
                Ok(())
            }
            other => other,
        }
    }

    /// The simple way of asking. Several statements at once are one transaction, unless they say themselves what is.
    async fn query(&mut self, text: &str, ended: &mut BoxFuture<'static, Failure>) -> Result<(), Failure> {
        let found = statements(text);
        if found.is_empty() {
            messages::put_empty(&mut self.wire.out, EMPTY_QUERY);
        }
        let says_itself = found.iter().any(|statement| is_about_transactions(&first_words(&statement.sql)));
        let together = found.len() > 1 && self.status == Status::Idle && !says_itself;
        if together {
            self.begin();
        }
        for statement in found {
            if statement.params > 0 {
                return Err(Failure::error("42P02", "parameters have no values in a simple query"));
            }
            let question = Question { sql: statement.sql, params: Vec::new() };
            let done = self.answer(question, &mut Taken::announced(), ended).await;
            match done {
                Ok(tag) => messages::put_complete(&mut self.wire.out, &tag),
                Err(failure) if together => {
                    self.rollback().await;
                    return Err(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        if together {
            self.commit().await?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.session.begin();
        self.status = Status::Open;
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        self.status = Status::Idle;
        self.session.commit().await
    }

    async fn rollback(&mut self) {
        self.status = Status::Idle;
        self.session.rollback().await;
    }

    /// Does one statement; its command tag.
    pub(crate) async fn answer(
        &mut self,
        question: Question,
        taken: &mut Taken,
        ended: &mut BoxFuture<'static, Failure>,
    ) -> Result<String, Failure> {
        let words = first_words(&question.sql);
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        match (word(0), word(1)) {
            ("rollback" | "abort", "to") | ("savepoint" | "release", _) => {
                return Err(Failure::error("0A000", "there are no savepoints here"));
            }
            ("rollback" | "abort", _) => {
                self.gave_way = None;
                self.rollback().await;
                return Ok("ROLLBACK".to_owned());
            }
            ("commit" | "end", _) => return self.end().await,
            _ if self.status == Status::Failed => {
                let told = "current transaction is aborted, commands ignored until end of transaction block";
                return Err(self.gave_way.take().unwrap_or_else(|| Failure::error("25P02", told)));
            }
            ("begin" | "start", _) => {
                if self.status == Status::Idle {
                    self.begin();
                }
                return Ok("BEGIN".to_owned());
            }
            ("set", _) => return self.settings.set(&question.sql).map(|()| "SET".to_owned()),
            ("reset", _) => {
                self.settings.clear();
                return Ok("RESET".to_owned());
            }
            ("discard", _) => {
                self.settings.clear();
                self.prepared.clear();
                return Ok("DISCARD ALL".to_owned());
            }
            ("deallocate", name) => {
                if name == "all" {
                    self.prepared.clear();
                } else {
                    self.prepared.retain(|known, _| !known.eq_ignore_ascii_case(name));
                }
                return Ok("DEALLOCATE".to_owned());
            }
            ("show", _) => {
                if let Some(value) = shown(&self.settings, &words) {
                    taken.take(&mut self.wire, Part::Columns(vec![value.0])).await?;
                    taken.take(&mut self.wire, Part::Row(serde_json::json!([value.1]).to_string())).await?;
                    return Ok("SHOW".to_owned());
                }
            }
            _ => {}
        }
        self.ask(question, &words, taken, ended).await
    }

    /// How long a statement may take.
    pub(crate) fn limit(&self) -> Duration {
        self.settings.timeout().map_or(self.limits.query, |limit| limit.min(self.limits.query))
    }

    async fn end(&mut self) -> Result<String, Failure> {
        if self.status == Status::Failed {
            self.gave_way = None;
            self.rollback().await;
            return Ok("ROLLBACK".to_owned());
        }
        if self.status == Status::Open {
            self.commit().await?;
        }
        Ok("COMMIT".to_owned())
    }

    /// Has the engine do it, within its time, and until somebody cancels it.
    async fn ask(
        &mut self,
        question: Question,
        words: &[String],
        taken: &mut Taken,
        ended: &mut BoxFuture<'static, Failure>,
    ) -> Result<String, Failure> {
        let began = Instant::now();
        let deadline = tokio::time::Instant::now() + self.limit();
        let timed_out = || Failure::error("57014", "canceling statement due to statement timeout");
        let (wire, mut cancelled) = (&mut self.wire, pin!(self.cancel.notified()));
        let (sender, mut parts) = mpsc::channel(PARTS_WAITING_MAX);
        let mut running = self.session.run(question, sender);
        let (mut result, mut is_open) = (None, true);
        let outcome = loop {
            tokio::select! {
                biased;
                failure = &mut *ended => break Err(failure),
                () = &mut cancelled => break Err(Failure::error("57014", "canceling statement due to user request")),
                () = tokio::time::sleep_until(deadline) => break Err(timed_out()),
                part = parts.recv(), if is_open => match part {
                    None => is_open = false,
                    Some(part) => match tokio::time::timeout_at(deadline, taken.take(wire, part)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(failure)) => break Err(failure),
                        // It reads nothing, so it will not read why.
                        Err(_) => break Err(Failure { fatal: true, ..timed_out() }),
                    }
                },
                done = &mut running, if result.is_none() => result = Some(done),
            }
            if let Some(done) = result.take_if(|_| !is_open) {
                break done;
            }
        };
        drop(running);
        let status = match &outcome {
            Ok(_) => "success",
            Err(failure) if failure.code == "57014" => "timeout",
            Err(_) => "error",
        };
        let label = self.label.clone();
        counter!("pgwire_queries_total", "workspace_id" => label.clone(), "status" => status).increment(1);
        histogram!("pgwire_query_duration_seconds", "workspace_id" => label).record(began.elapsed());
        Ok(tag(words, outcome?, taken.rows))
    }
}
