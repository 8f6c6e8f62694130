//! One aggregate: its state at a point, and the difference between two.

use std::time::Duration;

use alluvium_eventlog::{AggregateType, Look, Past, Point};
use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_kernel::{Position, Problem, Timestamp, Token, subject};
use alluvium_messaging::LogMessage;
use axum::extract::State;
use serde_json::{Value, json};

use super::sight::{Sight, is_admin};
use super::{At, Between, EVENTS_MAX, LOOK_SECONDS, changes};
use crate::node::{CONTEXTS, ContextInfo, context};
use crate::platform::Platform;
use crate::platform::events::decode;

/// An aggregate that somebody asks for.
struct Wanted {
    context: &'static ContextInfo,
    kind: &'static AggregateType,
    past: Past,
    tenant: Token,
    name: String,
}

/// One that has a subject.
struct Located {
    id: Token,
    subject: String,
}

pub async fn state(
    State(platform): State<Platform>,
    principal: Principal,
    params: PathParams,
    Query(at): Query<At>,
) -> Result<Json<Value>, ProblemResponse> {
    let wanted = Wanted::read(&platform, &principal, &params)?;
    let work = async {
        let seq = wanted.resolve(at.at.as_deref(), Point::Now).await?;
        let located = wanted.locate(&platform, &principal, seq, seq).await?;
        let (mut look, mut first, mut last) = (wanted.kind.begin(), 0, Timestamp::default());
        wanted
            .past
            .walk(&located.subject, 1, seq, |message| {
                look.fold(&message)?;
                first = if first == 0 { message.seq } else { first };
                last = message.time;
                Ok(true)
            })
            .await?;
        let sight = Sight::of(&platform, &principal, look.owner().as_ref()).await?;
        if look.seq() == 0 || !wanted.sees(sight, first, seq) {
            return Err(wanted.unknown(seq));
        }
        Ok(json!({
            "aggregate": wanted.title(&located), "subject": located.subject, "at": wanted.place(seq),
            "events": look.events(), "commit": { "seq": look.seq(), "time": last.to_rfc3339() }, "state": look.state(),
        }))
    };
    Ok(Json(within_budget(work).await?))
}

pub async fn diff(
    State(platform): State<Platform>,
    principal: Principal,
    params: PathParams,
    Query(between): Query<Between>,
) -> Result<Json<Value>, ProblemResponse> {
    let wanted = Wanted::read(&platform, &principal, &params)?;
    let work = async {
        let from = wanted.resolve(between.from.as_deref(), Point::Seq(0)).await?;
        let to = wanted.resolve(between.to.as_deref(), Point::Now).await?;
        if from > to {
            let detail = format!("`from` ({from}) lies behind `to` ({to}): exchange them.");
            return Err(Problem::new("platform.invalid_point", 400, detail));
        }
        let located = wanted.locate(&platform, &principal, to, from).await?;
        let mut walk = Walk::new(wanted.kind, from);
        wanted.past.walk(&located.subject, 1, to, |message| walk.take(&message).map(|()| true)).await?;
        let walk = walk.end();
        let owner = walk.look.owner().or_else(|| walk.owner.clone());
        let sight = Sight::of(&platform, &principal, owner.as_ref()).await?;
        if walk.look.seq() == 0 || !wanted.sees(sight, walk.first, to) {
            return Err(wanted.unknown(to));
        }
        // What an earlier project of the id was is not told: its successor begins with nothing.
        let before = if sight.sees(from) { walk.before } else { Value::Null };
        let mut events: Vec<Value> =
            walk.events.into_iter().filter(|(seq, _)| sight.sees(*seq)).map(|(_, e)| e).collect();
        let more = events.len() > EVENTS_MAX;
        events.truncate(EVENTS_MAX);
        Ok(json!({
            "aggregate": wanted.title(&located), "subject": located.subject,
            "from": wanted.place(from), "to": wanted.place(to),
            "changes": changes::between(&before, &walk.look.state()), "events": events, "more": more,
        }))
    };
    Ok(Json(within_budget(work).await?))
}

/// A fold through two points.
struct Walk {
    kind: &'static AggregateType,
    look: Look,
    from: u64,
    first: u64,
    passed: bool,
    before: Value,
    /// Whose it was while it was somebody's.
    owner: Option<alluvium_eventlog::Owner>,
    events: Vec<(u64, Value)>,
}

impl Walk {
    fn new(kind: &'static AggregateType, from: u64) -> Self {
        let look = kind.begin();
        Self { kind, look, from, first: 0, passed: false, before: Value::Null, owner: None, events: Vec::new() }
    }

    fn take(&mut self, message: &LogMessage) -> Result<(), Problem> {
        if message.seq > self.from && !self.passed {
            self.before = self.look.state();
            self.passed = true;
        }
        self.look.fold(message)?;
        self.owner = self.look.owner().or_else(|| self.owner.take());
        self.first = if self.first == 0 { message.seq } else { self.first };
        if message.seq > self.from && self.events.len() <= EVENTS_MAX {
            let decoded = decode::events(message, None).into_iter().map(|mut event| {
                self.kind.hide(&mut event["event"]);
                (message.seq, event)
            });
            self.events.extend(decoded);
        }
        Ok(())
    }

    fn end(mut self) -> Self {
        if !self.passed {
            self.before = self.look.state();
        }
        self
    }
}

impl Wanted {
    fn read(platform: &Platform, principal: &Principal, params: &PathParams) -> Result<Self, Problem> {
        let (name, aggregate) = (params.get("context"), params.get("aggregate"));
        let context = context(name).ok_or_else(|| {
            let known: Vec<&str> = CONTEXTS.iter().map(|context| context.name).collect();
            let detail = format!("There is no context `{name}`; there are: {}.", known.join(", "));
            Problem::new("platform.unknown_context", 404, detail)
        })?;
        let kind = context.aggregates.iter().find(|kind| kind.name == aggregate).ok_or_else(|| {
            let known: Vec<&str> = context.aggregates.iter().map(|kind| kind.name).collect();
            let detail = format!("`{name}` has no aggregates `{aggregate}`; it has: {}.", known.join(", "));
            Problem::new("platform.unknown_aggregate", 404, detail)
        })?;
        let past = Past::new(platform.js.clone(), context.stream);
        Ok(Self { context, kind, past, tenant: principal.tenant.clone(), name: params.owned("id") })
    }

    async fn resolve(&self, text: Option<&str>, otherwise: Point) -> Result<u64, Problem> {
        let point = text.map(|text| Point::parse(text, self.context.stream)).transpose()?.unwrap_or(otherwise);
        if point == Point::Seq(0) { Ok(0) } else { self.past.resolve(&point).await }
    }

    /// Finds the subject, by the names as they stood at `seq`, else at `or`.
    async fn locate(&self, platform: &Platform, principal: &Principal, seq: u64, or: u64) -> Result<Located, Problem> {
        let find = |seq| (self.context.locate)(&self.past, &self.tenant, self.kind.name, &self.name, seq);
        let found = match find(seq).await {
            Err(problem) if problem.status == 404 && or != seq => find(or).await.map_err(|_| problem),
            found => found,
        };
        let id = match found {
            Ok(id) => id,
            Err(problem) if problem.status != 404 || is_admin(platform, principal).await? => return Err(problem),
            // Who may not see it does not learn which part of the name was right.
            Err(_) => return Err(self.unknown(seq)),
        };
        let subject = subject::event(&self.tenant, self.context.name, self.kind.name, &id);
        Ok(Located { id, subject })
    }

    /// Whether an aggregate whose first commit is at `first` may be seen as it was at `at`. A project's id outlives the
    /// project; everything else belongs to one for good.
    fn sees(&self, sight: Sight, first: u64, at: u64) -> bool {
        sight.sees(if self.kind.name == "project" { at } else { first })
    }

    fn title(&self, located: &Located) -> String {
        format!("{}.{}.{}", self.context.name, self.kind.name, located.id.decode())
    }

    fn place(&self, seq: u64) -> Value {
        json!({ "stream": self.context.stream, "seq": seq, "position": Position::of(self.context.stream, seq).to_token() })
    }

    fn unknown(&self, seq: u64) -> Problem {
        let detail = format!(
            "There is no {} `{}` that you may see with {}:{seq}.",
            self.kind.name, self.name, self.context.stream
        );
        Problem::new("platform.unknown_aggregate", 404, detail)
    }
}

/// Bounds a fold: long histories must not keep the log busy for nobody.
pub async fn within_budget<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    tokio::time::timeout(Duration::from_secs(LOOK_SECONDS), work).await.unwrap_or_else(|_| {
        let detail = format!("Folding this takes longer than {LOOK_SECONDS} s.");
        Err(Problem::unavailable("platform.history_over_budget", detail))
    })
}
