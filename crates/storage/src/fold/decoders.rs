//! The decoders of a lane: for the table's present schema and, once somebody wrote with one, its earlier ones.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use alluvium_kernel::Problem;
use alluvium_tablestore::{RowsDecoder, TableSchema};

use super::lane::{Lane, LaneError, rows_schema};
use super::request;

impl Lane {
    pub(super) fn knows_history(&self) -> bool {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(super) fn learn_history(&self, schemas: Vec<Arc<TableSchema>>) {
        *self.schemas.lock().unwrap_or_else(PoisonError::into_inner) = Some(schemas);
        *self.decoder.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The decoder of the table's present schema; the last one if it still fits.
    pub(super) fn take_decoder(&self) -> Result<RowsDecoder, LaneError> {
        let schema = self.view().schema.ok_or_else(Problem::internal)?;
        let kept = self.decoder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(decoder) = kept.filter(|decoder| decoder.schema() == schema.as_ref()) {
            return Ok(decoder);
        }
        let mut writers = HashMap::new();
        let earlier = self.schemas.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        for writer in earlier.iter().chain([&schema]) {
            let text = rows_schema(writer);
            let fingerprint = RowsDecoder::fingerprint(&text).map_err(|error| request::poison(&error.message))?;
            writers.insert(fingerprint, text);
        }
        Ok(RowsDecoder::new(schema.as_ref().clone(), writers))
    }

    pub(super) fn put_decoder(&self, decoder: RowsDecoder) {
        *self.decoder.lock().unwrap_or_else(PoisonError::into_inner) = Some(decoder);
    }
}
