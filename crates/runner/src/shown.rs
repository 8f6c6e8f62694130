//! What of pipelines lies in files here, for those who read it as tables.

use alluvium_pipelines::{DeploymentError, Place};
use alluvium_tablestore::TableFile;

use crate::ProgramRunner;
use crate::files::{directory, failed, file_of};
use crate::manifest::Manifest;

/// The files of a pipeline, and up to where they go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The last step whose rows are in all of them. Files may have gone on when they are read: they tell what later steps did.
    pub step: u64,
    /// Names of its tables and views, with their files.
    pub relations: Vec<(String, TableFile)>,
}

impl ProgramRunner {
    /// Whether a pipeline has room to run in here.
    pub fn is_here(&self, place: &Place) -> bool {
        self.get(place).is_some()
    }

    /// What a pipeline shows that has begun here; `None` where it has not.
    pub fn shown(&self, place: &Place) -> Option<Shown> {
        let deployment = self.get(place)?;
        let begun = deployment.place.get()?;
        // Files may be further by the time they are listed, never behind.
        let step = deployment.progress.borrow().step;
        Some(Shown { step, relations: begun.files.list() })
    }

    /// What a pipeline that does not run has left here; nothing where it keeps nothing. Looks at files: not for an async task.
    pub fn left(&self, place: &Place) -> Result<Shown, DeploymentError> {
        let hub = &self.parts.hub;
        let (mut step, mut relations) = (0, Vec::new());
        let manifest = Manifest::read(&directory(hub, place)?)?.unwrap_or_default();
        for (name, uid) in manifest.files {
            let file = file_of(place, &name, &uid)?;
            if let Some(mark) = hub.step(&file).map_err(|error| failed(&error))? {
                step = step.max(mark.step);
                relations.push((name, file));
            }
        }
        Ok(Shown { step, relations })
    }
}
