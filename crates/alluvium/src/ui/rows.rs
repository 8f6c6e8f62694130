//! Records as table, JSON, NDJSON or CSV.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::safe;

/// The longest cell of a table, in characters; other formats never cut.
const CELL_CHARS_MAX: usize = 120;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
}

/// Renders records. In tables and CSV, columns not named follow in the order they first appear.
pub fn render(format: Format, columns: &[&str], rows: &[Value]) -> String {
    match format {
        Format::Json => pretty(&Value::Array(rows.to_vec())),
        Format::Ndjson => rows.iter().map(|row| format!("{row}\n")).collect(),
        Format::Table => table(&all_columns(columns, rows), rows),
        Format::Csv => csv_text(&all_columns(columns, rows), rows),
    }
}

/// Renders one record.
pub fn render_record(format: Format, record: &Value) -> String {
    match (format, record) {
        (Format::Json, _) => pretty(record),
        (Format::Ndjson, _) => format!("{record}\n"),
        (Format::Csv, _) => render(format, &[], std::slice::from_ref(record)),
        (Format::Table, Value::Object(fields)) => {
            let width = fields.keys().map(String::len).max().unwrap_or(0);
            fields.iter().map(|(name, value)| format!("{name:width$}  {}\n", safe(&cell(Some(value))))).collect()
        }
        (Format::Table, other) => cell(Some(other)),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

fn all_columns(first: &[&str], rows: &[Value]) -> Vec<String> {
    let mut columns: Vec<String> = first.iter().map(|&name| name.to_owned()).collect();
    for name in rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn table(columns: &[String], rows: &[Value]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(columns.iter().map(|name| shortened(&safe(&cell(row.get(name))))));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= CELL_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
}

fn csv_text(columns: &[String], rows: &[Value]) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    // Writing into memory cannot fail, and every record has as many fields as the header.
    let _ = out.write_record(columns);
    for row in rows {
        let _ = out.write_record(columns.iter().map(|name| cell(row.get(name))));
    }
    out.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// One record as a line of CSV.
pub fn csv_line(fields: &[&str]) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let _ = out.write_record(fields);
    out.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Value> {
        vec![json!({"name": "a,b", "count": 2}), json!({"name": "x\u{1b}[2J", "other": null})]
    }

    #[test]
    fn each_format_holds_the_same_records() {
        assert_eq!(render(Format::Csv, &["name"], &rows()), "name,count,other\n\"a,b\",2,\nx\u{1b}[2J,,\n");
        assert_eq!(render(Format::Ndjson, &[], &rows()).lines().count(), 2);
        let json: Vec<Value> = serde_json::from_str(&render(Format::Json, &[], &rows())).unwrap();
        assert_eq!(json, rows());
    }

    #[test]
    fn tables_cannot_move_the_cursor() {
        let text = render(Format::Table, &["name"], &rows());
        assert!(text.contains("NAME") && !text.contains('\u{1b}'), "{text}");
    }
}
