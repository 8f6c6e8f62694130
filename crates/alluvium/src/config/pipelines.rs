//! What connectors of pipelines may use of the machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What connectors of pipelines may use of the machine: nothing unless it is said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipelines {
    /// Directories whose files connectors read and write.
    pub file_dirs: Vec<PathBuf>,
    /// Directories whose files are secrets that configurations of connectors may name.
    pub secret_dirs: Vec<PathBuf>,
    /// Where secrets of Kubernetes are mounted: a directory for each, in it a file for each key.
    pub kubernetes_secrets_dir: Option<PathBuf>,
}
