//! What is asked of a table's changes.

use alluvium_kernel::Problem;
use alluvium_tablestore::ChangesFormat;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use utoipa::IntoParams;

use super::Query;

/// Objects, one a line.
pub(crate) const JSON_LINES: &str = "application/x-ndjson";
/// Arrow's streams.
pub(crate) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// Which changes, as documented.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what `ChangesWanted` reads")]
pub struct ChangesQuery {
    /// What the table was at first: a version as `…/versions` lists them, or any other point that `as_of` takes.
    from_version: String,
    /// What it was in the end; what it is now, when left out.
    to_version: Option<String>,
    /// `json` for lines of JSON, or `arrow`; when left out, what `Accept` asks for, else `json`.
    #[param(pattern = "^(json|arrow)$")]
    format: Option<String>,
}

/// Which changes, and how they are to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChangesWanted {
    pub from: String,
    pub to: String,
    pub format: ChangesFormat,
}

impl ChangesWanted {
    pub fn of(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut query = Query::of(query);
        let accepted = if accepts_arrow(headers) { "arrow" } else { "json" };
        let format = match query.choice("format", &["json", "arrow"], accepted) {
            "arrow" => ChangesFormat::Arrow,
            _ => ChangesFormat::JsonLines,
        };
        let from = query.required("from_version");
        let to = query.text("to_version").unwrap_or("now").to_owned();
        query.finish()?;
        Ok(Self { from, to, format })
    }
}

fn accepts_arrow(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.split(',').any(|part| part.split(';').next().unwrap_or_default().trim() == ARROW_STREAM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str, accept: Option<&'static str>) -> Result<ChangesWanted, Problem> {
        let headers = accept.map(|value| (ACCEPT, value.parse().unwrap())).into_iter().collect();
        ChangesWanted::of(Some(query), &headers)
    }

    #[test]
    fn the_format_is_that_of_the_query_then_that_of_the_header() {
        let format = |query: &str, accept| wanted(query, accept).unwrap().format;
        let arrow = Some("text/html, application/vnd.apache.arrow.stream;q=0.9");
        assert_eq!(format("from_version=1", None), ChangesFormat::JsonLines);
        assert_eq!(format("from_version=1", Some("*/*")), ChangesFormat::JsonLines);
        assert_eq!(format("from_version=1", arrow), ChangesFormat::Arrow);
        assert_eq!(format("fromVersion=1&format=json", arrow), ChangesFormat::JsonLines);
        assert_eq!(format("from_version=1&format=arrow", None), ChangesFormat::Arrow);
    }

    #[test]
    fn a_range_has_a_beginning_and_ends_now() {
        let found = wanted("from_version=STORAGE:4", None).unwrap();
        assert_eq!((found.from.as_str(), found.to.as_str()), ("STORAGE:4", "now"));
        for wrong in ["", "to_version=3", "from_version=1&format=csv"] {
            assert_eq!(wanted(wrong, None).unwrap_err().code, "http.invalid_query", "{wrong}");
        }
    }
}
