//! Shared words of the given/when/then specs.

use alluvium_kernel::{Actor, DecisionContext, Problem, Timestamp, Token};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

/// When every spec happens, in microseconds.
pub(crate) const NOW: i64 = 1_800_000_000_000_000;

/// The context of the command under test; its id is `cmd`.
pub(crate) fn at() -> DecisionContext {
    DecisionContext {
        tenant: Token::encode("default").unwrap(),
        command_id: "cmd".into(),
        actor: Actor::Admin,
        time: Timestamp::from_micros(NOW),
    }
}

/// No events: before, or after.
pub(crate) fn nothing<E>() -> Vec<E> {
    Vec::new()
}

/// What has happened before.
pub(crate) fn given<A>(events: Vec<A::Event>) -> AggregateTestExecutor<A>
where
    A: Aggregate<Services = DecisionContext>,
{
    TestFramework::with(at()).given(events)
}

/// The refusal with this code and status, else a failed test.
pub(crate) fn refused<E: std::fmt::Debug>(result: Result<Vec<E>, Problem>, status: u16, code: &str) -> Problem {
    let problem = result.expect_err("this should be refused");
    assert_eq!((problem.status, problem.code.as_str()), (status, code), "{}", problem.detail);
    problem
}
