//! How the parts of the installation are: noted when that changes, and now and then when it does not.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::Health;
use crate::contract::{ClusterEvent, ClusterObserved, ObserveCluster};

/// How long the same is not noted again, in microseconds.
pub(crate) const SAME_MICROS: i64 = 600_000_000;
/// How much of what a part says is kept, in characters.
const INFO_CHARS_MAX: usize = 1_000;

/// The parts of the installation, as they were seen last: the database and the log, what understands programs, what runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// How each was; none before they were seen.
    parts: Option<[Health; 3]>,
    /// When, in microseconds since 1970.
    at: i64,
}

impl Cluster {
    /// How a part is that was so before.
    fn part(&self, index: usize, is_healthy: bool) -> Health {
        let before = self.parts.map(|parts| parts[index]);
        match (is_healthy, before) {
            (true, _) => Health::Healthy,
            (false, None | Some(Health::InitialUnhealthy)) => Health::InitialUnhealthy,
            (false, Some(Health::Unhealthy | Health::Healthy)) => Health::Unhealthy,
        }
    }
}

impl Decide<Cluster> for ObserveCluster {
    type Event = ClusterEvent;

    fn decide(self, state: &Cluster, _: &DecisionContext) -> Result<Vec<ClusterEvent>, Problem> {
        let seen = [self.api_healthy, self.compiler_healthy, self.runner_healthy];
        let parts = [0, 1, 2].map(|index: usize| state.part(index, seen[index]));
        // An observation that was kept back while the log did not answer says when it was made.
        let is_new = state.parts != Some(parts) || self.observed_at >= state.at.saturating_add(SAME_MICROS);
        if !is_new {
            return Ok(vec![]);
        }
        let info = |text: String| text.chars().take(INFO_CHARS_MAX).collect();
        let [api, compiler, runner] = parts.map(|part| part.to_string());
        let observed = ClusterObserved {
            api_status: api,
            api_info: info(self.api_info),
            compiler_status: compiler,
            compiler_info: info(self.compiler_info),
            runner_status: runner,
            runner_info: info(self.runner_info),
            at: self.observed_at,
        };
        Ok(vec![observed.into()])
    }
}

impl Evolve<Cluster> for ClusterObserved {
    fn evolve(self, state: &mut Cluster) {
        let texts = [&self.api_status, &self.compiler_status, &self.runner_status];
        state.parts = Some(texts.map(|text| Health::parse(text).unwrap_or(Health::Unhealthy)));
        state.at = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{given, nothing};

    fn seen(healthy: [bool; 3], observed_at: i64) -> ObserveCluster {
        let [api_healthy, compiler_healthy, runner_healthy] = healthy;
        ObserveCluster {
            api_healthy,
            api_info: "a".into(),
            compiler_healthy,
            compiler_info: "b".into(),
            runner_healthy,
            runner_info: "é".repeat(INFO_CHARS_MAX + 1),
            observed_at,
        }
    }

    fn observed(states: [Health; 3], at: i64) -> ClusterEvent {
        let [api_status, compiler_status, runner_status] = states.map(|state| state.to_string());
        let runner_info = "é".repeat(INFO_CHARS_MAX);
        let (api_info, compiler_info) = ("a".into(), "b".into());
        ClusterObserved { api_status, api_info, compiler_status, compiler_info, runner_status, runner_info, at }.into()
    }

    #[test]
    fn what_changes_is_noted_and_what_stays_now_and_then() {
        use Health::{Healthy as Well, InitialUnhealthy as Never, Unhealthy as Ill};
        let first = || vec![observed([Well, Never, Well], 0)];
        let spec = |before: Vec<ClusterEvent>, command: ObserveCluster, after: Vec<ClusterEvent>| {
            given::<Cluster>(before).when(command.into()).then_expect_events(after);
        };
        spec(vec![], seen([true, false, true], 0), first());
        spec(first(), seen([true, false, true], SAME_MICROS - 1), nothing());
        spec(first(), seen([true, false, true], SAME_MICROS), vec![observed([Well, Never, Well], SAME_MICROS)]);
        spec(first(), seen([false, false, true], 1), vec![observed([Ill, Never, Well], 1)]);
        spec(first(), seen([true; 3], 1), vec![observed([Well; 3], 1)]);
        let ill = vec![observed([Well; 3], 0), observed([Well, Ill, Well], 1)];
        spec(ill, seen([true, false, true], 2), nothing());
    }
}
