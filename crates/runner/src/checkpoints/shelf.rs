//! Checkpoints on the disk: copies of all files of a pipeline as they were after one step, each set in a directory of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use alluvium_pipelines::{DeploymentError, Place};
use alluvium_tablestore::{Checksum, Copied, Hub, Mark, Original, TableFile};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::files::{self, Files, Reached};
use crate::manifest::Manifest;
use crate::whole;

/// The directory of the checkpoints of a tenant: no project is called so.
const PROJECT: &str = "_checkpoints";
/// What a checkpoint is; a directory without it is of one that was cut off.
const NAME: &str = "checkpoint.json";
/// Checkpoints of a pipeline that are kept: the last one, and the one before for who reads it just now.
const KEPT_MAX: usize = 2;
/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// All that a pipeline kept after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Tells it from all others.
    pub uuid: String,
    /// The step.
    pub step: u64,
    /// The last message that is in it.
    pub seq: u64,
    /// Bytes of its files.
    pub size: u64,
    /// Records that the deployment had taken in.
    pub processed_records: u64,
    /// What made it.
    pub manifest: Manifest,
    /// The file of each table and view.
    files: BTreeMap<String, KeptFile>,
}

/// A copy of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KeptFile {
    seq: u64,
    hash: String,
    stream_created_micros: i64,
    rows: u64,
    rows_hash: String,
    engine: String,
    sha256: String,
}

impl KeptFile {
    fn of(copied: &Copied, sha256: String) -> Self {
        Self {
            seq: copied.mark.seq,
            hash: copied.mark.hash.clone(),
            stream_created_micros: copied.mark.stream_created_micros,
            rows: copied.checksum.rows,
            rows_hash: copied.checksum.hash.clone(),
            engine: copied.engine.clone(),
            sha256,
        }
    }

    fn original(&self) -> Original {
        let Self { seq, hash, stream_created_micros, .. } = self.clone();
        Original {
            mark: Mark { seq, hash, stream_created_micros },
            checksum: Checksum { rows: self.rows, hash: self.rows_hash.clone() },
            engine: self.engine.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

/// The checkpoints of a pipeline.
pub(crate) struct Shelf<'a> {
    pub hub: &'a Hub,
    pub place: &'a Place,
}

impl Shelf<'_> {
    /// Those that are whole, oldest first.
    pub fn list(&self) -> Result<Vec<Checkpoint>, DeploymentError> {
        let mut found: Vec<Checkpoint> = Vec::new();
        for uuid in self.all()? {
            found.extend(whole::read(&self.directory(&uuid)?.join(NAME))?);
        }
        found.sort_by(|one, other| (one.step, &one.uuid).cmp(&(other.step, &other.uuid)));
        Ok(found)
    }

    /// Copies the files. Nobody may change them meanwhile.
    pub fn take(&self, files: &Files, manifest: Manifest, records: u64) -> Result<Checkpoint, DeploymentError> {
        let Reached { step, seq, .. } = files.furthest();
        // Of version 7: later ones are greater.
        let uuid = Uuid::now_v7().to_string();
        let (mut kept, mut size) = (BTreeMap::new(), 0);
        for (relation, file) in files.all() {
            let copied = self.hub.copy(file, &copy_of(file, &uuid)).map_err(|error| files::failed(&error))?;
            let (sha256, bytes) = digest(&copied.path).map_err(|error| unusable(&error))?;
            size += bytes;
            kept.insert(relation.clone(), KeptFile::of(&copied, sha256));
        }
        let checkpoint = Checkpoint { uuid, step, seq, size, processed_records: records, manifest, files: kept };
        whole::write(&self.directory(&checkpoint.uuid)?.join(NAME), &checkpoint)?;
        self.trim()?;
        Ok(checkpoint)
    }

    /// Makes the files what they are in a checkpoint. `last` is the last message that came in: those after the checkpoint's are no more.
    pub fn restore(&self, checkpoint: &Checkpoint, last: u64) -> Result<(), DeploymentError> {
        let mut manifest = checkpoint.manifest.clone();
        if last > checkpoint.seq {
            manifest.rewound.push((checkpoint.seq, last));
        }
        let mut kept = Vec::new();
        for (relation, content) in &checkpoint.files {
            let uid = manifest.files.get(relation).map(String::as_str).unwrap_or_default();
            let file = files::file_of(self.place, relation, uid)?;
            let from = self.hub.path(&copy_of(&file, &checkpoint.uuid)).map_err(|error| files::failed(&error))?;
            self.hub.adopt(&file, &from, &content.original()).map_err(|error| files::failed(&error))?;
            kept.push(file);
        }
        manifest.write(&files::directory(self.hub, self.place)?)?;
        files::sweep(self.hub, &kept);
        Ok(())
    }

    /// Lets go of all of them.
    pub fn clear(&self) -> Result<(), DeploymentError> {
        self.all()?.iter().try_for_each(|uuid| self.remove(uuid))
    }

    /// Lets go of those that nobody needs, and of what is left of those that were cut off.
    fn trim(&self) -> Result<(), DeploymentError> {
        let whole = self.list()?;
        let last: Vec<&str> = whole.iter().rev().take(KEPT_MAX).map(|checkpoint| checkpoint.uuid.as_str()).collect();
        self.all()?.iter().filter(|uuid| !last.contains(&uuid.as_str())).try_for_each(|uuid| self.remove(uuid))
    }

    fn remove(&self, uuid: &str) -> Result<(), DeploymentError> {
        let any = copy_of(&files::file_of(self.place, "any", "any")?, uuid);
        // Without it the rest is none.
        match fs::remove_file(self.directory(uuid)?.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(&error)),
            _ => {}
        }
        self.hub.drop_beside(&any).map_err(|error| files::failed(&error))
    }

    /// What is there, whole or not.
    fn all(&self) -> Result<Vec<String>, DeploymentError> {
        let any = self.directory("any")?;
        let Some(above) = any.parent() else { return Ok(Vec::new()) };
        let mine = bucket(&files::file_of(self.place, "any", "any")?, "");
        let entries = match fs::read_dir(above) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter_map(|name| name.strip_prefix(&mine).map(str::to_owned)).collect())
    }

    fn directory(&self, uuid: &str) -> Result<PathBuf, DeploymentError> {
        let any = copy_of(&files::file_of(self.place, "any", "any")?, uuid);
        let path = self.hub.path(&any).map_err(|error| files::failed(&error))?;
        Ok(path.parent().map(Path::to_owned).unwrap_or_default())
    }
}

/// Where a file is copied to.
fn copy_of(of: &TableFile, uuid: &str) -> TableFile {
    TableFile { project: PROJECT.to_owned(), bucket: bucket(of, uuid), ..of.clone() }
}

fn bucket(of: &TableFile, uuid: &str) -> String {
    format!("{}_{uuid}", of.bucket)
}

/// The hash of a file's bytes, and how many they are.
fn digest(path: &Path) -> io::Result<(String, u64)> {
    let (mut file, mut hash, mut chunk, mut bytes) = (File::open(path)?, Sha256::new(), vec![0; CHUNK_BYTES], 0);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((hex, bytes));
        }
        hash.update(&chunk[..read]);
        bytes += read as u64;
    }
}

fn unusable(error: &io::Error) -> DeploymentError {
    DeploymentError::new("StorageError", format!("the checkpoints of the pipeline: {error}"))
}
