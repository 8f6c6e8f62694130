//! The tables as a fold of the log, and the stores below it.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.table_busy",
        503,
        "The table is working on an earlier change",
        "Try again; changes of a table's columns are made one after the other.",
    ),
    ErrorInfo::new(
        "storage.table_parked",
        503,
        "The table stands still because a change of it cannot be applied",
        "An operator looks at the health page for the reason and remedies it.",
    ),
    ErrorInfo::new(
        "storage.table_moving",
        503,
        "The tables of the project are moving to another node",
        "Try again in a second; nothing was changed.",
    ),
    ErrorInfo::new(
        "storage.table_unavailable",
        503,
        "The table cannot be read now",
        "Try again; it is being folded from the log.",
    ),
    ErrorInfo::new(
        "storage.table_corrupt",
        503,
        "The table's file is unreadable",
        "It is moved aside and folded again from the log; try again.",
    ),
    ErrorInfo::new(
        "storage.tables_quarantined",
        503,
        "The log is not the one the tables were folded from",
        "An operator compares the stream with its backup, then rebuilds the tables.",
    ),
    ErrorInfo::new("storage.fold_unavailable", 503, "The tables are not served here now", "Try again in a moment."),
    ErrorInfo::new(
        "storage.log_unavailable",
        503,
        "The log does not answer the fold now",
        "Try again; nothing was lost.",
    ),
    ErrorInfo::new(
        "storage.catalogue_unavailable",
        503,
        "The catalogue cannot be read now",
        "Try again; when it lasts, look at the server's log and at Postgres.",
    ),
    ErrorInfo::new("storage.unavailable", 503, "The table engine is not there now", "Try again in a moment."),
    ErrorInfo::new(
        "storage.disk_full",
        507,
        "The disk is full",
        "An operator frees or adds disk space; nothing was half written.",
    ),
    ErrorInfo::new(
        "storage.malformed_commit",
        500,
        "A message of the storage log cannot be read",
        "It was not written by this software, or by a newer release; its key is parked.",
    ),
    ErrorInfo::new(
        "storage.malformed_event",
        500,
        "An event of the storage log cannot be read",
        "It was not written by this software, or by a newer release; its key is parked.",
    ),
    ErrorInfo::new(
        "storage.unknown_subject",
        500,
        "A message of the storage log has a subject of no aggregate",
        "Somebody else publishes on `ev.`; the message is parked.",
    ),
    ErrorInfo::new(
        "storage.poison_event",
        500,
        "An event cannot be applied to its table",
        "The table is parked; an operator looks at the health page.",
    ),
    ErrorInfo::new(
        "storage.given_up",
        409,
        "An operator gave this request up",
        "It could not be applied, and the table went on without it; ask for what is still wanted again.",
    ),
    ErrorInfo::new(
        "storage.diverged",
        500,
        "The log refuses a request that a table file took, or the other way round",
        "The table is parked; rebuild the tables, which obeys the log.",
    ),
];
