//! A job runs.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Job, JobStage};
use crate::contract::{JobEvent, JobStarted, StartJob};

impl Decide<Job> for StartJob {
    type Event = JobEvent;

    /// Who takes a job over from a process that died starts it again: that is no news.
    fn decide(self, state: &Job, _: &DecisionContext) -> Result<Vec<JobEvent>, Problem> {
        if state.of(&self.project, &self.job)?.stage != JobStage::Waiting {
            return Ok(Vec::new());
        }
        Ok(vec![JobStarted { project: self.project, job: self.job }.into()])
    }
}

impl Evolve<Job> for JobStarted {
    fn evolve(self, state: &mut Job) {
        state.stage = JobStage::Processing;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::begun;
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    #[test]
    fn a_job_is_started_once() {
        let start = || StartJob { project: "Shop".into(), job: "job_1".into() };
        let started: JobEvent = JobStarted { project: "Shop".into(), job: "job_1".into() }.into();
        given::<Job>(vec![begun()]).when(start().into()).then_expect_events(vec![started.clone()]);
        given::<Job>(vec![begun(), started]).when(start().into()).then_expect_events(nothing());
        refused(given::<Job>(nothing()).when(start().into()).inspect_result(), 404, "storage.job_not_found");
    }
}
