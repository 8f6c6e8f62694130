//! The files of a pipeline: one for each table and view, each with the step up to which it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_dataflow::Zset;
use alluvium_kernel::Token;
use alluvium_pipelines::{DeploymentError, Place};
use alluvium_tablestore::{
    ApplyError, Change, CreateOptions, Error, Hub, Mark, Moment, Step, TableFile, TableSchema, UNFOLDED_GENERATION,
};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::columns::{as_engine, engine_schema, stored_schema, unfit, with_arrow_maps};
use crate::manifest::Manifest;
use crate::program::Relations;

/// The directory of all pipelines of a tenant: no project is called so, for its names begin with a letter or digit.
const PROJECT: &str = "_pipelines";

/// Up to where a file goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reached {
    /// The number of the last step that changed it.
    pub step: u64,
    /// The last message of that step.
    pub seq: u64,
    /// The last message of the step before.
    pub after: u64,
    /// How late it was then, in microseconds since 1970; 0 where nobody asked.
    pub now: i64,
}

impl Reached {
    fn mark(self, stream_created_micros: i64) -> Mark {
        Mark { seq: self.seq, hash: format!("{}:{}:{}", self.step, self.after, self.now), stream_created_micros }
    }

    fn read(mark: &Mark) -> Option<Self> {
        let parts: Vec<&str> = mark.hash.split(':').collect();
        let [step, after, now] = parts.as_slice() else { return None };
        Some(Self { step: step.parse().ok()?, seq: mark.seq, after: after.parse().ok()?, now: now.parse().ok()? })
    }
}

/// Rows in batches.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send>;

/// Parts of steps, each with the number of its step.
pub(crate) type StepParts = Box<dyn Iterator<Item = Result<(u64, Zset), Error>> + Send>;

/// The files of one pipeline.
pub(crate) struct Files {
    hub: Hub,
    stream_created_micros: i64,
    program_version: u64,
    by_relation: BTreeMap<String, Kept>,
}

struct Kept {
    file: TableFile,
    /// The columns as the engine has them.
    schema: SchemaRef,
    reached: Mutex<Reached>,
    /// The file of an earlier version of the program that has its rows, and up to where that goes.
    from: Option<(TableFile, Reached)>,
}

impl Files {
    /// Finds the files of a pipeline, and makes those that are not there. Without a manifest there are none with rows: all begin after
    /// the message `began`. Otherwise those that are new begin where the others are, and what rows they are to have is for whoever
    /// opens them to say.
    pub fn open(
        hub: &Hub,
        place: &Place,
        (relations, old, new): (&Relations, Option<&Manifest>, &Manifest),
        (stream_created_micros, began): (i64, u64),
    ) -> Result<Self, DeploymentError> {
        let mut files = Self {
            hub: hub.clone(),
            stream_created_micros,
            program_version: new.program_version,
            by_relation: BTreeMap::new(),
        };
        let mut furthest = Reached { step: 0, seq: began, after: began, now: 0 };
        let mut before = BTreeMap::new();
        for (relation, uid) in old.iter().flat_map(|old| &old.files) {
            let file = file_of(place, relation, uid)?;
            let mark = hub.mark(&file).map_err(|error| failed(&error))?;
            let reached = mark.map(|mark| files.reached_of(relation, &mark)).transpose()?;
            furthest = furthest.max(reached.unwrap_or_default());
            before.insert(relation.as_str(), (file, reached));
        }
        for shown in relations.iter() {
            let name = &shown.name.name;
            let (stored, uid) = (stored_schema(shown)?, new.files.get(name).map(String::as_str).unwrap_or_default());
            let file = file_of(place, name, uid)?;
            // A table that was a view has nothing of it.
            let was_view = old.is_some_and(|old| old.views.contains_key(name));
            let from = before.remove(name.as_str()).filter(|_| was_view == shown.input.is_none());
            let is_lost = from.as_ref().is_some_and(|(_, reached)| reached.is_none()) && shown.input.is_some();
            if is_lost {
                return Err(damaged(name, "it was there and is not any more; clear the storage to begin anew"));
            }
            let reached = files.made(&file, name, &stored, furthest)?;
            let schema = engine_schema(&shown.columns);
            let from = from.filter(|(old, _)| *old != file).and_then(|(old, reached)| Some((old, reached?)));
            files.by_relation.insert(name.clone(), Kept { file, schema, reached: Mutex::new(reached), from });
        }
        Ok(files)
    }

    /// Up to where a file goes; it is made to begin where it should if it is not there.
    fn made(
        &self,
        file: &TableFile,
        name: &str,
        stored: &TableSchema,
        begins: Reached,
    ) -> Result<Reached, DeploymentError> {
        match self.hub.mark(file) {
            Ok(Some(mark)) => return self.reached_of(name, &mark),
            // It may be one whose making was cut off; that is found out by making it.
            Ok(None) | Err(Error::Corrupt { .. }) => {}
            Err(error) => return Err(failed(&error)),
        }
        let step = Some(Step { number: begins.step, program_version: self.program_version });
        let options = CreateOptions { step, keeps_steps: true };
        let mark = begins.mark(self.stream_created_micros);
        self.hub.create_with(file, stored, &mark, options).map_err(|error| failed(&error))?;
        Ok(begins)
    }

    fn reached_of(&self, name: &str, mark: &Mark) -> Result<Reached, DeploymentError> {
        if mark.stream_created_micros != self.stream_created_micros {
            let reason = "the stream of pipelines is not the one it was made from; clear the storage to begin anew";
            return Err(damaged(name, reason));
        }
        Reached::read(mark).ok_or_else(|| damaged(name, "its mark is none of a pipeline"))
    }

    /// Lets go of files that no table or view has any more.
    pub fn sweep(&self) {
        sweep(&self.hub, &self.by_relation.values().map(|kept| kept.file.clone()).collect::<Vec<_>>());
    }

    /// Where they are kept.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The files, by relation.
    pub fn all(&self) -> impl Iterator<Item = (&String, &TableFile)> {
        self.by_relation.iter().map(|(name, kept)| (name, &kept.file))
    }

    /// The rows that a table had under an earlier version of the program, with the columns of then; none where it is the same one.
    pub fn rows_before(&self, relation: &str) -> Result<Option<Rows>, Error> {
        let from = self.by_relation.get(relation).and_then(|kept| kept.from.as_ref());
        from.map(|(file, _)| Ok(Box::new(self.hub.scan(file, None)?) as Rows)).transpose()
    }

    /// Tables and views by name, with their files.
    pub fn list(&self) -> Vec<(String, TableFile)> {
        self.by_relation.iter().map(|(name, kept)| (name.clone(), kept.file.clone())).collect()
    }

    /// The furthest that any of them goes.
    pub fn furthest(&self) -> Reached {
        self.by_relation.values().map(Kept::reached).max().unwrap_or_default()
    }

    /// Up to where the rows of one go.
    pub fn reached(&self, relation: &str) -> Reached {
        let Some(kept) = self.by_relation.get(relation) else { return Reached::default() };
        kept.from.as_ref().map_or_else(|| kept.reached(), |(_, reached)| *reached)
    }

    /// Changes what a relation holds; nothing if it is not kept.
    pub fn apply(&self, relation: &str, to: Reached, delta: &Zset, time_micros: i64) -> Result<(), Error> {
        let Some(kept) = self.by_relation.get(relation) else { return Ok(()) };
        let change = Change::Weighted {
            batch: with_arrow_maps(&delta.batch)?,
            weights: delta.weights.clone(),
            moment: Moment { event_time_micros: time_micros, seed: String::new() },
        };
        let (from, mark) = (kept.reached().mark(self.stream_created_micros), to.mark(self.stream_created_micros));
        let step = Step { number: to.step, program_version: self.program_version };
        let applied = self.hub.apply_step(&kept.file, &from, &mark, step, vec![change]);
        match applied {
            Ok(_) => {}
            // It was done before, and the answer was lost.
            Err(ApplyError::WrongMark { found }) if found == mark => {}
            Err(ApplyError::Store(error)) => return Err(error),
            Err(other) => return Err(Error::Corrupt { table: relation.to_owned(), reason: other.to_string() }),
        }
        *kept.reached.lock().unwrap_or_else(PoisonError::into_inner) = to;
        Ok(())
    }

    /// The rows of a relation as they were after a step, of which the columns at these places only, for queries.
    pub fn scan_at(&self, relation: &str, step: u64, columns: Option<&[usize]>) -> Result<Rows, Error> {
        let kept = self.by_relation.get(relation).ok_or_else(|| Error::NotFound(relation.to_owned()))?;
        let schema = match columns {
            Some(columns) => {
                crate::columns::shared_schema(&Arc::new(kept.schema.project(columns).map_err(|error| unfit(&error))?))
            }
            None => crate::columns::shared_schema(&kept.schema),
        };
        let rows = self.hub.scan(&kept.file, columns)?;
        if rows.step().is_none_or(|at| at.step <= step) {
            return Ok(Box::new(rows.map(move |batch| as_engine(&batch?, &schema))));
        }
        // It has moved on meanwhile: what later steps did is taken back.
        let rows = self.hub.as_of_step(&kept.file, step)?;
        let columns: Option<Vec<usize>> = columns.map(<[usize]>::to_vec);
        Ok(Box::new(rows.map(move |batch| {
            let batch = match &columns {
                Some(columns) => batch?.project(columns).map_err(|error| unfit(&error))?,
                None => batch?,
            };
            as_engine(&batch, &schema)
        })))
    }

    /// What steps after this one did to a relation, in their order; a large step comes in several parts.
    pub fn since(&self, relation: &str, step: u64) -> Result<StepParts, Error> {
        let kept = self.by_relation.get(relation).ok_or_else(|| Error::NotFound(relation.to_owned()))?;
        let schema = Arc::clone(&kept.schema);
        let steps = self.hub.steps_since(&kept.file, step)?;
        Ok(Box::new(steps.map(move |rows| {
            let rows = rows?;
            Ok((rows.step, Zset { batch: as_engine(&rows.batch, &schema)?, weights: rows.weights }))
        })))
    }

    /// The rows of a relation as they are when this is called, in the columns of the engine, a batch at a time.
    pub fn scan(&self, relation: &str) -> Result<Rows, Error> {
        let kept = self.by_relation.get(relation).ok_or_else(|| Error::NotFound(relation.to_owned()))?;
        let schema = Arc::clone(&kept.schema);
        let rows = self.hub.scan(&kept.file, None)?;
        Ok(Box::new(rows.map(move |batch| as_engine(&batch?, &schema))))
    }

    /// The rows of a relation.
    pub fn rows(&self, relation: &str) -> Result<Zset, Error> {
        let kept = self.by_relation.get(relation).ok_or_else(|| Error::NotFound(relation.to_owned()))?;
        let batches = self.scan(relation)?.collect::<Result<Vec<_>, _>>()?;
        let batch = arrow::compute::concat_batches(&kept.schema, &batches).map_err(|error| unfit(&error))?;
        let weights = vec![1; batch.num_rows()];
        Ok(Zset { batch, weights })
    }

    /// Forgets what steps up to this one did: queries that began before them are no more.
    pub fn trim(&self, below: u64) {
        for kept in self.by_relation.values() {
            if let Err(error) = self.hub.trim_steps(&kept.file, below) {
                tracing::warn!(%error, file = %kept.file, "old steps of a pipeline stay for now");
            }
        }
    }

    /// Writes what is in their logs into the files themselves.
    pub fn compact(&self) {
        for kept in self.by_relation.values() {
            if let Err(error) = self.hub.checkpoint(&kept.file) {
                tracing::warn!(%error, file = %kept.file, "a file of a pipeline keeps its log for now");
            }
        }
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.by_relation.values().filter_map(|kept| self.hub.stats(&kept.file).ok()).map(|stats| stats.bytes).sum()
    }
}

impl Kept {
    fn reached(&self) -> Reached {
        *self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of all files of a pipeline.
pub(crate) fn drop_all(hub: &Hub, place: &Place) -> Result<(), DeploymentError> {
    let any = file_of(place, "any", "any")?;
    hub.drop_beside(&any).map_err(|error| failed(&error))
}

/// Lets go of the files of a pipeline but for these.
pub(crate) fn sweep(hub: &Hub, keep: &[TableFile]) {
    let kept: BTreeSet<PathBuf> = keep.iter().filter_map(|file| hub.path(file).ok()).collect();
    let (Some(like), Some(directory)) = (keep.first(), kept.first().and_then(|path| path.parent())) else { return };
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let parts: Vec<&str> = name.split('.').collect();
        let [table, uid, "duckdb"] = parts.as_slice() else { continue };
        if kept.contains(&entry.path()) {
            continue;
        }
        let file = TableFile { table: (*table).to_owned(), uid: (*uid).to_owned(), ..like.clone() };
        match hub.drop(&file) {
            Ok(()) => tracing::info!(%file, "a file that no table or view has any more is gone"),
            Err(error) => tracing::warn!(%file, %error, "a file that no table or view has any more stays for now"),
        }
    }
}

/// Where the files of a pipeline are.
pub(crate) fn directory(hub: &Hub, place: &Place) -> Result<PathBuf, DeploymentError> {
    let any = hub.path(&file_of(place, "any", "any")?).map_err(|error| failed(&error))?;
    Ok(any.parent().map(Path::to_owned).unwrap_or_default())
}

/// What tells the file of a relation from others of its name: long names are cut in those of files, and other columns or another key
/// are kept in another file; so are tables and views.
pub(crate) fn uid(relation: &str, is_table: bool, stored: &TableSchema) -> String {
    let columns = stored.columns.iter().map(|column| format!("\n{} {}", column.name, column.column_type));
    let text: String = [relation.to_owned()].into_iter().chain(columns).collect();
    format!("{:016x}", fnv(&format!("{text}\n{is_table} {:?}", stored.primary_key)))
}

/// The file of a table or view, by what tells it from others of its name.
pub(crate) fn file_of(place: &Place, relation: &str, uid: &str) -> Result<TableFile, DeploymentError> {
    let token = |text: &str| {
        Token::encode(text).map_err(|reason| DeploymentError::new("StorageError", format!("{text:?}: {reason}")))
    };
    Ok(TableFile {
        generation: UNFOLDED_GENERATION,
        tenant: place.tenant.to_string(),
        project: PROJECT.to_owned(),
        bucket: token(&place.pipeline)?.to_string(),
        table: token(relation)?.to_string(),
        uid: uid.to_owned(),
    })
}

/// FNV-1a, 64 bits.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn damaged(relation: &str, reason: &str) -> DeploymentError {
    DeploymentError::new("StorageError", format!("the file of {relation} cannot be used: {reason}"))
}

/// Why a pipeline cannot use its files.
pub(crate) fn failed(error: &Error) -> DeploymentError {
    DeploymentError::new("StorageError", error.to_string())
}
