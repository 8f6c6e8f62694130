//! Taking commands in: who sent it, is it whole, is it known, was it decided before, may it be done.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alluvium_kernel::{
    Actor, Authorizer, DEFAULT_TENANT, Outcome, Problem, SigningKey, Timestamp, Token, Verdict, body_hash, header,
    subject::{self, Parsed},
};
use alluvium_messaging::{CodecError, ContractSet, place};
use async_nats::Message;

use crate::{
    COMMAND_BYTES_MAX, COMMAND_ID_BYTES_MAX, DecisionContext,
    context::BoundedContext,
    outcome::{DryOutcome, OutcomePublisher, subject_of},
    seals::Seals,
    sender::sender,
    unit::Stamp,
};

/// Deliveries after which a command is put aside. With the pauses between them this is about half an hour.
pub(crate) const DELIVERIES_MAX: u64 = 60;
/// The code of an answer that must never take the place of the first outcome.
pub(crate) const ID_REUSED: &str = "command.id_reused";
/// First and longest pause before a command is delivered again, in milliseconds.
const AGAIN_MS: (u64, u64) = (100, 30_000);

/// A command as delivered, with what is known about it before its body is understood.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub tenant: Token,
    /// `storage.CreateBucket`
    pub command: String,
    pub command_id: String,
    pub body_hash: String,
    pub actor: Actor,
    pub time: Timestamp,
    pub seq: u64,
    pub delivered: u64,
    pub dry_run: bool,
    pub message: Arc<Message>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.message, name)
    }

    pub fn reply_to(&self) -> Option<&str> {
        self.header(header::REPLY)
    }

    pub fn stamp(&self) -> Stamp {
        Stamp {
            command_id: self.command_id.clone(),
            body_hash: self.body_hash.clone(),
            actor: self.actor.clone(),
            time: self.time,
        }
    }

    pub fn at(&self) -> DecisionContext {
        DecisionContext {
            tenant: self.tenant.clone(),
            command_id: self.command_id.clone(),
            actor: self.actor.clone(),
            time: self.time,
        }
    }

    pub fn outcome(&self, verdict: Verdict) -> Outcome {
        let (command_id, command) = (self.command_id.clone(), self.command.clone());
        Outcome { command_id, command, body_hash: self.body_hash.clone(), verdict }
    }

    pub fn rejected(&self, problem: Problem) -> Outcome {
        self.outcome(Verdict::Rejected { problem })
    }

    pub fn again(&self) -> Fate {
        let longer = AGAIN_MS.0 << self.delivered.saturating_sub(1).min(16);
        Fate::Again(Duration::from_millis(longer.min(AGAIN_MS.1)))
    }
}

/// What happens to a delivered command in the end.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Its outcome is published, answered and acknowledged.
    Outcome(Outcome),
    /// The outcome is there already, or must not be kept: answered and acknowledged.
    Answer(Outcome),
    /// The answer to a dry run.
    Dry(DryOutcome),
    /// A fold will publish the outcome: acknowledged.
    Settles,
    /// Delivered again after a pause.
    Again(Duration),
    /// Put aside with a reason, rejected, acknowledged.
    Dead(Problem),
}

/// A command ready to be decided.
#[derive(Debug)]
pub(crate) struct Task<C> {
    pub received: Received,
    pub command: C,
    pub group: String,
}

/// What came of a batch: what must be decided, and what is settled without.
pub(crate) struct Taken<C> {
    pub tasks: Vec<Task<C>>,
    pub settled: Vec<(Received, Fate)>,
}

/// Ids on their way through this process: the same id again has to wait for the first one's outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashSet<String>>>);

impl InFlight {
    fn enter(&self, received: &Received) -> bool {
        let key = format!("{} {}", received.tenant, received.command_id);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
    }

    pub fn leave(&self, received: &Received) {
        let key = format!("{} {}", received.tenant, received.command_id);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// Takes commands in for one context.
pub(crate) struct Intake<C: BoundedContext> {
    pub context: Arc<C>,
    pub authorizer: Arc<dyn Authorizer>,
    pub key: SigningKey,
    pub outcomes: OutcomePublisher,
    pub in_flight: InFlight,
    pub seals: Seals,
    /// When the stream `CMD` was made: part of the id of a command that brings none.
    pub stream_created: Timestamp,
}

impl<C: BoundedContext> Intake<C> {
    /// Takes a batch in. The second part: commands that are under way already and left alone for a moment.
    pub async fn take(&self, messages: Vec<Message>) -> (Taken<C::Command>, Vec<(Received, Fate)>) {
        let (mut settled, mut waiting, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for message in messages {
            let (received, read) = self.read(message);
            if !self.in_flight.enter(&received) {
                let fate = received.again();
                waiting.push((received, fate));
                continue;
            }
            match read {
                _ if received.delivered > DELIVERIES_MAX => {
                    let detail =
                        format!("The command was delivered {} times without being decided.", received.delivered);
                    settled.push((received, Fate::Dead(Problem::new("command.dead_letter", 500, detail))));
                }
                Ok(command) => whole.push((received, Ok(command))),
                Err(problem) => whole.push((received, Err(problem))),
            }
        }
        let whole = self.drop_known(whole, &mut settled).await;
        let mut tasks = Vec::new();
        let checked = whole.into_iter().map(|(received, read)| self.admit(received, read));
        for admitted in futures::future::join_all(checked).await {
            match admitted {
                Ok(task) => tasks.push(task),
                Err(fate) => settled.push(*fate),
            }
        }
        (Taken { tasks, settled }, waiting)
    }

    /// Understands a message as far as possible; whatever is wrong with it, it can be answered.
    fn read(&self, message: Message) -> (Received, Result<C::Command, Problem>) {
        let at = place(message.reply.as_deref());
        let (seq, delivered) = at.map_or((0, 1), |at| (at.stream_seq, at.delivered));
        let time = Timestamp::from_micros(at.map_or(0, |at| at.time_nanos / 1000));
        let hash = body_hash(&message.subject, &message.payload);
        let given = header_of(&message, header::MESSAGE_ID);
        let id_is_good = given.is_none_or(is_id);
        let command_id = given
            .filter(|_| id_is_good)
            .map_or_else(|| format!("CMD:{}:{seq}", self.stream_created.micros()), ToOwned::to_owned);
        let (tenant, command) = match subject::parse(&message.subject) {
            Some(Parsed::Command { tenant, command, .. }) => (tenant, Some(command)),
            _ => (Token::encode(DEFAULT_TENANT).expect("the default tenant is a token"), None),
        };
        let mut received = Received {
            actor: Actor::Nats(tenant.to_string()),
            tenant,
            command: format!("{}.{}", C::NAME, command.as_deref().unwrap_or("?")),
            command_id,
            body_hash: hash,
            time,
            seq,
            delivered,
            dry_run: header_of(&message, header::DRY_RUN) == Some("1"),
            message: Arc::new(message),
        };
        let read = if id_is_good {
            self.actor(&received).and_then(|actor| {
                received.actor = actor;
                decode::<C::Command>(C::NAME, command.as_deref(), &received.message.payload)
            })
        } else {
            Err(bad_id())
        };
        (received, read)
    }

    fn actor(&self, received: &Received) -> Result<Actor, Problem> {
        let message = &received.message;
        sender(&self.key, &received.tenant, &message.subject, message.headers.as_ref(), &message.payload, received.time)
    }

    /// Answers what was decided before. Redelivered commands are looked up at the leader, first ones all at once.
    async fn drop_known(
        &self,
        whole: Vec<(Received, Result<C::Command, Problem>)>,
        settled: &mut Vec<(Received, Fate)>,
    ) -> Vec<(Received, Result<C::Command, Problem>)> {
        let known = self.known(whole.iter().map(|(received, _)| received)).await;
        let mut unknown = Vec::with_capacity(whole.len());
        for (received, read) in whole {
            let found = match &known {
                Ok(known) => subject_of(&received.tenant, &received.command_id).map(|subject| known.get(&subject)),
                Err(problem) => Err(problem.clone()),
            };
            let fate = match found {
                Ok(None) => {
                    unknown.push((received, read));
                    continue;
                }
                Ok(Some(outcome)) => repeated(&received, outcome),
                Err(problem) => {
                    tracing::warn!(command.id = %received.command_id, %problem, "outcomes cannot be read now");
                    received.again()
                }
            };
            settled.push((received, fate));
        }
        unknown
    }

    async fn known(&self, received: impl Iterator<Item = &Received>) -> Result<HashMap<String, Outcome>, Problem> {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for received in received.filter(|received| !received.dry_run) {
            if received.delivered > 1 {
                again.push(received);
            } else if received.header(header::MESSAGE_ID).is_some() {
                // An id that the stream made up was never used before.
                first.push(subject_of(&received.tenant, &received.command_id)?);
            }
        }
        let lookups = again.into_iter().map(|received| async move {
            let found = self.outcomes.find(&received.tenant, &received.command_id).await?;
            Ok::<_, Problem>((subject_of(&received.tenant, &received.command_id)?, found))
        });
        let (known, found) =
            futures::future::join(self.outcomes.find_many(&first), futures::future::join_all(lookups)).await;
        let mut known = known?;
        for found in found {
            if let (subject, Some(outcome)) = found? {
                known.insert(subject, outcome);
            }
        }
        Ok(known)
    }

    async fn admit(
        &self,
        received: Received,
        read: Result<C::Command, Problem>,
    ) -> Result<Task<C::Command>, Box<(Received, Fate)>> {
        let checked = match read {
            Ok(command) => {
                let requirement = self.context.requirement(&command);
                let may = self.authorizer.check(&received.tenant, &received.actor, &requirement).await;
                match may {
                    Ok(()) => self.sealed(&received.tenant, command).await,
                    Err(problem) => Err(problem),
                }
            }
            Err(problem) => Err(problem),
        };
        match checked {
            Ok(command) => {
                let group = self.context.group(&received.tenant, &command).await;
                Ok(Task { received, command, group })
            }
            Err(problem) => {
                let fate = refused(&received, problem);
                Err(Box::new((received, fate)))
            }
        }
    }
}

impl<C: BoundedContext> Intake<C> {
    /// A command with everything sealed that must be: who publishes to the log itself sends it in clear.
    async fn sealed(&self, tenant: &Token, mut command: C::Command) -> Result<C::Command, Problem> {
        let fields = command.sealed_fields();
        if !fields.is_empty() {
            self.seals.seal(tenant, fields).await?;
        }
        Ok(command)
    }
}

/// A problem as the fate of a command: a transient one puts it off.
pub(crate) fn refused(received: &Received, problem: Problem) -> Fate {
    if problem.is_transient() {
        tracing::info!(command.id = %received.command_id, command = %received.command, %problem, "decided later");
        return received.again();
    }
    if received.dry_run {
        return Fate::Dry(dry(received, crate::outcome::DryVerdict::Rejected { problem }));
    }
    Fate::Outcome(received.rejected(problem))
}

pub(crate) fn dry(received: &Received, verdict: crate::outcome::DryVerdict) -> DryOutcome {
    let (command_id, command) = (received.command_id.clone(), received.command.clone());
    DryOutcome { command_id, command, dry_run: true, verdict }
}

/// The answer to an id that has an outcome: that outcome, or a refusal when the body is another. The first one stays.
pub(crate) fn repeated(received: &Received, first: &Outcome) -> Fate {
    if first.body_hash == received.body_hash {
        Fate::Answer(first.clone())
    } else {
        Fate::Answer(received.rejected(id_reused(&received.command_id)))
    }
}

pub(crate) fn id_reused(command_id: &str) -> Problem {
    let detail =
        format!("Another command was sent under the id `{command_id}` before. Use a new id for a new command.");
    Problem::new(ID_REUSED, 409, detail)
}

fn decode<S: ContractSet>(context: &str, name: Option<&str>, payload: &[u8]) -> Result<S, Problem> {
    if payload.len() > COMMAND_BYTES_MAX {
        let detail = format!("The command takes {} bytes, at most {COMMAND_BYTES_MAX} are allowed.", payload.len());
        return Err(Problem::new("command.too_large", 413, detail));
    }
    let name = name.unwrap_or_default();
    S::decode(name, payload).map_err(|error| match error {
        CodecError::Unknown { .. } => {
            Problem::new("command.unknown", 404, format!("{context} has no command `{name}`: {error}."))
        }
        _ => Problem::new("command.malformed", 400, format!("The command cannot be read: {error}.")),
    })
}

/// Whether a text may be a command's id.
pub(crate) fn check_id(id: &str) -> Result<(), Problem> {
    if is_id(id) { Ok(()) } else { Err(bad_id()) }
}

fn bad_id() -> Problem {
    let detail = format!("A command id is 1 to {COMMAND_ID_BYTES_MAX} visible ASCII characters.");
    Problem::new("command.bad_id", 400, detail)
}

fn is_id(id: &str) -> bool {
    (1..=COMMAND_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn header_of<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}
