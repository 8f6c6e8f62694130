//! `shelf`: how much the files of one project hold, so that they stay within what a project may.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::limits::{FILE_BYTES_PER_PROJECT_MAX, FILES_PER_PROJECT_MAX};
use super::problem;
use crate::contract::{CountFiles, FilesCounted, ShelfEvent};

/// The files of one incarnation of a project; the aggregate's id is that incarnation's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// How many.
    pub files: i64,
    /// What they take, in bytes.
    pub bytes: i64,
}

impl Shelf {
    /// Refuses what would not fit any more. What only takes away always fits.
    pub(crate) fn check_room(&self, files: i64, bytes: i64) -> Result<(), Problem> {
        if files > 0 && self.files.saturating_add(files) > FILES_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("files", FILES_PER_PROJECT_MAX.unsigned_abs() as usize));
        }
        if bytes > 0 && self.bytes.saturating_add(bytes) > FILE_BYTES_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("bytes of files", FILE_BYTES_PER_PROJECT_MAX.unsigned_abs() as usize));
        }
        Ok(())
    }
}

impl Decide<Shelf> for CountFiles {
    type Event = ShelfEvent;

    fn decide(self, state: &Shelf, _: &DecisionContext) -> Result<Vec<ShelfEvent>, Problem> {
        state.check_room(self.files, self.bytes)?;
        if self.files == 0 && self.bytes == 0 {
            return Ok(Vec::new());
        }
        let Self { project_uid, files, bytes } = self;
        Ok(vec![FilesCounted { project_uid, files, bytes }.into()])
    }
}

impl Evolve<Shelf> for FilesCounted {
    fn evolve(self, state: &mut Shelf) {
        state.files = state.files.saturating_add(self.files);
        state.bytes = state.bytes.saturating_add(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn count(files: i64, bytes: i64) -> CountFiles {
        CountFiles { project_uid: "p1".into(), files, bytes }
    }

    fn counted(files: i64, bytes: i64) -> ShelfEvent {
        FilesCounted { project_uid: "p1".into(), files, bytes }.into()
    }

    #[test]
    fn a_project_holds_so_many_files_and_bytes() {
        let full = || vec![counted(FILES_PER_PROJECT_MAX, FILE_BYTES_PER_PROJECT_MAX)];
        given::<Shelf>(nothing()).when(count(1, 5).into()).then_expect_events(vec![counted(1, 5)]);
        given::<Shelf>(nothing()).when(count(0, 0).into()).then_expect_events(nothing());
        refused(given::<Shelf>(full()).when(count(1, 0).into()).inspect_result(), 403, "storage.quota_exceeded");
        refused(given::<Shelf>(full()).when(count(0, 1).into()).inspect_result(), 403, "storage.quota_exceeded");
        given::<Shelf>(full()).when(count(-1, -5).into()).then_expect_events(vec![counted(-1, -5)]);
        let again = || vec![counted(FILES_PER_PROJECT_MAX, 9), counted(-1, -5)];
        given::<Shelf>(again()).when(count(1, 5).into()).then_expect_events(vec![counted(1, 5)]);
    }
}
