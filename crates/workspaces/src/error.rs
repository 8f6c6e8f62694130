//! What can go wrong in a workspace.

use alluvium_tablestore::sql::SqlError;
use serde::{Deserialize, Serialize};

/// Why something was not done. Also what the process that tried says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "error")]
pub enum Error {
    /// It would become larger than it may.
    #[error("the workspace would take more than its limit of {limit_bytes} bytes")]
    SizeExceeded {
        /// What it may take.
        limit_bytes: u64,
    },
    /// The engine refused, for a reason that the user can do something about.
    #[error("{message}")]
    Refused {
        /// The engine's words.
        message: String,
    },
    /// What is wanted of an object does not fit its columns.
    #[error("{message}")]
    Unfit {
        /// What it breaks.
        rule: Rule,
        /// What is wrong, with the name or the value.
        message: String,
    },
    /// The disk is full; nothing was done.
    #[error("the disk is full")]
    DiskFull,
    /// The file cannot be opened: clearing the workspace begins a new one.
    #[error("the workspace's file cannot be opened; clear the workspace")]
    Broken {
        /// What the engine said; for logs only.
        reason: String,
    },
    /// The answer is larger than the caller takes.
    #[error("the result is larger than {limit}")]
    TooLarge {
        /// The limit, in words.
        limit: String,
    },
    /// It took too long and was ended.
    #[error("it took longer than {limit_ms} ms")]
    TimedOut {
        /// The limit that was hit.
        limit_ms: u64,
    },
    /// The process did not start, or ended without an answer.
    #[error("the engine of the workspace does not answer")]
    Unavailable {
        /// What is known of it; for logs only.
        reason: String,
    },
}

/// What is asked of columns and conditions, as of those of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// There is a column of the name.
    ColumnNotFound,
    /// A filter has values that go with its operator.
    InvalidWhereFilter,
    /// The condition that the filters make can be computed.
    InvalidWhereClause,
}

impl From<SqlError> for Error {
    fn from(SqlError { code, message, .. }: SqlError) -> Self {
        let rule = match code {
            "column_not_found" => Rule::ColumnNotFound,
            "invalid_where_filter" => Rule::InvalidWhereFilter,
            _ => Rule::InvalidWhereClause,
        };
        Self::Unfit { rule, message }
    }
}

/// How the engine begins what it says of files, with paths of ours.
const FILE_FAULTS: [&str; 2] = ["IO Error", "Permission Error"];

impl Error {
    /// With the limit that was met, where the engine only says that there was one.
    pub(crate) fn limited(self, limit_bytes: Option<u64>) -> Self {
        match (self, limit_bytes) {
            (Self::SizeExceeded { limit_bytes: 0 }, Some(limit_bytes)) => Self::SizeExceeded { limit_bytes },
            (error, _) => error,
        }
    }

    pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    pub(crate) fn io(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::DiskFull } else { Self::unavailable(error) }
    }

    /// What the engine says, sorted by who can do something about it.
    pub(crate) fn engine(error: &duckdb::Error) -> Self {
        let text = match error {
            duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
            other => other.to_string(),
        };
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            return Self::DiskFull;
        }
        if text.contains("File too large") {
            return Self::SizeExceeded { limit_bytes: 0 };
        }
        if text.starts_with("Out of Memory Error") {
            return Self::Refused { message: "this needs more memory than a workspace may use".to_owned() };
        }
        // What an object of the user's stands in the way of, in the engine's words: they name that user's own objects only.
        if ["Dependency Error", "Catalog Error", "Constraint Error"].iter().any(|kind| text.starts_with(kind)) {
            let message = text.lines().next().unwrap_or_default().to_owned();
            return Self::Refused { message };
        }
        Self::unavailable(text)
    }

    /// What the engine says of a statement of the user's own: in its words, but for what is about our files.
    pub(crate) fn statement(error: &duckdb::Error) -> Self {
        match Self::engine(error) {
            Self::Unavailable { reason } if FILE_FAULTS.iter().any(|fault| reason.starts_with(fault)) => {
                Self::Refused { message: "files and extensions are out of reach here".to_owned() }
            }
            Self::Unavailable { reason } if !reason.starts_with("FATAL") && !reason.starts_with("INTERNAL") => {
                Self::Refused { message: reason }
            }
            other => other,
        }
    }
}
