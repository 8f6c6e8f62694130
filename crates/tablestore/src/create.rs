//! Making the file of a table.

use crate::column::TableSchema;
use crate::error::{Error, Result, store_error};
use crate::file::{Mark, TableFile};
use crate::hub::Hub;
use crate::meta;
use crate::steps::{self, CreateOptions};
use crate::writing::Writing;

impl Hub {
    /// Makes the file of a new table, empty and at `mark`. Doing it again with the same schema and mark is fine; a file that is
    /// already past `mark` is left alone and is fine too. A half-made file of a crash is made anew.
    pub fn create(&self, file: &TableFile, schema: &TableSchema, mark: &Mark) -> Result<()> {
        self.create_with(file, schema, mark, CreateOptions::default())
    }

    /// The same for a file of a pipeline.
    pub fn create_with(
        &self,
        file: &TableFile,
        schema: &TableSchema,
        mark: &Mark,
        options: CreateOptions,
    ) -> Result<()> {
        if let Some(step) = options.step {
            steps::check(step, None)?;
        }
        let path = self.path(file)?;
        let writer = self.writer(&path);
        let _writing = Writing::begin(&writer);
        if path.exists() {
            match self.created_before(file, schema, mark, options)? {
                Created::Same => return Ok(()),
                Created::Other => {
                    return Err(Error::invalid("table_exists", "the table file holds something else already"));
                }
                Created::HalfMade => self.remove_files(&path)?,
            }
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|source| Error::io(parent, source))?;
        }
        let attached = self.instance()?.attach(&path, &file.to_string())?;
        let session = attached.instance.session()?;
        let transaction = session.begin()?;
        meta::create(&session, &attached, schema, mark, file.generation, options.stepping())
            .map_err(|error| store_error(&error))?;
        transaction.commit().map_err(|error| store_error(&error))
    }

    fn created_before(
        &self,
        file: &TableFile,
        schema: &TableSchema,
        mark: &Mark,
        options: CreateOptions,
    ) -> Result<Created> {
        let (attached, session) = self.open_file(file)?;
        let Some(found) = meta::read_if_there(&session, &attached)? else { return Ok(Created::HalfMade) };
        let keeps_steps = found.steps.is_some_and(|steps| steps.kept_from.is_some());
        let same = found.mark == *mark && found.schema == *schema && keeps_steps == options.keeps_steps;
        let past = found.mark.stream_created_micros == mark.stream_created_micros && found.mark.seq > mark.seq;
        Ok(if same || past { Created::Same } else { Created::Other })
    }
}

enum Created {
    Same,
    Other,
    HalfMade,
}
