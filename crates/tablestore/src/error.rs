//! What can go wrong in a table file, sorted by who has to act: the person who sent the data, or the operator.

use std::path::PathBuf;

/// Stable codes of refusals; the same words reach the outcome, the HTTP problem and the CLI.
pub mod code {
    /// A file could not be read, or a row of it does not fit.
    pub const IMPORT_FAILED: &str = "import_failed";
    /// Two rows share a primary key.
    pub const DUPLICATE_KEY: &str = "duplicate_key";
    /// Stored values cannot become the wanted type.
    pub const INVALID_CAST: &str = "invalid_cast";
    /// A column that must not hold NULL holds one.
    pub const NULL_VALUES_PRESENT: &str = "null_values_present";
    /// The CSV options contradict themselves or are out of range.
    pub const INVALID_CSV_OPTIONS: &str = "invalid_csv_options";
    /// A named column is not there.
    pub const COLUMN_NOT_FOUND: &str = "column_not_found";
    /// A column of that name is there already.
    pub const COLUMN_EXISTS: &str = "column_exists";
    /// The last column of a table cannot go.
    pub const CANNOT_DROP_LAST_COLUMN: &str = "cannot_drop_last_column";
    /// The column is part of the primary key.
    pub const COLUMN_IN_PRIMARY_KEY: &str = "column_in_primary_key";
    /// The table has a primary key already.
    pub const PRIMARY_KEY_EXISTS: &str = "primary_key_exists";
    /// The table has no primary key.
    pub const NO_PRIMARY_KEY: &str = "no_primary_key";
    /// A not-null column for existing rows needs a default.
    pub const DEFAULT_REQUIRED: &str = "default_required";
    /// Rows do not fit the table.
    pub const ROWS_SCHEMA_MISMATCH: &str = "rows_schema_mismatch";
    /// Rows of an earlier release, whose last change is not known.
    pub const CHANGE_TIMES_UNKNOWN: &str = "change_times_unknown";
    /// An alias names columns that its source does not have any more.
    pub const ALIAS_OUTDATED: &str = "alias_outdated";
    /// A predicate fails on the stored rows.
    pub const INVALID_WHERE_CLAUSE: &str = "invalid_where_clause";
}

/// An error of the table store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asked for something impossible (a bad path part, an unknown column).
    #[error("{message}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// What is wrong, without engine internals.
        message: String,
    },
    /// The table has no file.
    #[error("there is no file for table {0}")]
    NotFound(String),
    /// The file cannot be opened or does not hold what it must; it is to be moved aside and rebuilt from the log.
    #[error("the file of table {table} is unreadable")]
    Corrupt {
        /// The table, for the log line.
        table: String,
        /// What the engine said; for logs only.
        reason: String,
    },
    /// The disk is full; nothing was written.
    #[error("the disk is full")]
    DiskFull,
    /// The engine is restarting, or the disk misbehaves; try again.
    #[error("the table engine is unavailable: {0}")]
    Unavailable(String),
    /// The engine failed on this very statement. Once says little, since others may have taken the memory; what fails on every try
    /// will never succeed.
    #[error("the table engine failed: {0}")]
    Failed(Fault),
    /// The query ran into its time limit.
    #[error("the query took longer than {limit_ms} ms")]
    QueryTimeout {
        /// The limit that was hit.
        limit_ms: u64,
    },
    /// The query is wrong or failed on the data.
    #[error("the query failed: {0}")]
    QueryFailed(String),
    /// The answer exceeds the limits the caller set.
    #[error("the result is larger than {limit}")]
    ResultTooLarge {
        /// The limit, in words (`10000 rows`, `1048576 bytes`).
        limit: String,
    },
    /// Reading or writing a file beside the engine failed.
    #[error("cannot access {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// How the engine failed on a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It needs more memory than the engine has.
    #[error("it is out of memory")]
    OutOfMemory,
    /// The engine cannot do it, for a reason of its own.
    #[error("it refused a statement")]
    Refused,
    /// The engine broke on it and has to be made anew.
    #[error("it broke on a statement and restarts")]
    Broken,
}

impl Error {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { code, .. } => code,
            Self::NotFound(_) => "table_not_found",
            Self::Corrupt { .. } => "table_corrupt",
            Self::DiskFull => "disk_full",
            Self::Unavailable(_) | Self::Failed(_) | Self::Io { .. } => "unavailable",
            Self::QueryTimeout { .. } => "query_timeout",
            Self::QueryFailed(_) => "query_failed",
            Self::ResultTooLarge { .. } => "result_too_large",
        }
    }

    pub(crate) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }

    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::StorageFull {
            return Self::DiskFull;
        }
        Self::Io { path: path.into(), source }
    }
}

/// Short form used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why [`crate::Hub::apply`] changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file is not at the expected mark; someone else applied, or the log is not the one the file was folded from.
    #[error("the table file is at another mark: {found:?}")]
    WrongMark {
        /// The mark in the file.
        found: crate::Mark,
    },
    /// The data refuses the change; a replay will refuse it the same way.
    #[error("{message}")]
    Refused {
        /// Stable code, see [`code`].
        code: &'static str,
        /// What is wrong, in the words of the caller.
        message: String,
        /// Machine-readable particulars (`line`, `column`, `example_keys`).
        details: serde_json::Value,
    },
    /// The store failed; the same call may succeed later.
    #[error(transparent)]
    Store(#[from] Error),
}

impl ApplyError {
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into(), details: serde_json::Value::Null }
    }

    pub(crate) fn refused_with(code: &'static str, message: impl Into<String>, details: serde_json::Value) -> Self {
        Self::Refused { code, message: message.into(), details }
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongMark { .. } => "wrong_mark",
            Self::Refused { code, .. } => code,
            Self::Store(error) => error.code(),
        }
    }
}

/// The engine's own error, sorted by kind. The engine gives kinds only as the first words of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Constraint,
    Conversion,
    Interrupted,
    OutOfMemory,
    DiskFull,
    Io,
    /// What a table file holds on disk is not what was written there.
    Damaged,
    Fatal,
    Other,
}

/// Text of an engine error, or its debug form when it has none.
pub(crate) fn text(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Sorts an engine error.
pub(crate) fn kind(error: &duckdb::Error) -> Kind {
    kind_of_text(&text(error))
}

pub(crate) fn kind_of_text(text: &str) -> Kind {
    let starts = |prefix: &str| text.starts_with(prefix);
    if starts("FATAL Error") || starts("INTERNAL Error") || text.contains("database has been invalidated") {
        Kind::Fatal
    } else if is_damage(text) {
        Kind::Damaged
    } else if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
        Kind::DiskFull
    } else if starts("Out of Memory Error") {
        Kind::OutOfMemory
    } else if starts("INTERRUPT Error") || text.contains("Interrupted!") {
        Kind::Interrupted
    } else if starts("Constraint Error") || text.contains("NOT NULL constraint failed") {
        Kind::Constraint
    } else if starts("Conversion Error") || starts("Out of Range Error") || text.contains("Could not convert") {
        Kind::Conversion
    } else if starts("IO Error") {
        Kind::Io
    } else {
        Kind::Other
    }
}

/// The engine checks what it reads of a table file, and says so in these words. Only its own errors about files count: a query
/// may raise errors with words of its author.
fn is_damage(text: &str) -> bool {
    let short = text.contains("Could not read enough bytes") && text.contains(".duckdb");
    text.starts_with("IO Error") && (text.contains("Corrupt database file") || short)
}

/// An engine error where the caller's data cannot be at fault.
pub(crate) fn store_error(error: &duckdb::Error) -> Error {
    match kind(error) {
        Kind::DiskFull => Error::DiskFull,
        Kind::OutOfMemory => Error::Failed(Fault::OutOfMemory),
        Kind::Interrupted => Error::Unavailable("interrupted".into()),
        // The engine gives up when a checkpoint finds no room.
        Kind::Fatal if text(error).contains("No space left on device") => Error::DiskFull,
        // What broke it was another statement.
        Kind::Fatal if text(error).contains("has been invalidated") => {
            Error::Unavailable("the engine restarts after a fatal error".into())
        }
        Kind::Fatal => Error::Failed(Fault::Broken),
        Kind::Damaged => Error::Corrupt { table: "in use".into(), reason: text(error) },
        Kind::Io => {
            tracing::warn!(error = %text(error), "the table engine could not read or write");
            Error::Unavailable("the engine could not read or write".into())
        }
        Kind::Constraint | Kind::Conversion | Kind::Other => {
            tracing::warn!(error = %text(error), "the table engine refused a statement");
            Error::Failed(Fault::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_from_the_engine_that_another_one_broke() {
        let failed = |text: &str| {
            store_error(&duckdb::Error::DuckDBFailure(duckdb::ffi::Error::new(1), Some(text.to_owned()))).to_string()
        };
        let memory = "Out of Memory Error: could not allocate block of size 16.0 KiB (23.9 MiB/23.8 MiB used)";
        assert_eq!(failed(memory), Error::Failed(Fault::OutOfMemory).to_string());
        assert_eq!(failed("INTERNAL Error: an assertion"), Error::Failed(Fault::Broken).to_string());
        let after =
            "FATAL Error: Failed: database has been invalidated because of a previous fatal error. Original error: x";
        assert!(failed(after).contains("restarts after a fatal error"), "{}", failed(after));
        assert_eq!(failed("Binder Error: no such column"), Error::Failed(Fault::Refused).to_string());
        assert!(failed("IO Error: could not read").contains("could not read or write"));
    }

    #[test]
    fn damage_is_what_the_engine_says_of_a_file_and_nobody_else() {
        let checksum = "IO Error: Corrupt database file: computed checksum 1 does not match stored checksum 2 in block";
        assert_eq!(kind_of_text(checksum), Kind::Damaged);
        let short = "IO Error: Could not read enough bytes from file \"/d/t.duckdb\": attempted to read 8 bytes";
        assert_eq!(kind_of_text(short), Kind::Damaged);
        // Words of a query's author, a load file, another file's fatal error.
        assert_eq!(kind_of_text("Invalid Input Error: Corrupt database file"), Kind::Other);
        assert_eq!(kind_of_text("IO Error: Could not read enough bytes from file \"/b/ab\": attempted"), Kind::Io);
        let fatal = "FATAL Error: Failed: database has been invalidated because of a previous fatal error: Corrupt database file";
        assert_eq!(kind_of_text(fatal), Kind::Fatal);
    }
}
