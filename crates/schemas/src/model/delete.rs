//! `DeleteVersion` and `DeleteSubject`: hidden first, gone after.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Registry, Version};
use crate::contract::{
    DeleteSubject, DeleteVersion, RegistryEvent, SubjectPurged, SubjectSoftDeleted, VersionPurged, VersionSoftDeleted,
};
use crate::error;
use crate::subject::Name;

impl Registry {
    /// Whether something that counts refers to a version: live schemas, or any when it shall go for good. Those of `within`,
    /// the subject that goes as a whole, do not count.
    fn is_referenced(&self, subject: &str, version: u32, permanent: bool, within: Option<&str>) -> bool {
        self.referrers(subject, version).iter().any(|by| {
            let Some(content) = by.context.is_none().then(|| self.content(by.id)).flatten() else {
                // Of another context: noted for as long as it is there at all.
                return true;
            };
            content.uses.iter().any(|(user, number)| {
                let outside = within != Some(user.as_str());
                let live =
                    || self.subject(user).and_then(|user| user.version(*number)).is_some_and(|user| !user.deleted);
                outside && (permanent || live())
            })
        })
    }
}

impl Decide<Registry> for DeleteVersion {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let printed = Name::of(&self.context, &self.subject).qualified();
        let subject = registry.subject(&self.subject).filter(|subject| !subject.versions.is_empty());
        let subject = subject.ok_or_else(|| error::subject_not_found(&printed))?;
        let found = match self.version {
            -1 => subject.latest().ok_or_else(|| error::version_not_found("latest"))?,
            version => {
                let number = u32::try_from(version).map_err(|_| error::invalid_version(&version.to_string()))?;
                subject.version(number).ok_or_else(|| error::version_not_found(version))?
            }
        };
        let Version { version, deleted, .. } = *found;
        match (self.permanent, deleted) {
            (false, true) => return Err(error::version_soft_deleted(&printed, version)),
            (true, false) => return Err(error::version_not_soft_deleted(&printed, version)),
            _ => {}
        }
        if registry.is_referenced(&self.subject, version, self.permanent, None) {
            return Err(error::reference_exists(&printed, version));
        }
        let (subject, version) = (self.subject, version.cast_signed());
        Ok(vec![if self.permanent {
            VersionPurged { subject, version }.into()
        } else {
            VersionSoftDeleted { subject, version }.into()
        }])
    }
}

impl Decide<Registry> for DeleteSubject {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let printed = Name::of(&self.context, &self.subject).qualified();
        let subject = registry.subject(&self.subject).filter(|subject| !subject.versions.is_empty());
        let subject = subject.ok_or_else(|| error::subject_not_found(&printed))?;
        let live: Vec<u32> = subject.live().map(|version| version.version).collect();
        let doomed = match (self.permanent, live.is_empty()) {
            (false, true) => return Err(error::subject_soft_deleted(&printed)),
            (true, false) => return Err(error::subject_not_soft_deleted(&printed)),
            (false, false) => live,
            (true, true) => subject.versions.iter().map(|version| version.version).collect(),
        };
        for version in &doomed {
            if registry.is_referenced(&self.subject, *version, self.permanent, Some(&self.subject)) {
                return Err(error::reference_exists(&printed, *version));
            }
        }
        let (subject, versions) = (self.subject, doomed.into_iter().map(u32::cast_signed).collect());
        Ok(vec![if self.permanent {
            SubjectPurged { subject, versions }.into()
        } else {
            SubjectSoftDeleted { subject, versions }.into()
        }])
    }
}
