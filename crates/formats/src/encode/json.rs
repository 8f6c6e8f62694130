//! Changes as JSON.

use alluvium_sql::types::Field;

use super::cells::{Cells, Values, write_number, write_row, written_name};
use super::debezium::{key_schema, value_schema};
use super::{EncodeError, EncoderOptions, Message};
use crate::config::{JsonOutput, OutputUpdate};
use crate::error::FormatError;
use crate::flavor::Encoding;

/// Writes JSON.
pub(super) struct JsonWriter {
    config: JsonOutput,
    encoding: Encoding,
    options: EncoderOptions,
    /// The names of the columns with what is around them.
    names: Vec<Vec<u8>>,
    /// The columns of the key.
    key: Vec<usize>,
    /// What stands before the payload of an event's key, and of its value.
    key_head: Vec<u8>,
    value_head: Vec<u8>,
}

impl JsonWriter {
    pub(super) fn new(config: JsonOutput, columns: &[Field], options: EncoderOptions) -> Result<Self, FormatError> {
        const OWN: [&str; 3] = ["__action", "__stream_id", "__seq_number"];
        let clash = columns.iter().find(|column| OWN.contains(&column.name.name.as_str()));
        if let (OutputUpdate::Snowflake, Some(column)) = (config.update_format, clash) {
            return Err(FormatError::Misfit(format!("the update format snowflake has its own '{}'", column.name)));
        }
        let encoding = config.flavor.encoding();
        let key = config.key.clone().unwrap_or_else(|| (0..columns.len()).collect());
        let key_columns: Vec<&Field> = key.iter().filter_map(|at| columns.get(*at)).collect();
        let head = |schema: serde_json::Value| format!("{{\"schema\":{schema},\"payload\":").into_bytes();
        let is_debezium = config.update_format == OutputUpdate::Debezium;
        let [key_head, value_head] = if is_debezium {
            [
                head(key_schema(&options.relation, &key_columns, encoding)),
                head(value_schema(&options.relation, columns, encoding)),
            ]
        } else {
            [Vec::new(), Vec::new()]
        };
        let names = columns.iter().map(|column| written_name(&column.name.name)).collect();
        Ok(Self { config, encoding, options, names, key, key_head, value_head })
    }

    pub(super) fn is_array(&self) -> bool {
        self.config.array
    }

    pub(super) fn is_keyed(&self) -> bool {
        matches!(self.config.update_format, OutputUpdate::Debezium | OutputUpdate::Redis)
    }

    pub(super) fn next_sequence(&self) -> Option<u64> {
        (self.config.update_format == OutputUpdate::Snowflake).then_some(self.options.next_sequence)
    }

    /// Says that a record was kept.
    pub(super) fn accept(&mut self) {
        self.options.next_sequence = self.options.next_sequence.wrapping_add(1);
    }

    /// Writes a record of a chunk: on its own line, unless records are in an array.
    pub(super) fn record(
        &self,
        cells: &[Cells<'_>],
        row: usize,
        is_delete: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if self.config.update_format == OutputUpdate::Redis && is_delete {
            return Err(EncodeError::new("in the update format redis only a message can say that a row went"));
        }
        self.value(cells, row, is_delete, out)?;
        if !self.config.array {
            out.push(b'\n');
        }
        Ok(())
    }

    /// Writes the key and the value of a message.
    pub(super) fn message(
        &self,
        cells: &[Cells<'_>],
        row: usize,
        is_delete: bool,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> Result<Message, EncodeError> {
        let is_redis = self.config.update_format == OutputUpdate::Redis;
        match self.config.update_format {
            OutputUpdate::Debezium => {
                key.extend_from_slice(&self.key_head);
                let parts = self.key.iter().map(|at| (&self.names[*at][..], &cells[*at]));
                write_row(parts, row, self.encoding, key)?;
                key.push(b'}');
            }
            OutputUpdate::Redis => self.redis_key(cells, row, key)?,
            OutputUpdate::InsertDelete | OutputUpdate::Snowflake => {}
        }
        let has_value = !(is_redis && is_delete);
        if has_value {
            self.value(cells, row, is_delete, value)?;
        }
        if is_redis && has_value {
            value.push(b'\n');
        }
        Ok(Message { is_delete, has_key: self.is_keyed(), has_value })
    }

    fn redis_key(&self, cells: &[Cells<'_>], row: usize, key: &mut Vec<u8>) -> Result<(), EncodeError> {
        for (at, cells) in self.key.iter().map(|at| &cells[*at]).enumerate() {
            if at > 0 {
                key.extend_from_slice(self.options.key_separator.as_bytes());
            }
            match &cells.values {
                Values::Text(array) if !cells.is_null(row) => key.extend_from_slice(array.value(row).as_bytes()),
                _ => {
                    let mut part = Vec::new();
                    cells.write_json(row, self.encoding, &mut part)?;
                    // Other texts than those hold nothing that is escaped.
                    let bare = part.strip_prefix(b"\"").and_then(|part| part.strip_suffix(b"\""));
                    key.extend_from_slice(bare.unwrap_or(&part));
                }
            }
        }
        Ok(())
    }

    fn value(&self, cells: &[Cells<'_>], row: usize, is_delete: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self.config.update_format {
            OutputUpdate::InsertDelete => {
                out.extend_from_slice(if is_delete { b"{\"delete\":" } else { b"{\"insert\":" });
                self.row(cells, row, out)?;
                out.push(b'}');
            }
            OutputUpdate::Redis => self.row(cells, row, out)?,
            OutputUpdate::Snowflake => {
                self.row(cells, row, out)?;
                // The members come behind those of the row.
                out.pop();
                let action: &[u8] = if is_delete { b",\"__action\":\"delete\"" } else { b",\"__action\":\"insert\"" };
                out.extend_from_slice(action);
                out.extend_from_slice(b",\"__stream_id\":");
                write_number(i128::from(self.options.stream_id), out);
                out.extend_from_slice(b",\"__seq_number\":");
                write_number(i128::from(self.options.next_sequence), out);
                out.push(b'}');
            }
            OutputUpdate::Debezium => {
                out.extend_from_slice(&self.value_head);
                let (before, after, op): (bool, &[u8], &[u8]) = if is_delete {
                    (true, b",\"after\":null", b",\"op\":\"d\"}}")
                } else {
                    (false, b"null,\"after\":", b",\"op\":\"c\"}}")
                };
                out.extend_from_slice(b"{\"before\":");
                if before {
                    self.row(cells, row, out)?;
                    out.extend_from_slice(after);
                } else {
                    out.extend_from_slice(after);
                    self.row(cells, row, out)?;
                }
                out.extend_from_slice(op);
            }
        }
        Ok(())
    }

    fn row(&self, cells: &[Cells<'_>], row: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_row(self.names.iter().map(Vec::as_slice).zip(cells), row, self.encoding, out)
    }
}
