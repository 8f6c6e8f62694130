//! The seven types that Keboola's typed tables know, and what they are here.

use alluvium_tablestore::ColumnType;
use serde_json::Value;

use super::Shape;

/// Digits of a `NUMERIC`, and how many of them stand behind the point: as many before it as there can be.
const NUMERIC: (u8, u8) = (38, 9);

/// A base type and the column type that it asks for.
const NATIVE: [(&str, ColumnType); 7] = [
    ("STRING", ColumnType::Varchar),
    ("INTEGER", ColumnType::BigInt),
    ("NUMERIC", ColumnType::Decimal { width: NUMERIC.0, scale: NUMERIC.1 }),
    ("FLOAT", ColumnType::Double),
    ("BOOLEAN", ColumnType::Boolean),
    ("DATE", ColumnType::Date),
    ("TIMESTAMP", ColumnType::Timestamp),
];

/// The base type of a column, by its type as text.
pub(super) fn of_text(column_type: &str) -> &'static str {
    column_type.parse().map_or("STRING", |known| of(&known))
}

/// The base type of a column; whatever has none of its own is text to whoever knows no more.
pub(super) fn of(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Boolean => "BOOLEAN",
        ColumnType::Float | ColumnType::Double => "FLOAT",
        ColumnType::Decimal { .. } => "NUMERIC",
        ColumnType::Date => "DATE",
        ColumnType::Timestamp
        | ColumnType::TimestampS
        | ColumnType::TimestampMs
        | ColumnType::TimestampNs
        | ColumnType::TimestampTz => "TIMESTAMP",
        whole if whole.is_integer() => "INTEGER",
        _ => "STRING",
    }
}

/// The type that a column is asked to have, by `type`, `base_type` or both; none when neither is there.
pub(super) fn asked(shape: &Shape<'_>) -> Option<String> {
    let known = "Input should be 'STRING', 'INTEGER', 'NUMERIC', 'FLOAT', 'BOOLEAN', 'DATE' or 'TIMESTAMP'";
    let base = shape.opt_read("base_type", "literal_error", known, native);
    let (base, base_type) = base.unzip();
    let column_type = shape.opt_string("type");
    if let (Some(base), Some(text)) = (base, &column_type)
        // What is no type at all is refused for that.
        && text.parse::<ColumnType>().is_ok_and(|known| of(&known) != base)
    {
        let disagree = format!("Value error, `type` is {text}, which is no {base}");
        shape.opt_read("base_type", "value_error", &disagree, |_| None::<()>);
    }
    column_type.or(base_type.map(|native| native.to_string()))
}

fn native(value: &Value) -> Option<(&'static str, ColumnType)> {
    let text = value.as_str()?;
    NATIVE.iter().find(|(base, _)| base.eq_ignore_ascii_case(text)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::read;

    #[test]
    fn every_type_has_a_base_and_every_base_a_type() {
        for (base, native) in &NATIVE {
            assert_eq!(of(native), *base);
        }
        let others = [
            ("UTINYINT", "INTEGER"),
            ("HUGEINT", "INTEGER"),
            ("REAL", "FLOAT"),
            ("DECIMAL(4,1)", "NUMERIC"),
            ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
            ("TIME", "STRING"),
            ("INTEGER[]", "STRING"),
            ("JSON", "STRING"),
        ];
        for (text, base) in others {
            assert_eq!(of_text(text), base, "{text}");
        }
    }

    #[test]
    fn a_type_is_said_one_way_or_both_ways_alike() {
        let asked = |body: &str| read(body.as_bytes(), asked);
        assert_eq!(asked("{}").unwrap(), None);
        assert_eq!(asked(r#"{"baseType": "numeric"}"#).unwrap().as_deref(), Some("DECIMAL(38,9)"));
        let both = r#"{"base_type": "NUMERIC", "type": "DECIMAL(10,2)"}"#;
        assert_eq!(asked(both).unwrap().as_deref(), Some("DECIMAL(10,2)"), "the type says more");
        assert_eq!(asked(r#"{"base_type": "DATE", "type": "NOPE"}"#).unwrap().as_deref(), Some("NOPE"));
        for (wrong, kind) in [
            (r#"{"base_type": "DATE", "type": "INTEGER"}"#, "value_error"),
            (r#"{"base_type": "MONEY"}"#, "literal_error"),
            (r#"{"base_type": 1}"#, "literal_error"),
        ] {
            let details = asked(wrong).unwrap_err().details.unwrap();
            assert_eq!(details["detail"][0]["type"], kind, "{wrong}");
        }
    }
}
