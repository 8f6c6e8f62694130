//! What is written is read again as it was: random tables and rows, every type, flavor and format.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Field, Identifier, IntWidth, Type};
use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Schema;
use proptest::prelude::*;
use serde_json::json;

use crate::column::{Column, Values};
use crate::flavor::{BytesForm, Encoding, TimeForm, TimestampForm};
use crate::tests::parsed;
use crate::types::field;
use crate::values::calendar::{DAY_MICROS, DAY_NANOS, DAYS_MAX, DAYS_MIN};
use crate::values::json_text::canonical_variant;
use crate::{ChangeKind, EncoderOptions, Flavor, FormatConfig, InputTable, Table};

/// Chance from a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn within(&mut self, least: i64, most: i64) -> i64 {
        match self.below(8) {
            0 => least,
            1 => most,
            _ => least
                .wrapping_add((u128::from(self.next()) % ((i128::from(most) - i128::from(least) + 1) as u128)) as i64),
        }
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn text(&mut self) -> String {
        let parts = [
            "", "a", "\"", "\\", "\n", "\r\n", ",", "é", "𝄞", "\u{0}", "\u{7f}", " ", "NULL", "null", "0x", "{", "];",
            "'", "\u{2028}", "\t",
        ];
        (0..self.below(4)).map(|_| self.pick(&parts)).collect()
    }
}

/// What of values a format keeps.
#[derive(Clone, Copy)]
struct Kept {
    encoding: Encoding,
    /// NULL of texts is an empty text in CSV.
    has_null_texts: bool,
}

fn random_type(chance: &mut Chance, depth: usize) -> Type {
    let width = chance.pick(&[IntWidth::Tiny, IntWidth::Small, IntWidth::Normal, IntWidth::Big]);
    match chance.below(if depth == 0 { 17 } else { 23 }) {
        0 => Type::Boolean,
        1 | 2 => Type::Int(width),
        3 => Type::UInt(width),
        4 => {
            let digits = chance.below(38) as u8 + 1;
            Type::Decimal(digits, chance.below(u64::from(digits) + 1) as u8)
        }
        5 => Type::Real,
        6 => Type::Double,
        7 => Type::Char(3),
        8 => Type::Varchar(None),
        9 => Type::Binary(2),
        10 => Type::Varbinary(None),
        11 => Type::Date,
        12 => Type::Time,
        13 => Type::Timestamp,
        14 => Type::TimestampTz,
        15 => Type::Uuid,
        16 => Type::Variant,
        17 | 18 => Type::Array(Box::new(random_type(chance, depth - 1))),
        19 | 20 => Type::Map(Box::new(random_type(chance, depth - 1)), Box::new(random_type(chance, depth - 1))),
        _ => Type::Row((0..=chance.below(3)).map(|at| random_field(chance, at, depth - 1)).collect()),
    }
}

fn random_field(chance: &mut Chance, at: u64, depth: usize) -> Field {
    let name = match chance.below(3) {
        0 => Identifier::folded(&format!("c{at}")),
        1 => Identifier::quoted(&format!("C\"\\ é{at}")),
        _ => Identifier::quoted(&format!("C{at}")),
    };
    let is_nullable = chance.below(3) > 0;
    Field { name, column_type: ColumnType { kind: random_type(chance, depth), is_nullable } }
}

fn random_variant(chance: &mut Chance, depth: usize) -> serde_json::Value {
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0 => json!(chance.next()),
        1 => json!(-(chance.below(1000) as i64)),
        2 => json!(f64::from_bits(chance.next())),
        3 => json!(chance.text()),
        4 => chance.pick(&[json!(true), json!(null)].each_ref()).clone(),
        5 => (0..chance.below(3)).map(|_| random_variant(chance, depth - 1)).collect(),
        _ => serde_json::Value::Object(
            (0..chance.below(3)).map(|_| (chance.text(), random_variant(chance, depth - 1))).collect(),
        ),
    }
}

fn random_double(chance: &mut Chance) -> f64 {
    match chance.below(8) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => chance.within(-1000, 1000) as f64 / 8.0,
        5 => f64::MAX,
        _ => Some(f64::from_bits(chance.next())).filter(|value| value.is_finite()).unwrap_or(0.1),
    }
}

/// Adds a random value. `is_null_value_lost` says that null as a value would be read as NULL.
fn push(column: &mut Column, chance: &mut Chance, kept: Kept, is_top: bool) {
    let is_text = matches!(column.kind, Type::Char(_) | Type::Varchar(_));
    let may_be_null = column.is_nullable && !(is_text && is_top && !kept.has_null_texts);
    if may_be_null && chance.below(4) == 0 {
        return column.push_null();
    }
    let (is_nullable, kind) = (column.is_nullable, column.kind.clone());
    let nested = Kept { has_null_texts: true, ..kept };
    match &mut column.values {
        Values::Boolean(values) => values.append(chance.below(2) == 0),
        Values::Int8(values) => values.push(chance.within(i8::MIN.into(), i8::MAX.into()) as i8),
        Values::Int16(values) => values.push(chance.within(i16::MIN.into(), i16::MAX.into()) as i16),
        Values::Int32(values) => values.push(chance.within(i32::MIN.into(), i32::MAX.into()) as i32),
        Values::Int64(values) => values.push(chance.within(i64::MIN, i64::MAX)),
        Values::UInt8(values) => values.push(chance.within(0, u8::MAX.into()) as u8),
        Values::UInt16(values) => values.push(chance.within(0, u16::MAX.into()) as u16),
        Values::UInt32(values) => values.push(chance.within(0, u32::MAX.into()) as u32),
        Values::UInt64(values) => values.push(chance.within(i64::MIN, i64::MAX) as u64),
        Values::Decimal(values, digits, _) => {
            let most = 10_i128.pow(u32::from(*digits)) - 1;
            let random = (i128::from(chance.next()) << 64 | i128::from(chance.next())) % (most + 1);
            values.push(chance.pick(&[most, -most, 0, random, -random]));
        }
        Values::Real(values) => values.push(match chance.below(2) {
            0 => random_double(chance) as f32,
            _ => Some(f32::from_bits(chance.next() as u32)).filter(|value| value.is_finite()).unwrap_or(0.1),
        }),
        Values::Double(values) => values.push(random_double(chance)),
        Values::Text(spans) => {
            let text = match kind {
                Type::Uuid => {
                    let digits = format!("{:016x}{:016x}", chance.next(), chance.next());
                    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
                }
                Type::Variant => {
                    let text = canonical_variant(&random_variant(chance, 3).to_string()).unwrap();
                    // Where NULL may be, a null that is not in a text is NULL.
                    let is_lost = text == "null" && is_nullable && !kept.encoding.is_variant_text;
                    if is_lost { "[]".to_owned() } else { text }
                }
                _ => chance.text(),
            };
            spans.push(text.as_bytes());
        }
        Values::Binary(spans) => {
            let bytes: Vec<u8> = (0..chance.below(12)).map(|_| chance.pick(&[0, 1, 127, 255, 10])).collect();
            spans.push(&bytes);
        }
        Values::Date(values) => values.push(chance.within(DAYS_MIN, DAYS_MAX) as i32),
        Values::Time(values) => {
            let unit = match kept.encoding.time {
                TimeForm::Text => 1,
                TimeForm::Micros => 1_000,
                TimeForm::Millis => 1_000_000,
            };
            values.push(chance.within(0, DAY_NANOS / unit - 1) * unit);
        }
        Values::Timestamp(values) | Values::TimestampTz(values) => {
            let form = if kind == Type::Timestamp { kept.encoding.timestamp } else { kept.encoding.zoned };
            let unit = if form == TimestampForm::Millis { 1_000 } else { 1 };
            values.push(chance.within(DAYS_MIN * DAY_MICROS / unit, (DAYS_MAX + 1) * DAY_MICROS / unit - 1) * unit);
        }
        Values::Array(ends, item) => {
            (0..chance.below(4)).for_each(|_| push(item, chance, nested, false));
            ends.0.push(item.len());
        }
        Values::Map(ends, entries) => {
            let (keys, values) = &mut **entries;
            for key in random_keys(keys, chance, nested) {
                keys.push_arrow(&key, 0);
                push(values, chance, nested, false);
            }
            ends.0.push(keys.len());
        }
        Values::Row(_, fields) => fields.iter_mut().for_each(|field| push(field, chance, nested, false)),
    }
    column.valid.append(true);
}

/// Different keys in their order.
fn random_keys(keys: &Column, chance: &mut Chance, kept: Kept) -> Vec<ArrayRef> {
    let mut made = Column::new(&ColumnType { kind: keys.kind.clone(), is_nullable: false });
    (0..chance.below(4)).for_each(|_| push(&mut made, chance, kept, false));
    let mut order: Vec<usize> = (0..made.len()).collect();
    order.sort_by(|a, b| made.compare(*a, *b));
    order.dedup_by(|a, b| made.compare(*a, *b).is_eq());
    let all = made.finish().unwrap();
    order.into_iter().map(|at| all.slice(at, 1)).collect()
}

fn random_rows(chance: &mut Chance, kept: Kept) -> (Table, RecordBatch) {
    let columns: Vec<Field> = (0..=chance.below(4)).map(|at| random_field(chance, at, 3)).collect();
    let rows = chance.below(6);
    let arrays = columns.iter().map(|column| {
        let mut made = Column::new(&column.column_type);
        (0..rows).for_each(|_| push(&mut made, chance, kept, true));
        made.finish().unwrap()
    });
    let arrays: Vec<ArrayRef> = arrays.collect();
    let fields = columns.iter().map(|column| {
        let column_type = ColumnType { is_nullable: true, ..column.column_type.clone() };
        field(&column.name.name, &column_type)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    (Table { name: "t".to_owned(), columns, key: Vec::new() }, RecordBatch::try_new(schema, arrays).unwrap())
}

/// Rows as they have to come back: all of those that went, then all that came.
fn expected(batch: &RecordBatch, weights: &[i64], is_delete: bool) -> RecordBatch {
    let rows = weights.iter().enumerate().filter(|(_, weight)| (**weight < 0) == is_delete);
    let rows = rows.flat_map(|(row, weight)| std::iter::repeat_n(row as u32, weight.unsigned_abs() as usize));
    take_record_batch(batch, &UInt32Array::from_iter_values(rows)).unwrap()
}

fn round_trip(seed: u64, output: serde_json::Value, input: serde_json::Value, kept: Kept, keeps_deletes: bool) {
    let chance = &mut Chance(seed);
    let (table, batch) = random_rows(chance, kept);
    let least = if keeps_deletes { -2 } else { 0 };
    let weights: Vec<i64> = (0..batch.num_rows()).map(|_| chance.within(least, 2)).collect();
    let output = FormatConfig::from_json(&output).unwrap();
    let options = EncoderOptions { relation: "t".to_owned(), ..EncoderOptions::default() };
    let mut encoder = output.encoder(&table.columns, options).unwrap();
    let mut records = encoder.records(&batch, &weights).unwrap();
    let mut text = Vec::new();
    while let Some(chunk) = records.chunk(&mut text) {
        assert!(chunk.errors.is_empty(), "{:?}", chunk.errors);
    }
    let input = FormatConfig::from_json(&input).unwrap();
    let parser = input.parser(Arc::new(InputTable::new(table.clone()).unwrap())).unwrap();
    let parsed = parsed(parser, &text, 1 + chance.below(100) as usize);
    assert!(parsed.errors.is_empty(), "{}\n{table:?}\n{}", parsed.errors, String::from_utf8_lossy(&text));
    for (kind, is_delete) in [(ChangeKind::Delete, true), (ChangeKind::Insert, false)] {
        let found = parsed.changes.iter().filter(|change| change.kind == kind).map(|change| &change.batch);
        let found = arrow::compute::concat_batches(&batch.schema(), found).unwrap();
        assert_eq!(found, expected(&batch, &weights, is_delete), "{table:?}\n{}", String::from_utf8_lossy(&text));
    }
    let is_delete: Vec<bool> = parsed.changes.iter().map(|change| change.kind == ChangeKind::Delete).collect();
    assert!(is_delete.is_sorted_by(|a, b| a >= b), "all that went is before all that came");
}

fn json_format(update_format: &str, flavor: &str, array: bool) -> serde_json::Value {
    json!({"name": "json", "config": {"update_format": update_format, "json_flavor": flavor, "array": array}})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn json_comes_back(seed in any::<u64>(), array in any::<bool>()) {
        for (flavor, kind) in Flavor::ALL {
            let kept = Kept { encoding: kind.encoding(), has_null_texts: true };
            assert!(matches!(kept.encoding.bytes, BytesForm::Numbers | BytesForm::Base58 | BytesForm::Hex | BytesForm::PostgresHex));
            let format = json_format("insert_delete", flavor, array);
            round_trip(seed, format.clone(), format, kept, true);
        }
    }

    #[test]
    fn json_of_other_envelopes_comes_back(seed in any::<u64>(), flavor in 0..Flavor::ALL.len()) {
        let (flavor, kind) = Flavor::ALL[flavor];
        let kept = Kept { encoding: kind.encoding(), has_null_texts: true };
        let debezium = json_format("debezium", flavor, false);
        round_trip(seed, debezium.clone(), debezium, kept, true);
        let raw = json_format("raw", flavor, false);
        round_trip(seed, json_format("snowflake", flavor, false), raw, kept, false);
    }

    #[test]
    fn csv_comes_back(seed in any::<u64>(), delimiter in prop_oneof![Just(","), Just("|"), Just("\t"), Just("a"), Just("1")]) {
        let kept = Kept { encoding: Flavor::Default.encoding(), has_null_texts: false };
        let format = json!({"name": "csv", "config": {"delimiter": delimiter}});
        round_trip(seed, format.clone(), format, kept, false);
    }
}
