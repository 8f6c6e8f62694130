//! What events do to uploads in parts.

use super::Key;
use crate::contract::{MultipartEvent, MultipartStarted, PartStaged};
use crate::projection::Place;

/// A change of an upload's row, or of one of its parts'.
#[derive(Clone, Debug)]
pub(in crate::projection) enum MultipartOp {
    Start(Box<StartedRow>),
    Stage(Box<StagedRow>),
    Complete { tenant: String, upload: String, md5: String },
    End { tenant: String, upload: String },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct StartedRow {
    pub tenant: String,
    pub event: MultipartStarted,
    pub time: i64,
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct StagedRow {
    pub tenant: String,
    pub event: PartStaged,
    pub time: i64,
}

pub(super) fn of(event: MultipartEvent, at: &Place<'_>) -> MultipartOp {
    let (tenant, time) = (at.tenant.decode(), at.time);
    match event {
        MultipartEvent::MultipartStarted(event) => MultipartOp::Start(Box::new(StartedRow { tenant, event, time })),
        MultipartEvent::PartStaged(event) => MultipartOp::Stage(Box::new(StagedRow { tenant, event, time })),
        MultipartEvent::MultipartCompleted(e) => MultipartOp::Complete { tenant, upload: e.upload, md5: e.md5 },
        MultipartEvent::MultipartAborted(e) => MultipartOp::End { tenant, upload: e.upload },
        MultipartEvent::MultipartExpired(e) => MultipartOp::End { tenant, upload: e.upload },
    }
}

impl MultipartOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Start(_) => 60,
            Self::Stage(_) => 61,
            Self::Complete { .. } => 62,
            Self::End { .. } => 63,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Start(row) => Key::Multipart(&row.tenant, &row.event.upload),
            Self::Stage(row) => Key::Part(&row.tenant, &row.event.upload, row.event.number),
            Self::Complete { tenant, upload, .. } | Self::End { tenant, upload } => Key::Multipart(tenant, upload),
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        match self {
            Self::Start(row) => [
                Some(Key::Project(&row.tenant, &row.event.project)),
                Some(Key::Multipart(&row.tenant, &row.event.upload)),
            ],
            Self::Stage(row) => [
                Some(Key::Project(&row.tenant, &row.event.project)),
                Some(Key::Multipart(&row.tenant, &row.event.upload)),
            ],
            Self::Complete { .. } | Self::End { .. } => [None, Some(self.row())],
        }
    }
}
