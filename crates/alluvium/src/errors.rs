//! Every error code the binary can answer with, for `alluvium explain`.

use std::sync::OnceLock;

use alluvium_http::Catalogue;
use alluvium_kernel::ErrorInfo;

/// The codes of this crate: the platform's own routes and the command line.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.storage_unavailable",
        503,
        "A directory of the data directory is missing",
        "The details name it. Look at the disk it lies on; an admin's `POST /backend/init` makes what is missing.",
    ),
    ErrorInfo::new(
        "storage.init_failed",
        500,
        "A directory of the data directory cannot be made",
        "The server's log has the system's reason: a full disk, or a parent that belongs to somebody else.",
    ),
    ErrorInfo::new("cli.usage", 400, "The command line is wrong", "`alluvium help <command>` shows what it takes."),
    ErrorInfo::new("cli.findings", 400, "A check found something", "Each finding is printed with its fix."),
    ErrorInfo::new(
        "cli.file_not_found",
        404,
        "A named file does not exist",
        "Check the path; it is read relative to where you are.",
    ),
    ErrorInfo::new(
        "cli.file_not_allowed",
        403,
        "A named file may not be read",
        "Change its permissions, or run as its owner.",
    ),
    ErrorInfo::new(
        "cli.io",
        503,
        "Reading or writing failed",
        "The message has the system's reason; a full disk is a common one.",
    ),
    ErrorInfo::new(
        "cli.unreadable_rows",
        422,
        "The file's rows cannot be read",
        "The message names the first place that does not fit; `--dry-run` reads everything and publishes nothing.",
    ),
    ErrorInfo::new(
        "cli.invalid_schema",
        422,
        "A schema is not valid",
        "Each finding has its line, column and place; `alluvium schema validate FILE` prints them as a table.",
    ),
    ErrorInfo::new(
        "cli.registry_unreachable",
        503,
        "The schema registry does not answer",
        "Name it with `--registry URL` or SCHEMA_REGISTRY_URL; `alluvium dev` runs one on port 8081.",
    ),
    ErrorInfo::new(
        "cli.registry_refused",
        422,
        "The schema registry refused it",
        "The message is the registry's own; the number in it is its error code.",
    ),
    ErrorInfo::new(
        "cli.interrupted",
        503,
        "Stopped by Ctrl-C, or told to end",
        "Run it again; what was sent already has its outcome under its command id.",
    ),
    ErrorInfo::new(
        "platform.not_a_peer",
        401,
        "The address is for the processes of the platform only",
        "Ask the address of the role `api`.",
    ),
    ErrorInfo::new(
        "platform.owner_lost",
        503,
        "The process that keeps the tables went away while it was answering",
        "The change may have been accepted: look, or send it again under the same key or command id.",
    ),
    ErrorInfo::new(
        "platform.tables_elsewhere",
        404,
        "The tables are kept by other processes",
        "Ask the address of a process with the role `tables`.",
    ),
    ErrorInfo::new(
        "storage.purge_denied",
        409,
        "The stream of tables denies every purge, as earlier releases made it",
        "nats-server never takes that off: make a backup and restore it into an empty place, which makes the stream anew.",
    ),
    ErrorInfo::new(
        "storage.retention_busy",
        409,
        "Retention, a sweep, a backup or a rebuild is under way",
        "Wait for it, and try again.",
    ),
    ErrorInfo::new(
        "storage.retention_not_configured",
        422,
        "Nobody said how long rows are kept",
        "Name it with `--keep 7d` (`keep_seconds`), or set `retention.keep`.",
    ),
    ErrorInfo::new(
        "storage.retention_incomplete",
        503,
        "Retention left some tables for the next run",
        "Each is printed with its reason; most pass by themselves. `alluvium retention show` lists them again.",
    ),
    ErrorInfo::new("cli.no_message", 404, "No message at that position", "`alluvium events replay` lists positions."),
    ErrorInfo::new("cli.unknown_code", 404, "No such error code", "`alluvium explain` lists all codes."),
    ErrorInfo::new(
        "cli.server_unreachable",
        503,
        "The server does not answer",
        "Start it (`alluvium dev`), or name it with `--server URL`.",
    ),
    ErrorInfo::new(
        "cli.not_alluvium",
        502,
        "The answer is not Alluvium's",
        "Check `--server`: another program may be listening there.",
    ),
    ErrorInfo::new(
        "cli.rows_refused",
        422,
        "The table refused some of the published rows",
        "`alluvium events replay 'dlq.>'` lists them with their reasons; correct them and publish those again.",
    ),
    ErrorInfo::new(
        "cli.broken_table_file",
        503,
        "A table file cannot be opened",
        "Move it aside: the table is folded again from the log at the next start.",
    ),
    ErrorInfo::new(
        "cli.no_signing_key",
        403,
        "No signing key is known here",
        "Set ALLUVIUM_SIGNING_KEY or run beside the data directory; over HTTP a key of the server suffices.",
    ),
    ErrorInfo::new(
        "backup.not_found",
        404,
        "There is no whole backup at that place",
        "Check the path; a backup gets its manifest last, so one without it was never finished.",
    ),
    ErrorInfo::new(
        "backup.damaged",
        422,
        "A backup is not what it was when it was made",
        "`alluvium backup verify` names each part that is missing or changed; take another copy of this backup, or an older one.",
    ),
    ErrorInfo::new(
        "backup.other_format",
        422,
        "The backup is of a format that this version does not read",
        "Restore it with the version of Alluvium that its manifest names, then upgrade.",
    ),
    ErrorInfo::new(
        "backup.exists",
        409,
        "Something is already where the backup should be written",
        "Name a directory or archive that does not exist yet; backups are never overwritten.",
    ),
    ErrorInfo::new(
        "backup.target_not_empty",
        409,
        "A backup is only restored to where nothing is yet",
        "Name an empty data directory, a NATS server without Alluvium's streams, and an empty Postgres database.",
    ),
    ErrorInfo::new(
        "backup.other_signing_key",
        409,
        "The backup's API keys were made with another signing key than the one known here",
        "Set ALLUVIUM_SIGNING_KEY to the key of the installation that was backed up; with another one every API key is dead.",
    ),
    ErrorInfo::new(
        "config.invalid",
        400,
        "The configuration cannot be read",
        "The message names the key and where it is set; `alluvium config show` lists all settings.",
    ),
    ErrorInfo::new(
        "config.file_not_found",
        404,
        "The configuration file does not exist",
        "Check `--config` or ALLUVIUM_CONFIG.",
    ),
    ErrorInfo::new(
        "config.incomplete",
        400,
        "A setting that `serve` needs is missing",
        "`alluvium config check` names each with its fix.",
    ),
    ErrorInfo::new(
        "config.secret_exposed",
        403,
        "A secret's file can be read by others",
        "Run the `chmod 600` that the message names; replace the secret if others had access.",
    ),
    ErrorInfo::new(
        "platform.nats_unreachable",
        503,
        "NATS does not answer",
        "Check `nats.url` and that nats-server 2.12 or newer runs there.",
    ),
    ErrorInfo::new(
        "platform.postgres_unreachable",
        503,
        "Postgres does not answer",
        "Check `postgres.url` and that Postgres 15 or newer runs there.",
    ),
    ErrorInfo::new(
        "platform.port_taken",
        503,
        "The port is taken",
        "Stop what listens there, or choose another with `--port`.",
    ),
    ErrorInfo::new(
        "platform.servers_failed",
        503,
        "A private server could not be started",
        "The message has its last words; `alluvium doctor` checks what it needs.",
    ),
    ErrorInfo::new(
        "platform.data_in_use",
        409,
        "Another process uses this data directory",
        "Stop it, or choose another directory with `--data`.",
    ),
    ErrorInfo::new(
        "platform.invalid_filter",
        422,
        "Not a subject filter",
        "Use subjects such as `ev.default.storage.>`; `*` is one token, `>` the rest.",
    ),
    ErrorInfo::new("platform.unknown_stream", 404, "No such stream", "`GET /streams` lists them."),
    ErrorInfo::new(
        "platform.pace_invalid",
        400,
        "The pace of a rebuild cannot be kept",
        "`share_percent` is from 1 to 100; `events_per_second` is a whole number, 0 for without limit.",
    ),
    ErrorInfo::new("platform.unknown_projection", 404, "No such projection", "`GET /projections` lists them."),
    ErrorInfo::new(
        "platform.unknown_context",
        404,
        "No such context",
        "`GET /commands` lists contexts and their commands.",
    ),
    ErrorInfo::new(
        "platform.unknown_aggregate",
        404,
        "No such aggregate, or not at that point",
        "Name it as in its subject, e.g. `storage.project.demo`; `alluvium events replay` shows subjects and positions.",
    ),
    ErrorInfo::new(
        "platform.unknown_event",
        404,
        "No such event",
        "`alluvium events replay` lists events with their positions.",
    ),
    ErrorInfo::new(
        "platform.history_over_budget",
        503,
        "Telling how it was takes too long",
        "The history is very long. Ask for less: fewer or later points, one table instead of many.",
    ),
    ErrorInfo::new(
        "platform.not_ready",
        503,
        "Not ready yet",
        "`GET /ready` says what is missing; it usually ends by itself.",
    ),
];

/// All codes of all crates.
pub fn catalogue() -> &'static Catalogue {
    static ALL: OnceLock<Catalogue> = OnceLock::new();
    ALL.get_or_init(|| Catalogue::gather(lists()).expect("a test holds that no code is listed twice"))
}

/// What to do about a code; empty for one that is not listed.
pub fn help(code: &str) -> &'static str {
    catalogue().get(code).map_or("", |info| info.help)
}

/// The lists of every crate that has codes.
fn lists() -> Vec<&'static [ErrorInfo]> {
    let mut lists = vec![
        ERRORS,
        alluvium_http::ERRORS,
        alluvium_access::ERRORS,
        alluvium_pipelines::ERRORS,
        alluvium_runner::ERRORS,
        alluvium_storage::ERRORS,
    ];
    lists.push(alluvium_audit::ERRORS);
    lists.extend(without_routes());
    lists
}

/// The lists of every crate but storage: what its routes answer with besides its own, where they stand alone.
pub fn besides_storage() -> Vec<&'static [ErrorInfo]> {
    let mut lists = vec![ERRORS, alluvium_access::ERRORS];
    lists.extend(without_routes());
    lists
}

/// The lists of crates that have codes but no routes of their own.
pub fn without_routes() -> Vec<&'static [ErrorInfo]> {
    vec![
        alluvium_eventlog::ERRORS,
        alluvium_projection::ERRORS,
        alluvium_platform::ERRORS,
        alluvium_messaging::streams::ERRORS,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_with_help() {
        let all = Catalogue::gather(lists()).unwrap();
        assert!(all.iter().all(|info| !info.help.is_empty() && info.code.contains('.')));
    }
}
