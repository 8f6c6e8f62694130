//! What any transport must do, as scenarios. Each panics when it does not.

mod content;
mod flow;
mod letters;
mod loss;
mod order;
mod world;

use std::{any::Any, sync::Arc, time::Duration};

pub use content::{
    a_message_known_by_its_id_is_stored_once, messages_come_out_as_they_went_in, schemas_evolve_by_their_ids,
    what_is_too_big_is_refused_here,
};
pub use flow::{draining_finishes_what_runs, flushing_waits_for_everything, intake_stays_within_its_bound};
pub use letters::{dead_letters_wait_for_their_place, poison_stops_nobody};
pub use loss::{
    a_crash_at_any_point_loses_nothing, a_crash_repeats_what_was_unfinished_and_nothing_else,
    a_handler_whose_messages_are_not_stored_is_not_done, nothing_unfinished_is_settled,
};
pub use order::{
    a_second_member_shares_the_work, keys_keep_their_order_under_retry, partitions_that_change_hands_lose_nothing,
};

use crate::transport::Transport;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(40);
const TOPIC: &str = "orders";

/// A transport to try, and whatever keeps its broker alive.
pub struct Subject {
    /// The transport.
    pub transport: Arc<dyn Transport>,
    /// Dropped when the scenario is over.
    pub guard: Box<dyn Any + Send>,
}

impl Subject {
    /// A transport whose broker needs nobody.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport), guard: Box::new(()) }
    }
}

/// Expands to one test for each scenario; the argument is an async function that gives a new [`Subject`].
#[macro_export]
macro_rules! transport_conformance {
    (@ $factory:expr; $($scenario:ident),+) => {
        $(#[tokio::test]
        async fn $scenario() {
            $crate::testing::conformance::$scenario($factory().await).await;
        })+
    };
    ($factory:expr) => {
        $crate::transport_conformance! {@ $factory;
            messages_come_out_as_they_went_in, schemas_evolve_by_their_ids,
            keys_keep_their_order_under_retry, partitions_that_change_hands_lose_nothing, a_second_member_shares_the_work,
            a_crash_repeats_what_was_unfinished_and_nothing_else, a_crash_at_any_point_loses_nothing,
            nothing_unfinished_is_settled, a_handler_whose_messages_are_not_stored_is_not_done,
            dead_letters_wait_for_their_place, poison_stops_nobody, draining_finishes_what_runs,
            flushing_waits_for_everything, intake_stays_within_its_bound,
            a_message_known_by_its_id_is_stored_once, what_is_too_big_is_refused_here
        }
    };
}
