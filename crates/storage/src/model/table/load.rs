//! Loading a stored file: what can be said without opening it.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{CsvOptions, LoadRequested, LoadTable, TableEvent};
use crate::model::limits::{IGNORED_LINES_MAX, LOAD_BYTES_MAX, LOAD_FILES_MAX};
use crate::model::problem;
use crate::model::table::Table;

/// Formats a load reads.
pub const FORMATS: [&str; 2] = ["csv", "parquet"];
/// What a load may do about keys that are there already.
pub const DEDUP_MODES: [&str; 3] = ["update_duplicates", "insert_duplicates", "fail_on_duplicates"];
/// The longest delimiter, in bytes.
const DELIMITER_BYTES_MAX: usize = 4;
/// What a load may do with columns that the table has not.
pub const EXTRA_COLUMNS: [&str; 3] = ["error", "ignore", "add"];
/// The longest text that stands for NULL, in bytes.
const NULL_STRING_BYTES_MAX: usize = 256;
/// How many further texts may stand for NULL.
const NULL_STRINGS_MAX: usize = 100;

impl Decide<Table> for LoadTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        Ok(vec![self.requested(state, at)?.into()])
    }
}

impl LoadTable {
    /// The request that the fold is asked with.
    pub(super) fn requested(self, state: &Table, at: &DecisionContext) -> Result<LoadRequested, Problem> {
        state.ready_to_queue()?;
        self.check(state)?;
        let columns = self.columns.as_deref().map(|names| chosen_columns(names, state)).transpose()?;
        self.check_files()?;
        let Self { blob, size_bytes, format, csv, incremental, dedup_mode, extra_columns, delete_missing, .. } = self;
        let more = self.more;
        let request = at.command_id.clone();
        Ok(LoadRequested {
            request,
            blob,
            size_bytes,
            format,
            csv,
            incremental,
            dedup_mode,
            columns,
            extra_columns,
            delete_missing,
            more,
            fills: false,
            rebased_on: None,
            unchanged_since: None,
        })
    }

    fn check_files(&self) -> Result<(), Problem> {
        let files =
            || std::iter::once((&self.blob, self.size_bytes)).chain(self.more.iter().map(|f| (&f.blob, f.size_bytes)));
        if files().any(|(blob, bytes)| !is_sha256(blob) || bytes < 0) {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored file, with its size."));
        }
        if files().count() > LOAD_FILES_MAX {
            return Err(problem::invalid_request(format!("A load takes at most {LOAD_FILES_MAX} files.")));
        }
        if files().fold(0, |sum: i64, (_, bytes)| sum.saturating_add(bytes)) > LOAD_BYTES_MAX {
            return Err(problem::invalid_request(format!("The files of a load have at most {LOAD_BYTES_MAX} bytes.")));
        }
        Ok(())
    }

    /// Whether its options go together, and with the table.
    pub(crate) fn check(&self, state: &Table) -> Result<(), Problem> {
        if !FORMATS.contains(&self.format.as_str()) {
            return Err(problem::invalid_format(&self.format));
        }
        self.csv.as_ref().map_or(Ok(()), check_csv)?;
        if !DEDUP_MODES.contains(&self.dedup_mode.as_str()) {
            let detail = format!("`dedup_mode` is one of {}, not {:?}.", DEDUP_MODES.join(", "), self.dedup_mode);
            return Err(problem::invalid("invalid_dedup_mode", detail));
        }
        self.check_merge(state)?;
        self.check_extra_columns()
    }

    fn check_merge(&self, state: &Table) -> Result<(), Problem> {
        if self.delete_missing && state.primary_key.is_empty() {
            let detail =
                "`delete_missing` needs a primary key: without one nobody can tell which rows the file has not.";
            return Err(problem::invalid_request(detail));
        }
        if self.delete_missing && self.dedup_mode != DEDUP_MODES[0] {
            let detail = "`delete_missing` updates rows that are there, so `dedup_mode` is update_duplicates.";
            return Err(problem::invalid_request(detail));
        }
        Ok(())
    }

    fn check_extra_columns(&self) -> Result<(), Problem> {
        if !EXTRA_COLUMNS.contains(&self.extra_columns.as_str()) {
            let detail =
                format!("`extra_columns` is one of {}, not {:?}.", EXTRA_COLUMNS.join(", "), self.extra_columns);
            return Err(problem::invalid_request(detail));
        }
        let adds = self.extra_columns == "add";
        if adds && self.columns.is_some() {
            let detail = "`columns` says which columns are loaded; `extra_columns` adds others: give one of the two.";
            return Err(problem::invalid_request(detail));
        }
        if adds && self.format == "csv" && self.csv.as_ref().is_some_and(|csv| !csv.header) {
            return Err(problem::invalid_request(
                "Columns are added by the names in a header, which this file has not.",
            ));
        }
        let of_csv = |csv: &CsvOptions| csv.ignored_lines_count != 0 || !csv.null_strings.is_empty();
        if self.format == "parquet" && self.csv.as_ref().is_some_and(of_csv) {
            let detail = "`ignored_lines_count` and `treat_values_as_null` are for CSV; Parquet has neither lines nor texts for NULL.";
            return Err(problem::invalid_request(detail));
        }
        Ok(())
    }
}

fn chosen_columns(names: &[String], state: &Table) -> Result<Vec<String>, Problem> {
    let mut chosen: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let column = state.column(name).ok_or_else(|| problem::column_not_found(400, name))?;
        if chosen.contains(&column.name) {
            return Err(problem::invalid("duplicate_column", format!("`columns` names {} twice.", column.name)));
        }
        chosen.push(column.name.clone());
    }
    if chosen.is_empty() {
        return Err(problem::invalid_request("`columns`, when given, names at least one column."));
    }
    Ok(chosen)
}

fn check_csv(csv: &CsvOptions) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(problem::invalid("invalid_csv_options", detail));
    let delimiter = if csv.delimiter == "\\t" { "\t" } else { &csv.delimiter };
    if delimiter.is_empty() || delimiter.len() > DELIMITER_BYTES_MAX || delimiter.contains(['\n', '\r', '\0']) {
        return refuse("`delimiter` takes 1 to 4 bytes, no line end; the two characters \\t mean tab.");
    }
    let one_byte = |text: &str| text.is_empty() || (text.len() == 1 && !text.contains(['\n', '\r', '\0']));
    if !one_byte(&csv.quote) || !one_byte(&csv.escape) {
        return refuse("`quote` and `escape` are one byte or empty, no line end.");
    }
    if !csv.quote.is_empty() && delimiter.contains(&csv.quote) {
        return refuse("`delimiter` and `quote` must differ.");
    }
    if csv.null_string.len() > NULL_STRING_BYTES_MAX || csv.null_string.contains('\0') {
        return refuse("`null_string` takes at most 256 bytes, no NUL.");
    }
    if csv.null_strings.len() > NULL_STRINGS_MAX {
        return refuse("`treat_values_as_null` takes at most 100 texts.");
    }
    let long = |text: &String| text.len() > NULL_STRING_BYTES_MAX;
    let cut = |text: &String| text.contains(delimiter) || (!csv.quote.is_empty() && text.contains(&csv.quote));
    if csv.null_strings.iter().any(|text| long(text) || cut(text) || text.contains(['\n', '\r', '\0'])) {
        return refuse(
            "`treat_values_as_null` takes texts of at most 256 bytes without delimiter, quote, line end or NUL.",
        );
    }
    if !(0..=IGNORED_LINES_MAX).contains(&csv.ignored_lines_count) {
        return refuse("`ignored_lines_count` is 0 to 1000000.");
    }
    Ok(())
}

/// Whether the text can name a blob.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Evolve<Table> for LoadRequested {
    fn evolve(self, state: &mut Table) {
        // Until it is known whether there is a table at all, nothing else about it is either.
        if self.extra_columns == "add" || self.fills {
            state.adding.insert(self.request.clone());
        }
        if self.fills {
            state.filling = Some(self.request.clone());
        }
        if let Some(seq) = self.rebased_on {
            state.rebasing.insert(self.request.clone(), seq);
        }
        state.open.insert(self.request);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, opened};
    use super::*;
    use crate::contract::{ColumnAddRequested, CsvOptions, LoadPart};
    use crate::model::limits::OPEN_REQUESTS_PER_TABLE_MAX;
    use crate::model::spec::{given, refused};

    fn load() -> LoadTable {
        LoadTable {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            blob: "0a".repeat(32),
            size_bytes: 10,
            format: "csv".into(),
            csv: None,
            incremental: true,
            dedup_mode: "update_duplicates".into(),
            columns: Some(vec!["ID".into()]),
            extra_columns: "error".into(),
            delete_missing: false,
            more: Vec::new(),
        }
    }

    fn requested(request: &str) -> LoadRequested {
        LoadRequested {
            request: request.into(),
            blob: "0a".repeat(32),
            size_bytes: 10,
            format: "csv".into(),
            csv: None,
            incremental: true,
            dedup_mode: "update_duplicates".into(),
            columns: Some(vec!["id".into()]),
            extra_columns: "error".into(),
            delete_missing: false,
            more: Vec::new(),
            fills: false,
            rebased_on: None,
            unchanged_since: None,
        }
    }

    fn csv(delimiter: &str, quote: &str, escape: &str) -> CsvOptions {
        CsvOptions {
            delimiter: delimiter.into(),
            quote: quote.into(),
            escape: escape.into(),
            header: true,
            null_string: String::new(),
            allow_quoted_nulls: true,
            ignored_lines_count: 0,
            null_strings: Vec::new(),
        }
    }

    #[test]
    fn loads_queue_behind_each_other() {
        given::<Table>(vec![opened()]).when(load().into()).then_expect_events(vec![requested("cmd").into()]);
        given::<Table>(vec![opened(), requested("r").into()])
            .when(load().into())
            .then_expect_events(vec![requested("cmd").into()]);
        for good in [csv("\\t", "", ""), csv("||", "'", "'"), csv(";", "\"", "\\")] {
            let command = LoadTable { csv: Some(good), ..load() };
            assert!(given::<Table>(vec![opened()]).when(command.into()).inspect_result().is_ok());
        }
    }

    #[test]
    fn loads_wait_for_a_change_of_columns_and_for_room() {
        let change = ColumnAddRequested { request: "r".into(), column: column("x", "DATE") }.into();
        let result = given::<Table>(vec![opened(), change]).when(load().into()).inspect_result();
        refused(result, 503, "storage.table_busy");
        let full = (0..OPEN_REQUESTS_PER_TABLE_MAX).map(|n| requested(&n.to_string()).into());
        let before = std::iter::once(opened()).chain(full).collect();
        refused(given::<Table>(before).when(load().into()).inspect_result(), 503, "storage.table_busy");
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let when = |command: LoadTable| given::<Table>(vec![opened()]).when(command.into()).inspect_result();
        let plain = || LoadTable { columns: None, ..load() };
        let wrong = [
            LoadTable { extra_columns: "drop".into(), ..plain() },
            LoadTable { extra_columns: "add".into(), ..load() },
            LoadTable {
                extra_columns: "add".into(),
                csv: Some(CsvOptions { header: false, ..csv(",", "", "") }),
                ..plain()
            },
            LoadTable { delete_missing: true, dedup_mode: "fail_on_duplicates".into(), ..plain() },
            LoadTable {
                format: "parquet".into(),
                csv: Some(CsvOptions { null_strings: vec!["-".into()], ..csv(",", "", "") }),
                ..plain()
            },
        ];
        for command in wrong {
            refused(when(command), 400, "storage.invalid_request");
        }
        let no_key = crate::contract::PrimaryKeyDropped { columns: vec!["id".into()] };
        let keyless = given::<Table>(vec![opened(), no_key.into()]);
        let merge = LoadTable { delete_missing: true, ..plain() };
        refused(keyless.when(merge.clone().into()).inspect_result(), 400, "storage.invalid_request");
        assert!(when(merge).is_ok() && when(LoadTable { extra_columns: "add".into(), ..plain() }).is_ok());
        for bad in [
            CsvOptions { null_strings: vec!["a,b".into()], ..csv(",", "\"", "") },
            CsvOptions { null_strings: vec![String::new(); 101], ..csv(",", "\"", "") },
            CsvOptions { ignored_lines_count: -1, ..csv(",", "\"", "") },
        ] {
            refused(when(LoadTable { csv: Some(bad), ..plain() }), 400, "storage.invalid_csv_options");
        }
    }

    #[test]
    fn a_load_that_makes_no_sense_is_refused() {
        let when = |command: LoadTable| given::<Table>(vec![opened()]).when(command.into()).inspect_result();
        refused(when(LoadTable { format: "xls".into(), ..load() }), 400, "storage.invalid_format");
        for bad in
            [csv("", "\"", ""), csv("12345", "\"", ""), csv(",", "ab", ""), csv("\"", "\"", ""), csv("\n", "", "")]
        {
            refused(when(LoadTable { csv: Some(bad), ..load() }), 400, "storage.invalid_csv_options");
        }
        refused(when(LoadTable { dedup_mode: "x".into(), ..load() }), 400, "storage.invalid_dedup_mode");
        refused(when(LoadTable { columns: Some(vec!["x".into()]), ..load() }), 400, "storage.column_not_found");
        refused(when(LoadTable { blob: "../x".into(), ..load() }), 400, "storage.invalid_request");
        let part = |blob: &str, size_bytes| LoadPart { blob: blob.into(), size_bytes };
        let blob = "0b".repeat(32);
        for more in [
            vec![part("../x", 1)],
            vec![part(&blob, -1)],
            vec![part(&blob, LOAD_BYTES_MAX)],
            vec![part(&blob, 1); LOAD_FILES_MAX],
        ] {
            refused(when(LoadTable { more, ..load() }), 400, "storage.invalid_request");
        }
        let most = vec![part(&blob, 1); LOAD_FILES_MAX - 1];
        assert!(when(LoadTable { more: most, ..load() }).is_ok());
    }
}
