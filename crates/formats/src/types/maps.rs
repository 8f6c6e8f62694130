//! Maps as others know them: those of Arrow instead of lists of entries.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;

use super::arrow_types::ENTRY;

/// The same kind of column with each map as one of Arrow: for planners and databases that know those.
#[must_use]
pub fn with_arrow_maps(kind: &DataType) -> DataType {
    let within = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(with_arrow_maps(field.data_type())))
    };
    match kind {
        DataType::LargeList(entry) if is_entry(entry) => {
            let entries = Field::new("entries", with_arrow_maps(entry.data_type()), false);
            DataType::Map(Arc::new(entries), false)
        }
        DataType::LargeList(item) => DataType::LargeList(within(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(within).collect()),
        other => other.clone(),
    }
}

/// Whether lists of such items are maps.
pub(super) fn is_entry(item: &Field) -> bool {
    item.name() == ENTRY
        && !item.is_nullable()
        && matches!(item.data_type(), DataType::Struct(parts) if parts.len() == 2)
}

/// The values of a column as one of another kind, where maps may become lists of entries and the other way round. All else is cast.
///
/// The entries of maps stay in their order.
///
/// # Errors
/// If there is no cast, or maps have too many entries for those of Arrow.
pub fn recast(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    let found = array.data_type();
    if found == wanted {
        return Ok(Arc::clone(array));
    }
    Ok(match (found, wanted) {
        (DataType::Map(..), DataType::LargeList(item)) => {
            let maps = array.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            list(item, maps.value_offsets(), maps.nulls(), &entries)?
        }
        (DataType::List(_), DataType::LargeList(item)) => {
            let lists = array.as_list::<i32>();
            list(item, lists.value_offsets(), lists.nulls(), lists.values())?
        }
        (DataType::LargeList(_), DataType::LargeList(item)) => {
            let lists = array.as_list::<i64>();
            list(item, lists.value_offsets(), lists.nulls(), lists.values())?
        }
        (DataType::LargeList(_), DataType::Map(entries, is_sorted)) => {
            let lists = array.as_list::<i64>();
            let offsets = lists.value_offsets().iter().map(|offset| {
                i32::try_from(*offset)
                    .map_err(|_| ArrowError::OffsetOverflowError(usize::try_from(*offset).unwrap_or(0)))
            });
            let offsets = OffsetBuffer::new(offsets.collect::<Result<Vec<_>, _>>()?.into());
            let values = recast(lists.values(), entries.data_type())?;
            let values = values.as_struct_opt().ok_or_else(|| unlike(found, wanted))?.clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, values, lists.nulls().cloned(), *is_sorted)?)
        }
        (DataType::Struct(from), DataType::Struct(fields)) if from.len() == fields.len() => row(array, fields)?,
        _ => arrow::compute::cast(array, wanted)?,
    })
}

fn list<O: Copy + Into<i64>>(
    item: &FieldRef,
    offsets: &[O],
    nulls: Option<&NullBuffer>,
    values: &ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::new(offsets.iter().map(|offset| (*offset).into()).collect());
    let values = recast(values, item.data_type())?;
    Ok(Arc::new(LargeListArray::try_new(Arc::clone(item), offsets, values, nulls.cloned())?))
}

fn row(array: &ArrayRef, fields: &Fields) -> Result<ArrayRef, ArrowError> {
    let parts = array.as_struct();
    let columns = fields.iter().zip(parts.columns()).map(|(field, column)| recast(column, field.data_type()));
    let columns = columns.collect::<Result<_, _>>()?;
    Ok(Arc::new(StructArray::try_new(fields.clone(), columns, parts.nulls().cloned())?))
}

fn unlike(found: &DataType, wanted: &DataType) -> ArrowError {
    ArrowError::CastError(format!("{found} is no {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{data_type, parse_type};
    use crate::{FormatConfig, InputTable};
    use alluvium_sql::types::{ColumnType, Field as Column, Identifier};

    #[test]
    fn maps_become_those_of_arrow_and_again_lists_of_entries() {
        for (kind, value) in [
            ("MAP<VARCHAR, INTEGER>", r#"{"b":1,"a":null}"#),
            ("MAP<VARCHAR, MAP<INTEGER, VARCHAR>>", r#"{"x":{"7":"s","-1":null},"y":{},"z":null}"#),
            ("MAP<BIGINT, DOUBLE> ARRAY", r#"[{"2":0.5},null,{}]"#),
            ("ROW(a MAP<DATE, VARIANT> NULL, b INTEGER ARRAY NULL)", r#"{"a":{"2020-01-02":{"k":[1]}},"b":[1,null]}"#),
            ("INTEGER ARRAY", "[1,null]"),
        ] {
            let Ok(kind) = parse_type(kind) else { panic!("{kind}") };
            let columns = vec![Column {
                name: Identifier::folded("c"),
                column_type: ColumnType { kind: kind.clone(), is_nullable: true },
            }];
            let table = crate::Table { name: "t".into(), columns, key: vec![] };
            let json = FormatConfig::from_query([("format", "json"), ("update_format", "raw")]).unwrap();
            let mut parser = json.parser(Arc::new(InputTable::new(table).unwrap())).unwrap();
            let parsed = parser.parse(format!("{{\"c\":{value}}} {{\"c\":null}} {{\"c\":{value}}}").as_bytes());
            assert_eq!((parsed.records, parsed.errors.kept().len()), (3, 0), "{kind}: {:?}", parsed.errors.kept());
            let own = parsed.changes[0].batch.column(0).slice(1, 2);
            let shared = with_arrow_maps(&data_type(&kind));
            assert_eq!(format!("{shared}").contains("Map"), format!("{kind}").contains("MAP"), "{shared}");
            let there = recast(&own, &shared).unwrap();
            assert_eq!(*there.data_type(), shared);
            let back = recast(&there, own.data_type()).unwrap();
            assert_eq!(&back, &own, "{kind}");
        }
    }
}
