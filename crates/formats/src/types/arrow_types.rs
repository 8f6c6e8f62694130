//! Types as columns in memory.
//!
//! | Type | In memory |
//! |---|---|
//! | `CHAR`, `VARCHAR`, `UUID`, `VARIANT` | `Utf8`; which of them stands in the field's metadata |
//! | `BINARY`, `VARBINARY` | `LargeBinary`, as above |
//! | `TIME` | nanoseconds since midnight |
//! | `TIMESTAMP`, `TIMESTAMP WITH TIME ZONE` | microseconds, without a zone and in UTC |
//! | long intervals | `Interval(YearMonth)` |
//! | `MAP` | `LargeList` of rows of a key and a value, each key once, in the order of the keys; so equal maps are equal lists |
//! | short intervals | `Duration` in microseconds: intervals of days and milliseconds are too coarse |

use std::collections::HashMap;

use alluvium_sql::types::{ColumnType, Field as RowField, Identifier, IntWidth, IntervalUnits, Type};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use super::maps::is_entry;
use super::text::{parse_type, type_text};

/// The key in a field's metadata that holds the type's text, where the type in memory says less.
pub const TYPE_KEY: &str = "alluvium.type";
/// The key in a field's metadata that is there if the field's name was quoted.
const QUOTED_KEY: &str = "alluvium.quoted";
/// The name of a list's elements.
const ITEM: &str = "item";
/// The name of a map's entries, and of what they are made of.
pub(super) const ENTRY: &str = "entry";
const KEY: &str = "key";
const VALUE: &str = "value";

/// A column in memory that no type of a program describes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a column of the kind {0} has no type in SQL")]
pub struct UnknownType(String);

/// The column of this name and type.
#[must_use]
pub fn field(name: &str, column: &ColumnType) -> Field {
    let field = Field::new(name, data_type(&column.kind), column.is_nullable);
    if is_plain(&column.kind) {
        return field;
    }
    field.with_metadata(HashMap::from([(TYPE_KEY.to_owned(), type_text(&column.kind))]))
}

/// Whether the kind in memory says everything.
fn is_plain(kind: &Type) -> bool {
    !matches!(
        kind,
        Type::Char(_)
            | Type::Varchar(Some(_))
            | Type::Binary(_)
            | Type::Varbinary(Some(_))
            | Type::Uuid
            | Type::Variant
            | Type::Interval(_)
            | Type::Map(..)
    )
}

/// What values of a type are in memory.
#[must_use]
pub fn data_type(kind: &Type) -> DataType {
    match kind {
        Type::Null => DataType::Null,
        Type::Boolean => DataType::Boolean,
        Type::Int(IntWidth::Tiny) => DataType::Int8,
        Type::Int(IntWidth::Small) => DataType::Int16,
        Type::Int(IntWidth::Normal) => DataType::Int32,
        Type::Int(IntWidth::Big) => DataType::Int64,
        Type::UInt(IntWidth::Tiny) => DataType::UInt8,
        Type::UInt(IntWidth::Small) => DataType::UInt16,
        Type::UInt(IntWidth::Normal) => DataType::UInt32,
        Type::UInt(IntWidth::Big) => DataType::UInt64,
        Type::Decimal(digits, scale) => DataType::Decimal128(*digits, *scale as i8),
        Type::Real => DataType::Float32,
        Type::Double => DataType::Float64,
        Type::Char(_) | Type::Varchar(_) | Type::Uuid | Type::Variant => DataType::Utf8,
        Type::Binary(_) | Type::Varbinary(_) => DataType::LargeBinary,
        Type::Date => DataType::Date32,
        Type::Time => DataType::Time64(TimeUnit::Nanosecond),
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Interval(units) if units.is_long() => DataType::Interval(IntervalUnit::YearMonth),
        Type::Interval(_) => DataType::Duration(TimeUnit::Microsecond),
        Type::Array(item) => DataType::LargeList(nested(ITEM, item, true)),
        Type::Map(key, value) => {
            let entry = Fields::from(vec![nested(KEY, key, false), nested(VALUE, value, true)]);
            DataType::LargeList(Field::new(ENTRY, DataType::Struct(entry), false).into())
        }
        Type::Row(fields) => DataType::Struct(fields.iter().map(row_field).collect()),
    }
}

fn nested(name: &str, kind: &Type, is_nullable: bool) -> FieldRef {
    field(name, &ColumnType { kind: kind.clone(), is_nullable }).into()
}

fn row_field(each: &RowField) -> FieldRef {
    let mut made = field(&each.name.name, &each.column_type);
    if each.name.is_case_sensitive {
        made.metadata_mut().insert(QUOTED_KEY.to_owned(), String::new());
    }
    made.into()
}

/// The type of a column in memory.
pub fn column_type(field: &Field) -> Result<ColumnType, UnknownType> {
    let told = field.metadata().get(TYPE_KEY).and_then(|text| parse_type(text).ok());
    let kind = match told {
        // A function may have given its result the metadata of an argument of another kind.
        Some(kind) if data_type(&kind) == *field.data_type() => kind,
        _ => plain(field.data_type())?,
    };
    Ok(ColumnType { kind, is_nullable: field.is_nullable() })
}

fn plain(data_type: &DataType) -> Result<Type, UnknownType> {
    Ok(match data_type {
        DataType::Null => Type::Null,
        DataType::Boolean => Type::Boolean,
        DataType::Int8 => Type::Int(IntWidth::Tiny),
        DataType::Int16 => Type::Int(IntWidth::Small),
        DataType::Int32 => Type::Int(IntWidth::Normal),
        DataType::Int64 => Type::Int(IntWidth::Big),
        DataType::UInt8 => Type::UInt(IntWidth::Tiny),
        DataType::UInt16 => Type::UInt(IntWidth::Small),
        DataType::UInt32 => Type::UInt(IntWidth::Normal),
        DataType::UInt64 => Type::UInt(IntWidth::Big),
        DataType::Decimal128(digits, scale) if *scale >= 0 => Type::Decimal(*digits, *scale as u8),
        DataType::Float32 => Type::Real,
        DataType::Float64 => Type::Double,
        DataType::Utf8 => Type::Varchar(None),
        DataType::LargeBinary => Type::Varbinary(None),
        DataType::Date32 => Type::Date,
        DataType::Time64(TimeUnit::Nanosecond) => Type::Time,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Type::Timestamp,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Type::TimestampTz,
        DataType::Interval(IntervalUnit::YearMonth) => Type::Interval(IntervalUnits::YearToMonth),
        DataType::Duration(TimeUnit::Microsecond) => Type::Interval(IntervalUnits::DayToSecond),
        DataType::LargeList(item) if is_entry(item) => match item.data_type() {
            DataType::Struct(parts) if parts.len() == 2 => {
                Type::Map(Box::new(column_type(&parts[0])?.kind), Box::new(column_type(&parts[1])?.kind))
            }
            _ => return Err(UnknownType(data_type.to_string())),
        },
        DataType::LargeList(item) => Type::Array(Box::new(column_type(item)?.kind)),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) if parts.len() == 2 => {
                Type::Map(Box::new(column_type(&parts[0])?.kind), Box::new(column_type(&parts[1])?.kind))
            }
            _ => return Err(UnknownType(data_type.to_string())),
        },
        DataType::Struct(fields) => Type::Row(
            fields
                .iter()
                .map(|each| {
                    let is_case_sensitive = each.metadata().contains_key(QUOTED_KEY);
                    let name = Identifier { name: each.name().clone(), is_case_sensitive };
                    Ok(RowField { name, column_type: column_type(each)? })
                })
                .collect::<Result<_, UnknownType>>()?,
        ),
        _ => return Err(UnknownType(data_type.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every type, and those that say more than what they are in memory.
    const TYPES: [&str; 38] = [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "TINYINT UNSIGNED",
        "SMALLINT UNSIGNED",
        "INTEGER UNSIGNED",
        "BIGINT UNSIGNED",
        "DECIMAL(38, 0)",
        "DECIMAL(10, 4)",
        "DECIMAL(38, 38)",
        "REAL",
        "DOUBLE",
        "CHAR(3)",
        "VARCHAR",
        "VARCHAR(7)",
        "BINARY(2)",
        "VARBINARY",
        "VARBINARY(9)",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
        "UUID",
        "VARIANT",
        "INTERVAL YEAR",
        "INTERVAL YEAR TO MONTH",
        "INTERVAL DAY TO SECOND",
        "INTERVAL SECOND",
        "INTEGER ARRAY",
        "UUID ARRAY ARRAY",
        "MAP<VARCHAR, INTEGER>",
        "MAP<DATE, VARIANT ARRAY>",
        "ROW(a INTEGER, b VARCHAR NULL)",
        "ROW(\"B c\" CHAR(2) NULL, \"d\" ROW(e UUID))",
        "ROW(a MAP<BIGINT, ROW(x VARIANT NULL)>) ARRAY",
        "NULL",
    ];

    #[test]
    fn every_type_is_found_again_in_its_column() {
        for text in TYPES {
            for is_nullable in [false, true] {
                let column = ColumnType { kind: parse_type(text).unwrap(), is_nullable };
                assert_eq!(column_type(&field("c", &column)), Ok(column), "{text}");
            }
        }
    }

    #[test]
    fn metadata_of_another_kind_is_not_believed() {
        let uuid = field("c", &ColumnType { kind: Type::Uuid, is_nullable: true });
        let number = Field::new("c", DataType::Int32, true).with_metadata(uuid.metadata().clone());
        assert_eq!(column_type(&number).unwrap().kind, Type::Int(IntWidth::Normal));
    }

    #[test]
    fn kinds_without_a_type_are_refused() {
        for kind in [DataType::Float16, DataType::Utf8View, DataType::Decimal128(5, -2), DataType::Binary] {
            assert!(column_type(&Field::new("c", kind.clone(), true)).is_err(), "{kind}");
        }
    }
}
