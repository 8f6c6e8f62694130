//! `job`: a request that is answered later, from when it was taken in to its answer. What it does is on the log as the commands that
//! it sends; this is only that it waits, runs, and what came of it.

mod begin;
mod end;
mod start;

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};

use super::problem;

/// A job's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Id of the project.
    pub project: String,
    /// The incarnation of the project it belongs to.
    pub project_uid: String,
    /// How far it is.
    pub stage: JobStage,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobStage {
    /// Never heard of.
    #[default]
    Absent,
    /// Taken in.
    Waiting,
    /// Somebody carries it out.
    Processing,
    /// Answered.
    Ended,
}

impl Job {
    /// Refuses what nobody has begun, and what belongs elsewhere.
    fn of(&self, project: &str, job: &str) -> Result<&Self, Problem> {
        let is_there = self.stage != JobStage::Absent && self.project == project;
        if is_there { Ok(self) } else { Err(problem::job_not_found(job)) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{JobBegun, JobEvent};

    pub(crate) fn begun() -> JobEvent {
        JobBegun {
            project: "Shop".into(),
            branch: "default".into(),
            job: "job_1".into(),
            operation: "tableImport".into(),
            table_id: Some("in_c_sales.orders".into()),
            method: "POST".into(),
            target: "/projects/Shop/branches/default/buckets/in_c_sales/tables/orders/import/file".into(),
            body: "{}".into(),
            run_id: None,
            node: "n1".into(),
            created_by: "key:key_1".into(),
            project_uid: "p1".into(),
        }
        .into()
    }

    #[test]
    fn a_job_belongs_to_one_project() {
        let job = Job { project: "Shop".into(), project_uid: "p1".into(), stage: JobStage::Waiting };
        assert_eq!(job.of("Shop", "job_1"), Ok(&job));
        assert_eq!(job.of("Other", "job_1").unwrap_err().status, 404);
        assert_eq!(Job::default().of("", "job_1").unwrap_err().status, 404);
    }
}
