//! Taking in a request that is answered later.

use alluvium_kernel::{Actor, Decide, DecisionContext, Evolve, Problem};

use super::{Job, JobStage};
use crate::contract::{BeginJob, JobBegun, JobEvent};
use crate::model::limits::{JOB_BODY_BYTES_MAX, JOB_TARGET_BYTES_MAX, RUN_ID_BYTES_MAX};
use crate::model::problem;

impl Decide<Job> for BeginJob {
    type Event = JobEvent;

    fn decide(self, state: &Job, _: &DecisionContext) -> Result<Vec<JobEvent>, Problem> {
        if state.stage != JobStage::Absent {
            return Err(problem::job_exists(&self.job));
        }
        if self.body.len() > JOB_BODY_BYTES_MAX || self.target.len() > JOB_TARGET_BYTES_MAX {
            let detail = format!(
                "A request that is answered later has at most {JOB_BODY_BYTES_MAX} bytes of body and {JOB_TARGET_BYTES_MAX} of path \
                 and query."
            );
            return Err(problem::invalid_request(detail));
        }
        let is_run = |run: &String| !run.is_empty() && run.len() <= RUN_ID_BYTES_MAX && !run.contains(char::is_control);
        if !self.run_id.as_ref().is_none_or(is_run) {
            let detail = format!("A run's id takes 1 to {RUN_ID_BYTES_MAX} bytes without control characters.");
            return Err(problem::invalid_request(detail));
        }
        if Actor::try_from(self.created_by.clone()).is_err() {
            return Err(problem::invalid_request("`created_by` names no actor."));
        }
        let Self { project, branch, job, operation, table_id, method, target, body, run_id, node, .. } = self;
        let (created_by, project_uid) = (self.created_by, self.project_uid);
        Ok(vec![
            JobBegun {
                project,
                branch,
                job,
                operation,
                table_id,
                method,
                target,
                body,
                run_id,
                node,
                created_by,
                project_uid,
            }
            .into(),
        ])
    }
}

impl Evolve<Job> for JobBegun {
    fn evolve(self, state: &mut Job) {
        *state = Job { project: self.project, project_uid: self.project_uid, stage: JobStage::Waiting };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::begun;
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn begin() -> BeginJob {
        let JobEvent::JobBegun(event) = begun() else { unreachable!() };
        BeginJob {
            project: event.project,
            branch: event.branch,
            job: event.job,
            operation: event.operation,
            table_id: event.table_id,
            method: event.method,
            target: event.target,
            body: event.body,
            run_id: event.run_id,
            node: event.node,
            created_by: event.created_by,
            project_uid: event.project_uid,
        }
    }

    #[test]
    fn a_job_begins_once() {
        given::<Job>(nothing()).when(begin().into()).then_expect_events(vec![begun()]);
        let again = given::<Job>(vec![begun()]).when(begin().into()).inspect_result();
        refused(again, 409, "storage.job_exists");
    }

    #[test]
    fn what_nobody_could_carry_out_is_refused() {
        let when = |command: BeginJob| given::<Job>(nothing()).when(command.into()).inspect_result();
        let long = "x".repeat(JOB_BODY_BYTES_MAX + 1);
        refused(when(BeginJob { body: long, ..begin() }), 400, "storage.invalid_request");
        let far = "/".repeat(JOB_TARGET_BYTES_MAX + 1);
        refused(when(BeginJob { target: far, ..begin() }), 400, "storage.invalid_request");
        refused(when(BeginJob { run_id: Some(String::new()), ..begin() }), 400, "storage.invalid_request");
        refused(when(BeginJob { created_by: "nobody".into(), ..begin() }), 400, "storage.invalid_request");
    }
}
