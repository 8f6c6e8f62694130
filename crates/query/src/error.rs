//! What can go wrong with a query, as users are told.

use datafusion::error::DataFusionError;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// The text of the query is wrong, asks for what is not offered, or fails on the rows.
    Rejected,
    /// It took more memory, rows or time than it may.
    TooLarge,
    /// As many queries as may run at once are running.
    Busy,
    /// Rows could not be read or handed over, or there is a mistake of ours.
    Internal,
}

/// A query that ended without its result.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct QueryError {
    /// Whose fault it is.
    pub kind: QueryErrorKind,
    /// What is wrong, in words.
    pub message: String,
}

impl QueryError {
    pub(crate) fn new(kind: QueryErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Rejected, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::TooLarge, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Internal, message)
    }

    /// The code that clients look at.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.kind {
            QueryErrorKind::Rejected | QueryErrorKind::TooLarge => "AdHocQueryError",
            QueryErrorKind::Busy => "ApiConnectionLimit",
            QueryErrorKind::Internal => "InternalError",
        }
    }

    /// The HTTP status, while there is still an answer to give it to.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.kind {
            QueryErrorKind::Rejected | QueryErrorKind::TooLarge => 400,
            QueryErrorKind::Busy => 429,
            QueryErrorKind::Internal => 500,
        }
    }

    /// `{"error": …}`: the last line of JSON that breaks off, and the last frame of a WebSocket.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "error": self.message }).to_string()
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let kind = match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => QueryErrorKind::TooLarge,
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(own) => return own.clone(),
                None => QueryErrorKind::Internal,
            },
            _ => QueryErrorKind::Rejected,
        };
        let message = error.strip_backtrace();
        // Whose program it is that went wrong, and where to tell, helps nobody here.
        Self::new(kind, message.split("\nThis issue was likely caused").next().unwrap_or_default())
    }
}

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}

impl From<QueryError> for DataFusionError {
    fn from(error: QueryError) -> Self {
        Self::External(Box::new(error))
    }
}
