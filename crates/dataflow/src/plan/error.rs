//! What is wrong with a query, and where.

use datafusion_common::{DataFusionError, SchemaError};

/// A range of a text: lines and columns from 1, both ends included. What is nowhere is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The first line.
    pub start_line: u64,
    /// The first column.
    pub start_column: u64,
    /// The last line.
    pub end_line: u64,
    /// The last column.
    pub end_column: u64,
}

impl Place {
    /// Whether it is somewhere.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.start_line > 0
    }
}

/// What kind of a mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanErrorKind {
    /// The query is wrong.
    Wrong,
    /// The query may be right, but asks for what is not there yet.
    NotYet,
    /// The query is larger or deeper than is taken.
    TooLarge,
    /// A mistake of ours.
    Internal,
}

/// Why a query cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanError {
    /// What kind of a mistake it is.
    pub kind: PlanErrorKind,
    /// What is wrong, without the place.
    pub message: String,
    /// Where it is wrong.
    pub place: Place,
    /// The unqualified name of a column that was not found.
    pub(crate) missing: Option<String>,
}

impl PlanError {
    pub(crate) fn new(kind: PlanErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: Place::default(), missing: None }
    }

    pub(crate) fn wrong(message: impl Into<String>) -> Self {
        Self::new(PlanErrorKind::Wrong, message)
    }

    pub(crate) fn not_yet(message: impl Into<String>) -> Self {
        Self::new(PlanErrorKind::NotYet, message)
    }
}

/// The place of a span of the parser.
pub(crate) fn place_of(span: sqlparser::tokenizer::Span) -> Place {
    Place {
        start_line: span.start.line,
        start_column: span.start.column,
        end_line: span.end.line,
        // The parser's ends lie behind the last character.
        end_column: span.end.column.saturating_sub(1).max(u64::from(span.end.line > 0)),
    }
}

impl From<DataFusionError> for PlanError {
    fn from(error: DataFusionError) -> Self {
        let place =
            error.diagnostic().and_then(|diagnostic| diagnostic.span).map_or_else(Place::default, |span| Place {
                start_line: span.start.line,
                start_column: span.start.column,
                end_line: span.end.line,
                end_column: span.end.column.saturating_sub(1).max(1),
            });
        let (kind, message) = told(&error);
        let missing = match error.find_root() {
            DataFusionError::SchemaError(missing, _) => match missing.as_ref() {
                SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => Some(field.name.clone()),
                _ => None,
            },
            _ => None,
        };
        Self { kind, message, place, missing }
    }
}

/// The message of the innermost error, in our words where it has a form.
fn told(error: &DataFusionError) -> (PlanErrorKind, String) {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => told(inner),
        DataFusionError::Shared(inner) => told(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => told(first),
            None => (PlanErrorKind::Internal, "a query failed without a reason".to_owned()),
        },
        DataFusionError::SchemaError(error, _) => (PlanErrorKind::Wrong, schema_message(error)),
        DataFusionError::NotImplemented(message) => (PlanErrorKind::NotYet, first_line(message)),
        DataFusionError::Internal(message) => (PlanErrorKind::Internal, first_line(message)),
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => {
            (PlanErrorKind::Wrong, first_line(message))
        }
        other => (PlanErrorKind::Wrong, first_line(&other.strip_backtrace())),
    }
}

fn first_line(message: &str) -> String {
    if message.starts_with("Column in SELECT must be in GROUP BY")
        && let Some(name) = message.split('"').nth(1)
    {
        let name = name.rsplit('.').next().unwrap_or(name);
        return format!("Expression '{name}' is not being grouped");
    }
    message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn schema_message(error: &SchemaError) -> String {
    match error {
        SchemaError::FieldNotFound { field, .. } => match &field.relation {
            Some(relation) => format!("Column '{}' not found in table '{}'", field.name, relation.table()),
            None => format!("Column '{}' not found in any table", field.name),
        },
        SchemaError::AmbiguousReference { field } => format!("Column '{}' is ambiguous", field.name),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            format!("Column '{name}' is there twice")
        }
    }
}
