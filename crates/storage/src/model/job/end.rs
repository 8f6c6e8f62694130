//! What came of a job.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Job, JobStage};
use crate::contract::{EndJob, JobEnded, JobEvent};
use crate::model::limits::JOB_ANSWER_BYTES_MAX;
use crate::model::problem;

impl Decide<Job> for EndJob {
    type Event = JobEvent;

    /// The first answer stands: two processes that both believed that the other is dead have done the same.
    fn decide(self, state: &Job, _: &DecisionContext) -> Result<Vec<JobEvent>, Problem> {
        if state.of(&self.project, &self.job)?.stage == JobStage::Ended {
            return Ok(Vec::new());
        }
        if self.answer.len() > JOB_ANSWER_BYTES_MAX {
            let detail = format!("A job's answer has at most {JOB_ANSWER_BYTES_MAX} bytes.");
            return Err(problem::invalid_request(detail));
        }
        let Self { project, job, is_success, answer } = self;
        Ok(vec![JobEnded { project, job, is_success, answer }.into()])
    }
}

impl Evolve<Job> for JobEnded {
    fn evolve(self, state: &mut Job) {
        state.stage = JobStage::Ended;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::begun;
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn end(answer: &str) -> EndJob {
        EndJob { project: "Shop".into(), job: "job_1".into(), is_success: true, answer: answer.into() }
    }

    #[test]
    fn the_first_answer_stands() {
        let ended: JobEvent =
            JobEnded { project: "Shop".into(), job: "job_1".into(), is_success: true, answer: "{}".into() }.into();
        given::<Job>(vec![begun()]).when(end("{}").into()).then_expect_events(vec![ended.clone()]);
        given::<Job>(vec![begun(), ended]).when(end("[]").into()).then_expect_events(nothing());
        refused(given::<Job>(nothing()).when(end("{}").into()).inspect_result(), 404, "storage.job_not_found");
        let long = "x".repeat(JOB_ANSWER_BYTES_MAX + 1);
        let refusal = given::<Job>(vec![begun()]).when(end(&long).into()).inspect_result();
        refused(refusal, 400, "storage.invalid_request");
    }
}
