//! `/aggregates` and `/events/{position}/why`: how things were, what changed, and what led to what.

mod changes;
mod look;
mod sight;
mod why;

use std::time::Duration;

use alluvium_http::{Op, Route};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::{Platform, authenticated};

/// How long folding one aggregate may take, in seconds.
const LOOK_SECONDS: u64 = 25;
/// Events that one difference lists; then it says that there are more.
const EVENTS_MAX: usize = 1_000;

/// When.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct At {
    /// `STREAM:SEQUENCE`, a position token or an RFC 3339 time; now when absent.
    at: Option<String>,
}

/// From when to when.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Between {
    /// `STREAM:SEQUENCE`, a position token or an RFC 3339 time; the beginning when absent.
    from: Option<String>,
    /// The same; now when absent.
    to: Option<String>,
}

const POINTS: [&str; 3] = ["platform.invalid_point", "platform.point_in_future", "platform.point_expired"];
const NAMES: [&str; 4] = [
    "platform.unknown_context",
    "platform.unknown_aggregate",
    "platform.history_over_budget",
    "platform.log_unavailable",
];

pub fn routes() -> Vec<Route<Platform>> {
    let who = "An admin may look at everything; the key of a project at what is that project's, since it was created. Secrets \
               are never shown, sealed fields stay sealed.";
    let state = Op::new("getAggregate", "history", "An aggregate as the log has it, now or at an earlier point")
        .description(&format!(
            "`id` is as in subjects (decoded); a table may also be named as `project.bucket.table`, as the names stood then. \
             {who}"
        ))
        .query::<At>()
        .json::<Value>(200, "Its state, how many events led to it, and where its last commit is")
        .errors(&POINTS)
        .errors(&NAMES);
    let diff = Op::new("diffAggregate", "history", "What changed about an aggregate between two points")
        .description(&format!("Field by field, with the events between, at most 1000. {who}"))
        .query::<Between>()
        .json::<Value>(200, "Changes and events")
        .errors(&POINTS)
        .errors(&NAMES);
    let why = Op::new("whyEvent", "history", "The command behind an event, all it led to, and who has applied it")
        .description(&format!(
            "`position` is `STREAM:SEQUENCE`, with `/INDEX` behind it for one event of the commit, or a position token. {who}"
        ))
        .json::<Value>(200, "Command, outcome, events of its commit, what followed, projections")
        .errors(&POINTS)
        .errors(&["platform.unknown_event", "platform.history_over_budget", "platform.log_unavailable"]);
    let wait = Duration::from_secs(LOOK_SECONDS + 5);
    vec![
        Route::get("/aggregates/{context}/{aggregate}/{id}", authenticated, look::state, state).timeout(wait),
        Route::get("/aggregates/{context}/{aggregate}/{id}/diff", authenticated, look::diff, diff).timeout(wait),
        Route::get("/events/{position}/why", authenticated, why::why, why).timeout(wait),
    ]
}
