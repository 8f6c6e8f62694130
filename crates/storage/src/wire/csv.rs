//! Rows of a preview as CSV, by the rules of exports: header, comma, LF, quotes where needed, NULL empty, the empty text `""`.

use serde_json::Value;

use super::Preview;

/// The header and the rows.
pub(crate) fn rows_as_csv(preview: &Preview) -> String {
    let mut out = String::new();
    let names: Vec<&str> = preview.columns.iter().map(|column| column.name.as_str()).collect();
    record(&mut out, names.iter().map(|name| text(name)));
    for row in &preview.rows {
        // The rows are our own JSON objects; the columns are their names.
        let values: Value = serde_json::from_str(row.get()).unwrap_or_default();
        record(&mut out, names.iter().map(|name| field(values.get(name))));
    }
    out
}

fn record(out: &mut String, fields: impl Iterator<Item = String>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&field);
    }
    out.push('\n');
}

fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(value)) => text(value),
        Some(other) => text(&other.to_string()),
    }
}

fn text(value: &str) -> String {
    if value.is_empty() || value.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PreviewColumn;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let column = |name: &str| PreviewColumn {
            name: name.into(),
            r#type: "VARCHAR".into(),
            base_type: "STRING",
            nullable: true,
            ordinal_position: 1,
        };
        let row = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
        let preview = Preview {
            columns: vec![column("a"), column("b,c")],
            rows: vec![row(r#"{"a":9223372036854775807,"b,c":"x\"y"}"#), row(r#"{"a":null,"b,c":""}"#)],
            total_row_count: 2,
            preview_row_count: 2,
        };
        assert_eq!(rows_as_csv(&preview), "a,\"b,c\"\n9223372036854775807,\"x\"\"y\"\n,\"\"\n");
    }
}
