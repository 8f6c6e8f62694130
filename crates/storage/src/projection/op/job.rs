//! What events do to jobs.

use super::Key;
use crate::contract::{JobBegun, JobEnded, JobEvent};
use crate::projection::Place;

/// A change of a job's row.
#[derive(Clone, Debug)]
pub(in crate::projection) enum JobOp {
    Put(Box<JobRow>),
    Start { id: String, time: i64 },
    End { event: Box<JobEnded>, time: i64 },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct JobRow {
    pub tenant: String,
    pub event: JobBegun,
    pub time: i64,
}

pub(super) fn of(event: JobEvent, at: &Place<'_>) -> JobOp {
    let time = at.time;
    match event {
        JobEvent::JobBegun(event) => JobOp::Put(Box::new(JobRow { tenant: at.tenant.decode(), event, time })),
        JobEvent::JobStarted(e) => JobOp::Start { id: e.job, time },
        JobEvent::JobEnded(event) => JobOp::End { event: Box::new(event), time },
    }
}

impl JobOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Put(_) => 70,
            Self::Start { .. } => 71,
            Self::End { .. } => 72,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Put(row) => Key::Job(&row.event.job),
            Self::Start { id, .. } => Key::Job(id),
            Self::End { event, .. } => Key::Job(&event.job),
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        let project = match self {
            Self::Put(row) => Some(Key::Project(&row.tenant, &row.event.project)),
            Self::Start { .. } | Self::End { .. } => None,
        };
        [project, Some(self.row())]
    }
}
