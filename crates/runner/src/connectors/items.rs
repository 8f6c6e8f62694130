//! Changes of a view as what outputs are given.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_connectors::{ChangeKind, ConnectorConfig, Item, Transport, Wants};
use alluvium_dataflow::Zset;
use alluvium_formats::{ChunkLimits, Encoder, EncoderOptions, FormatConfig, FormatError};
use alluvium_sql::types::Field;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// How large a message is at most, of more than one record.
const MESSAGE_BYTES_MAX: usize = 900_000;
/// The same for files, where pieces are put together again.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// How the changes of one view become items.
pub(super) struct Encoding {
    form: Form,
}

enum Form {
    /// Nothing is written; rows are counted.
    Counted,
    /// Records one after the other in messages of limited size.
    Chunks { encoder: Encoder, limits: ChunkLimits },
    /// A message for each record.
    Records(Encoder),
    /// The same, with the row beside it.
    Rows { encoder: Encoder, rows: Encoder },
    /// What became of the rows of each key.
    Changes { rows: Encoder, key: Vec<String> },
}

/// A view, as far as its outputs are concerned.
pub(super) struct View<'a> {
    pub name: &'a str,
    pub columns: &'a [Field],
    /// The columns of the connector's `index`.
    pub index: Option<Vec<String>>,
}

/// What a step is for an output.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub items: Vec<Item>,
    /// Records in them.
    pub records: u64,
    /// Rows that could not be written: how many, and why the first could not.
    pub errors: u64,
    pub error: Option<String>,
}

impl Encoding {
    /// As a connector is configured.
    ///
    /// # Errors
    /// The format is missing, not for output, or not for this view.
    pub fn new(config: &ConnectorConfig, wants: Wants, view: &View<'_>) -> Result<Self, FormatError> {
        if matches!(config.transport, Transport::NullOutput) {
            return Ok(Self { form: Form::Counted });
        }
        let rows = |flavor: &str| {
            let json = json!({ "name": "json", "config": { "json_flavor": flavor } });
            FormatConfig::from_json(&json)?.encoder(view.columns, EncoderOptions::default())
        };
        if wants == Wants::Changes {
            let flavor = if matches!(config.transport, Transport::PostgresOutput(_)) { "postgres" } else { "default" };
            return Ok(Self { form: Form::Changes { rows: rows(flavor)?, key: key_of(config, view)? } });
        }
        let Some(format) = &config.format else {
            return Err(FormatError::Misfit("the connector has no `format`".to_owned()));
        };
        let format = FormatConfig::from_json(format)?;
        let options = EncoderOptions {
            relation: view.name.to_owned(),
            stream_id: stream_id(&format!("{}.{}", view.name, config.name)),
            ..EncoderOptions::default()
        };
        let encoder = format.encoder(view.columns, options)?;
        let form = match &config.transport {
            _ if encoder.is_keyed() => Form::Records(encoder),
            Transport::NatsOutput(nats) if nats.subject.contains('{') => Form::Rows { encoder, rows: rows("default")? },
            // A subscriber gets a change with each message unless it is said otherwise.
            Transport::NatsOutput(_) if !is_gathered(&format) => Form::Records(encoder),
            Transport::FileOutput(_) => {
                let limits = ChunkLimits { records: encoder.chunk_records(), bytes: PIECE_BYTES_MAX };
                Form::Chunks { encoder, limits }
            }
            _ => {
                let limits = ChunkLimits { records: encoder.chunk_records(), bytes: MESSAGE_BYTES_MAX };
                Form::Chunks { encoder, limits }
            }
        };
        Ok(Self { form })
    }

    /// The items of a step. The same rows always become the same items, in the same order.
    ///
    /// # Errors
    /// The rows are not those of the view.
    pub fn items(&mut self, step: &Zset) -> Result<Encoded, String> {
        let step = &ordered(step);
        match &mut self.form {
            Form::Counted => {
                let count = step.weights.iter().map(|weight| weight.unsigned_abs()).sum();
                Ok(Encoded { records: count, ..Encoded::default() })
            }
            Form::Chunks { encoder, limits } => chunks(encoder, step, *limits),
            Form::Records(encoder) => messages(encoder, step).map(|(encoded, _)| encoded),
            Form::Rows { encoder, rows } => with_rows(encoder, rows, step),
            Form::Changes { rows, key } => changes(rows, key, step),
        }
    }
}

/// Whether a format says that records are gathered into messages.
fn is_gathered(format: &FormatConfig) -> bool {
    match format {
        FormatConfig::Json(json) => json.buffer_size_records.is_some() || json.array == Some(true),
        FormatConfig::Csv(csv) => csv.buffer_size_records.is_some(),
        FormatConfig::Raw(_) => false,
    }
}

/// The columns by which rows are told apart.
fn key_of(config: &ConnectorConfig, view: &View<'_>) -> Result<Vec<String>, FormatError> {
    if let Some(index) = &view.index {
        return Ok(index.clone());
    }
    let fields = config.format.as_ref().and_then(|format| format.get("config")?.get("key_fields")?.as_array());
    let fields = fields.into_iter().flatten().filter_map(Value::as_str);
    let found = fields.map(|name| {
        let column = view.columns.iter().find(|column| column.name.name == name);
        let missing = || FormatError::Misfit(format!("'key_fields' names '{name}', there is no such column"));
        column.map(|column| column.name.name.clone()).ok_or_else(missing)
    });
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err(FormatError::Misfit(
            "rows are told apart by no columns: the connector needs an `index`".to_owned(),
        ));
    }
    Ok(found)
}

/// FNV-1a, 64 bits.
fn stream_id(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Rows in an order that is theirs: what is read back of a file is written as it was from memory.
pub(super) fn ordered(step: &Zset) -> Zset {
    let fields = step.batch.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(step.batch.columns()));
    let Ok(rows) = rows else { return step.clone() };
    let mut order: Vec<u32> = (0..).take(step.weights.len()).collect();
    if order.is_sorted_by_key(|at| rows.row(*at as usize)) {
        return step.clone();
    }
    order.sort_by(|one, other| rows.row(*one as usize).cmp(&rows.row(*other as usize)));
    let weights = order.iter().map(|at| step.weights[*at as usize]).collect();
    match arrow::compute::take_record_batch(&step.batch, &arrow::array::UInt32Array::from(order)) {
        Ok(batch) => Zset { batch, weights },
        Err(_) => step.clone(),
    }
}

fn chunks(encoder: &mut Encoder, step: &Zset, limits: ChunkLimits) -> Result<Encoded, String> {
    let mut encoded = Encoded::default();
    let mut records = encoder.records(&step.batch, &step.weights).map_err(|error| error.to_string())?;
    loop {
        let mut text = Vec::new();
        let Some(chunk) = records.limited_chunk(&mut text, limits) else { return Ok(encoded) };
        encoded.errors += chunk.errors.len() as u64;
        encoded.error = encoded.error.or_else(|| chunk.errors.first().map(ToString::to_string));
        if chunk.records > 0 {
            encoded.records += chunk.records;
            encoded.items.push(Item::bytes(text));
        }
    }
}

/// A message for each record, and whether its row went.
fn messages(encoder: &mut Encoder, step: &Zset) -> Result<(Encoded, Vec<bool>), String> {
    let (mut encoded, mut went) = (Encoded::default(), Vec::new());
    let mut records = encoder.records(&step.batch, &step.weights).map_err(|error| error.to_string())?;
    loop {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        match records.message(&mut key, &mut value) {
            None => return Ok((encoded, went)),
            Some(Ok(message)) => {
                encoded.records += 1;
                went.push(message.is_delete);
                encoded.items.push(Item::Message {
                    payload: message.has_value.then(|| Bytes::from(value)),
                    key: message.has_key.then(|| Bytes::from(key)),
                    headers: Vec::new(),
                    row: None,
                });
            }
            Some(Err(error)) => {
                encoded.errors += 1;
                encoded.error.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// A message for each record, with its row: one row is written at a time, so that both are of the same.
fn with_rows(encoder: &mut Encoder, rows: &mut Encoder, step: &Zset) -> Result<Encoded, String> {
    let mut all = Encoded::default();
    for is_delete in [true, false] {
        for (at, weight) in step.weights.iter().enumerate().filter(|(_, weight)| (**weight < 0) == is_delete) {
            let one = Zset { batch: step.batch.slice(at, 1), weights: vec![*weight] };
            let (mut encoded, _) = messages(encoder, &one)?;
            let once = Zset { weights: vec![weight.signum()], ..one };
            let object = objects(rows, &once)?.0.pop().map(|(_, row)| Arc::new(row));
            for item in &mut encoded.items {
                if let Item::Message { row, .. } = item {
                    row.clone_from(&object);
                }
            }
            all.items.append(&mut encoded.items);
            all.records += encoded.records;
            all.errors += encoded.errors;
            all.error = all.error.or(encoded.error);
        }
    }
    Ok(all)
}

/// Rows as objects, and whether they went; beside them how many could not be written, and why the first could not.
type Objects = (Vec<(bool, Row)>, u64, Option<String>);
type Row = Map<String, Value>;

fn objects(rows: &mut Encoder, step: &Zset) -> Result<Objects, String> {
    let (encoded, went) = messages(rows, step)?;
    let mut found = Vec::with_capacity(went.len());
    for (item, is_delete) in encoded.items.iter().zip(went) {
        let Item::Message { payload: Some(payload), .. } = item else { continue };
        let read: Result<BTreeMap<String, Map<String, Value>>, _> = serde_json::from_slice(payload);
        let row = read.map_err(|error| error.to_string())?.into_values().next().unwrap_or_default();
        found.push((is_delete, row));
    }
    Ok((found, encoded.errors, encoded.error))
}

/// What became of the row of each key, in the order of keys.
fn changes(rows: &mut Encoder, key: &[String], step: &Zset) -> Result<Encoded, String> {
    let once = Zset { batch: step.batch.clone(), weights: step.weights.iter().map(|weight| weight.signum()).collect() };
    let (objects, errors, error) = objects(rows, &once)?;
    let mut encoded = Encoded { errors, error, ..Encoded::default() };
    let mut by_key: BTreeMap<String, (Row, [Option<Row>; 2])> = BTreeMap::new();
    for (is_delete, row) in objects {
        let part = |name: &String| (name.clone(), row.get(name).cloned().unwrap_or_default());
        let key: Map<String, Value> = key.iter().map(part).collect();
        let text = Value::Object(key.clone()).to_string();
        let (_, both) = by_key.entry(text).or_insert_with(|| (key, [None, None]));
        if both[usize::from(!is_delete)].replace(row).is_some() && !is_delete {
            encoded.errors += 1;
            encoded
                .error
                .get_or_insert_with(|| "two rows have the same values in the columns of the `index`".to_owned());
        }
    }
    encoded.items = by_key
        .into_values()
        .filter_map(|(key, both)| {
            let (kind, row) = match both {
                [Some(_), Some(new)] => (ChangeKind::Update, new),
                [None, Some(new)] => (ChangeKind::Insert, new),
                [Some(old), None] => (ChangeKind::Delete, old),
                [None, None] => return None,
            };
            Some(Item::Change { kind, key, row })
        })
        .collect();
    encoded.records = encoded.items.len() as u64;
    Ok(encoded)
}

#[cfg(test)]
mod tests;
