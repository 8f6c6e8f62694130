//! Small files that are there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use alluvium_pipelines::DeploymentError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the file before it is in its place is called.
const NEXT: &str = "next";

/// What a file holds; none if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DeploymentError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(path, &error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Makes a file hold something, durably.
pub(crate) fn write(path: &Path, content: &impl Serialize) -> Result<(), DeploymentError> {
    let written = || -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let next = path.with_added_extension(NEXT);
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(directory)?.sync_all()
    };
    written().map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> DeploymentError {
    let name = path.file_name().unwrap_or_default().display();
    DeploymentError::new("StorageError", format!("{name} of the pipeline's storage: {error}"))
}
