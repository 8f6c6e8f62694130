//! What goes wrong, in PostgreSQL's words.

use alluvium_kernel::Problem;
use alluvium_pgwire::Failure;
use alluvium_workspaces::Error;

/// Why somebody is not let in.
pub(super) fn at_login(problem: &Problem) -> Failure {
    match code(problem) {
        "invalid_credentials" => Failure::fatal("28P01", "Invalid credentials"),
        "workspace_expired" => Failure::fatal("28000", "Workspace expired"),
        "connection_limit_reached" => Failure::fatal("53300", "Too many connections"),
        _ => Failure::fatal("57P03", problem.detail.clone()),
    }
}

/// Why a statement was not done.
pub(super) fn of(problem: &Problem) -> Failure {
    let sqlstate = match code(problem) {
        "query_syntax" => "42601",
        "query_not_allowed" => "42501",
        "disk_full" => "53100",
        "workspace_expired" => return Failure::fatal("57P01", "Workspace expired"),
        "workspace_not_found" | "project_not_found" | "branch_not_found" => return deleted(),
        _ if problem.status >= 500 => "58000",
        _ => "XX000",
    };
    Failure::error(sqlstate, problem.detail.clone())
}

/// What a session is told whose workspace is no more.
pub(super) fn deleted() -> Failure {
    Failure::fatal("57P01", "the workspace was deleted")
}

fn code(problem: &Problem) -> &str {
    problem.code.rsplit('.').next().unwrap_or_default()
}

/// What the engine said. Its words begin with the kind of error.
pub(super) fn of_engine(error: &Error) -> Failure {
    let sqlstate = match error {
        Error::SizeExceeded { .. } | Error::DiskFull => "53100",
        Error::TimedOut { .. } => "57014",
        Error::TooLarge { .. } => "54000",
        Error::Broken { reason } | Error::Unavailable { reason } => {
            tracing::error!(reason, "the engine of a workspace failed");
            "58000"
        }
        Error::Refused { message } => refused(message),
        Error::Unfit { .. } => "42703",
    };
    Failure::error(sqlstate, error.to_string())
}

fn refused(message: &str) -> &'static str {
    const KINDS: [(&str, &str); 12] = [
        ("Parser Error", "42601"),
        ("Catalog Error: Table", "42P01"),
        ("Catalog Error", "42704"),
        ("Binder Error", "42703"),
        ("Conversion Error", "22P02"),
        ("Out of Range Error", "22003"),
        ("Constraint Error", "23000"),
        ("Dependency Error", "2BP01"),
        ("TransactionContext Error", "40001"),
        ("Invalid Input Error", "22023"),
        ("Permission Error", "42501"),
        ("files and extensions", "42501"),
    ];
    if message.contains("read-only mode") {
        return "25006";
    }
    let kind = KINDS.iter().find(|(kind, _)| message.starts_with(kind));
    match kind {
        Some(("Catalog Error: Table", _)) if message.contains("already exists") => "42P07",
        Some((_, code)) => code,
        None if message.contains("memory") => "53200",
        None => "XX000",
    }
}
