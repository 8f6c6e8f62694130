//! Buckets that other projects may show, and buckets that show those of others. The source knows who may, and who does; a link
//! knows only what it shows. Whoever links, or lets go, changes both projects in one commit.

mod admit;
mod cut;
mod level;
mod link;
mod read_only;
mod share;
#[cfg(test)]
mod spec;

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};

use super::{Bucket, Catalogue, Project};
use crate::model::{names, problem};
use crate::pipelines::PIPELINES;

pub use level::Level;

/// What a linked bucket shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Id of the source's project.
    pub project: String,
    /// Name of the source.
    pub bucket: String,
    /// Which bucket that was; a later one of the same name is another.
    pub uid: String,
    /// Whether the source cut it: then it shows nothing, whatever is shared later.
    #[serde(default)]
    pub is_closed: bool,
}

impl Link {
    /// Whether it shows a pipeline, of which no project keeps note.
    pub fn is_of_pipeline(&self) -> bool {
        self.project == PIPELINES
    }
}

/// Who may show a bucket, and who does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Uids of the projects that may, by id.
    pub with: BTreeMap<String, String>,
    /// Those of them that may because of the level, and only as long as they do.
    #[serde(default)]
    pub by_level: BTreeSet<String>,
    /// Which others may as soon as they ask.
    #[serde(default)]
    pub level: Option<Level>,
    /// Whether whoever presents its role, and may link anything, may.
    pub by_role: bool,
    /// Buckets that do: uid of the project, and name.
    pub shown_in: BTreeSet<(String, String)>,
    /// Whether somebody noted that it is meant to be read only.
    pub read_only: bool,
}

impl Sharing {
    /// Whether a project may link the bucket and read it through its links.
    pub fn admits(&self, project: &str, uid: &str) -> bool {
        self.with.get(project).is_some_and(|known| known == uid)
    }

    /// Whether it may because it was named, and not only because of the level.
    fn names(&self, project: &str, uid: &str) -> bool {
        self.admits(project, uid) && !self.by_level.contains(project)
    }

    /// Whether buckets of a project show it.
    pub fn is_shown_in(&self, uid: &str) -> bool {
        self.shown_in(uid).next().is_some()
    }

    /// The buckets of a project that show it.
    pub fn shown_in<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a str> {
        self.shown_in.iter().filter(move |(of, _)| of == uid).map(|(_, bucket)| bucket.as_str())
    }
}

impl Bucket {
    /// What may be shared: a bucket that has its tables itself.
    fn own(&self) -> Result<&Self, Problem> {
        match &self.link {
            None => Ok(self),
            Some(link) if link.is_of_pipeline() => Err(problem::bucket_of_pipeline(&self.name)),
            Some(link) => {
                let detail = format!(
                    "Bucket {} shows {}.{}: share or link that one instead, a link to a link is none.",
                    self.name, link.project, link.bucket
                );
                Err(problem::invalid_request(detail))
            }
        }
    }
}

impl Catalogue {
    /// The projects whose buckets it shows.
    fn linked_projects(&self) -> BTreeSet<&str> {
        self.buckets.values().filter_map(|bucket| Some(bucket.link.as_ref()?.project.as_str())).collect()
    }
}

/// A bucket that is to be changed.
fn bucket<'a>(state: &'a mut Project, bucket: &str) -> Option<&'a mut Bucket> {
    state.live.as_mut()?.buckets.get_mut(&names::fold(bucket))
}

/// What a bucket says of its sharing, to be changed.
fn sharing<'a>(state: &'a mut Project, name: &str) -> Option<&'a mut Sharing> {
    Some(&mut bucket(state, name)?.sharing)
}
