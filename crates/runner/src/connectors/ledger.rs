//! Where connectors are, on the stream of their pipeline: the last message of a subject counts.

use alluvium_kernel::{Problem, Token};
use alluvium_messaging::batch::{Draft, publish_batch};
use alluvium_messaging::{LogMessage, direct};
use alluvium_pipelines::Place;
use async_nats::{HeaderMap, jetstream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::input::{self, STREAM};

/// How large a position may be, in bytes.
const POSITION_BYTES_MAX: usize = 900_000;
/// The header by which an attempt finds itself.
const ATTEMPT: &str = "Alluvium-Attempt";

/// Of what a mark tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// How far an input is: [`InputMark`].
    Input,
    /// How far an output is: [`OutputMark`].
    Output,
    /// What a user said last: [`Hold`].
    Hold,
}

/// How far an input is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct InputMark {
    /// Behind what it brought; null where it brought nothing.
    pub position: Value,
    /// Whether it was at its end.
    pub ended: bool,
    /// What it brought so far.
    pub records: u64,
    pub bytes: u64,
    pub parse_errors: u64,
    /// How many messages follow this one in its batch.
    pub messages: u64,
}

/// How far an output is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OutputMark {
    /// The last step of which it has all.
    pub step: u64,
    /// The generation of its steps.
    pub generation: u64,
    /// What it was given so far.
    pub records: u64,
    pub bytes: u64,
    /// Whether it still has to be given the rows that were there after this step.
    #[serde(default)]
    pub owes_snapshot: bool,
    /// What the output itself wants to find again.
    #[serde(default)]
    pub own: Value,
}

/// What a user said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hold {
    /// It runs.
    Started,
    /// It does not.
    Paused,
}

/// The positions of one pipeline.
#[derive(Clone)]
pub(super) struct Ledger {
    js: jetstream::Context,
    prefix: String,
    /// The first message.
    began: u64,
    /// Messages that are no more: those behind the first, up to the second.
    rewound: Vec<(u64, u64)>,
}

/// Where an input is.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    /// The last mark of all, which the next one follows.
    pub last_seq: u64,
    /// The mark that counts.
    pub seq: u64,
    pub mark: InputMark,
}

fn mark_of<T: DeserializeOwned>(message: &LogMessage) -> Result<T, Problem> {
    serde_json::from_slice(&message.payload).map_err(|error| {
        tracing::error!(%error, stream.subject = message.subject, "a position of a connector cannot be read");
        Problem::internal()
    })
}

/// What became of an attempt to write.
pub(super) enum Written {
    /// It is there. The sequence of the first message, which is the mark.
    Stored(u64),
    /// It is not there; it may be tried again.
    Failed(String),
    /// Somebody else wrote in between.
    Overtaken,
}

impl Ledger {
    pub fn new(
        js: jetstream::Context,
        place: &Place,
        (began, rewound): (u64, Vec<(u64, u64)>),
    ) -> Result<Self, Problem> {
        Ok(Self { js, prefix: input::prefix(place)?, began, rewound })
    }

    fn subject(&self, about: About, endpoint: &str) -> Result<String, Problem> {
        let endpoint = Token::encode(endpoint).map_err(|_| Problem::internal())?;
        let part = match about {
            About::Input => "at",
            About::Output => "out",
            About::Hold => "hold",
        };
        Ok(format!("{}.{part}.{endpoint}", self.prefix))
    }

    /// The last mark and its sequence; nothing and 0 if there is none. Older ones are let go of.
    pub async fn read<T: DeserializeOwned>(&self, about: About, endpoint: &str) -> Result<(u64, Option<T>), Problem> {
        let subject = self.subject(about, endpoint)?;
        let Some(last) = direct::leader_last(&self.js, STREAM, &subject).await? else { return Ok((0, None)) };
        if let Ok(stream) = self.js.get_stream(STREAM).await {
            // They do no harm if they stay.
            let _ = stream.purge().filter(&subject).keep(1).await;
        }
        Ok((last.seq, Some(mark_of(&last)?)))
    }

    /// Where an input is: its last mark but for those that are no more, and the sequence of the last of all; nothing and 0 if there is
    /// none.
    pub async fn position(&self, endpoint: &str) -> Result<Position, Problem> {
        let subject = self.subject(About::Input, endpoint)?;
        let Some(last) = direct::leader_last(&self.js, STREAM, &subject).await? else { return Ok(Position::default()) };
        let last_seq = last.seq;
        let mut found = Some(last);
        while let Some(message) = &found {
            match self.rewound.iter().find(|(from, to)| (from + 1..=*to).contains(&message.seq)) {
                Some((from, _)) => found = self.last_up_to(&subject, *from).await?,
                None => break,
            }
        }
        let Some(found) = found else { return Ok(Position { last_seq, ..Position::default() }) };
        Ok(Position { last_seq, seq: found.seq, mark: mark_of(&found)? })
    }

    /// The last message of a subject up to a sequence: between one where there is one behind and one where there is none.
    async fn last_up_to(&self, subject: &str, seq: u64) -> Result<Option<LogMessage>, Problem> {
        let (mut low, mut high, mut found) = (self.began, seq, None);
        while low <= high {
            let middle = low + (high - low) / 2;
            let next = direct::leader_next(&self.js, STREAM, subject, middle).await?;
            match next.filter(|next| next.seq <= seq) {
                Some(next) => {
                    low = next.seq + 1;
                    found = Some(next);
                }
                None if middle == 0 => break,
                None => high = middle - 1,
            }
        }
        Ok(found)
    }

    /// Writes a mark, and other messages behind it, all or none; refuses if the last mark is not the one with sequence `after`.
    /// `attempt` names the attempt: made again under its name, it counts once.
    pub async fn write<T: Serialize>(
        &self,
        (about, endpoint): (About, &str),
        mark: &T,
        with: &[Draft],
        (after, attempt): (u64, Uuid),
    ) -> Result<Written, Problem> {
        let subject = self.subject(about, endpoint)?;
        let payload = serde_json::to_vec(mark).map_err(|_| Problem::internal())?;
        if payload.len() > POSITION_BYTES_MAX {
            let detail = format!("its position takes {} bytes; it may take {POSITION_BYTES_MAX}", payload.len());
            return Err(Problem::new("pipelines.invalid_param", 400, detail));
        }
        let attempt = attempt.simple().to_string();
        let mut headers = HeaderMap::new();
        headers.insert(ATTEMPT, attempt.as_str());
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string());
        let mut drafts = vec![Draft { subject: subject.clone(), headers, payload: payload.into() }];
        drafts.extend_from_slice(with);
        let failure = match publish_batch(&self.js, &Uuid::new_v4().simple().to_string(), drafts).await {
            Ok(first) => return Ok(Written::Stored(first)),
            Err(error) => error,
        };
        // It may be there all the same.
        let last = match direct::leader_last(&self.js, STREAM, &subject).await {
            Ok(last) => last,
            Err(error) => return Ok(Written::Failed(error.to_string())),
        };
        let is_ours =
            |message: &LogMessage| message.headers.get(ATTEMPT).is_some_and(|found| found.as_str() == attempt);
        Ok(match last {
            Some(message) if is_ours(&message) => Written::Stored(message.seq),
            Some(message) if message.seq != after => Written::Overtaken,
            None if after != 0 => Written::Overtaken,
            _ => Written::Failed(failure.to_string()),
        })
    }

    /// What rows of a table and errors are published on.
    pub fn rows_subject(&self, table: &str) -> Result<String, Problem> {
        let table = Token::encode(table).map_err(|_| Problem::internal())?;
        Ok(format!("{}.rows.{table}", self.prefix))
    }

    /// What rows that were refused are published on.
    pub fn errors_subject(&self) -> String {
        format!("{}.errors", self.prefix)
    }
}
