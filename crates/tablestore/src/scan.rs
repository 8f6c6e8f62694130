//! Whole tables as record batches, one after another as they are asked for: never more of them in memory than a few.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::record_batch::RecordBatch;

use crate::column::Column;
use crate::error::{Error, Result, code, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::instance::{Attached, Session};
use crate::meta::{self, Meta};
use crate::quote::ident;
use crate::read::{batches_while, carried};
use crate::steps::StepMark;

/// Batches that are read before they are asked for.
const AHEAD_MAX: usize = 4;

/// Rows of a table as of one moment, in the order they were inserted in. Reading goes on in a thread of its own, which ends soon after
/// this is dropped; until then the file stays attached.
pub struct Scan {
    columns: Vec<Column>,
    mark: Mark,
    step: Option<StepMark>,
    batches: Batches,
}

impl Scan {
    pub(crate) fn new(meta: &Meta, columns: Vec<Column>, batches: Batches) -> Self {
        Self { columns, mark: meta.mark.clone(), step: meta.step_mark(), batches }
    }

    /// The columns read, in the order of the batches.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How far the file had been folded at that moment.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Which step of its pipeline it was at.
    pub fn step(&self) -> Option<&StepMark> {
        self.step.as_ref()
    }
}

impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

impl Hub {
    /// All rows of a table, or these of its columns, by their places from 0. What Arrow cannot hold exactly comes as text. After an
    /// error nothing follows.
    pub fn scan(&self, file: &TableFile, columns: Option<&[usize]>) -> Result<Scan> {
        let columns = columns.map(<[usize]>::to_vec);
        let wanted = columns.clone();
        let (meta, batches) = Batches::of(self, file, move |_, attached, meta| {
            let columns = picked(meta, wanted.as_deref())?;
            Ok(format!("SELECT {} FROM {} AS d", selected(&columns), attached.relation("data")))
        })?;
        let columns = picked(&meta, columns.as_deref())?;
        Ok(Scan::new(&meta, columns, batches))
    }
}

fn picked(meta: &Meta, places: Option<&[usize]>) -> Result<Vec<Column>> {
    let all = &meta.schema.columns;
    let Some(places) = places else { return Ok(all.clone()) };
    if places.is_empty() {
        return Err(Error::invalid("invalid_request", "columns, when given, are at least one"));
    }
    let column = |place: &usize| {
        let missing = || Error::invalid(code::COLUMN_NOT_FOUND, format!("there is no column {place} of {}", all.len()));
        all.get(*place).cloned().ok_or_else(missing)
    };
    places.iter().map(column).collect()
}

/// The columns of `d` for a `SELECT`.
pub(crate) fn selected(columns: &[Column]) -> String {
    let named = |column: &Column| {
        let name = ident(&column.name);
        format!("{} AS {name}", carried(&format!("d.{name}"), &column.column_type))
    };
    columns.iter().map(named).collect::<Vec<_>>().join(", ")
}

/// What the reading thread hands over.
enum Part {
    Rows(RecordBatch),
    Failed(Error),
    /// There are no more rows. Without it the thread has died, and what was read is not all.
    End,
}

/// Batches of a query that another thread runs.
pub(crate) struct Batches(Option<Receiver<Part>>);

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let ended = match self.0.as_ref()?.recv() {
            Ok(Part::Rows(batch)) => return Some(Ok(batch)),
            Ok(Part::End) => None,
            Ok(Part::Failed(error)) => Some(Err(error)),
            Err(_) => Some(Err(Error::Unavailable("a scan ended in the middle".into()))),
        };
        self.0 = None;
        ended
    }
}

impl Batches {
    /// Runs what `query` makes of the file, as of the moment that the returned state is of. Whatever it writes is undone at the end.
    pub(crate) fn of(
        hub: &Hub,
        file: &TableFile,
        query: impl FnOnce(&Session, &Attached, &Meta) -> Result<String> + Send + 'static,
    ) -> Result<(Meta, Self)> {
        let (hub, file) = (hub.clone(), file.clone());
        let (begun, start) = sync_channel(1);
        let (parts, batches) = sync_channel(AHEAD_MAX);
        let read = move || {
            let mut begun = Some(begun);
            let outcome = produce(&hub, &file, query, &mut begun, &parts);
            // Nobody may listen any more; then there is nobody to tell.
            match (begun, outcome) {
                (Some(begun), Err(error)) => drop(begun.send(Err(error))),
                (_, Err(error)) => drop(parts.send(Part::Failed(error))),
                (_, Ok(())) => drop(parts.send(Part::End)),
            }
        };
        let thread = std::thread::Builder::new().name("scan".into()).spawn(read);
        thread.map_err(|_| Error::Unavailable("no thread to read a table on".into()))?;
        let meta = start.recv().map_err(|_| Error::Unavailable("a scan did not begin".into()))??;
        Ok((meta, Self(Some(batches))))
    }
}

fn produce(
    hub: &Hub,
    file: &TableFile,
    query: impl FnOnce(&Session, &Attached, &Meta) -> Result<String>,
    begun: &mut Option<SyncSender<Result<Meta>>>,
    parts: &SyncSender<Part>,
) -> Result<()> {
    let (attached, session) = hub.open_file(file)?;
    // Never committed: temporary tables of the query go with it.
    let _transaction = session.begin()?;
    // The first look at the table decides of which moment the rest is.
    let meta = meta::read(&session, &attached)?;
    let sql = query(&session, &attached, &meta)?;
    if begun.take().is_some_and(|begun| begun.send(Ok(meta)).is_err()) {
        return Ok(());
    }
    batches_while(&session, &sql, |batch| parts.send(Part::Rows(batch)).is_ok()).map_err(|error| store_error(&error))
}
