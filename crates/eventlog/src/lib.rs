//! The event log: aggregates stored on JetStream, commands executed against them, outcomes told exactly once.
//!
//! It never decides what a command means (a context's `plan` and its aggregates do), it never takes a server's error for an
//! answer (what is unknown is read from the leader), and nothing here writes to any store but the log and the blobs.

mod alone;
pub mod blob;
pub mod check;
mod client;
mod clock;
mod commit;
mod context;
mod cqrs;
mod decider;
mod executor;
mod finisher;
mod intake;
mod lease;
mod log;
mod outcome;
mod past;
pub mod registry;
mod reservations;
mod ring;
pub mod seals;
mod sender;
mod shown;
mod snapshot;
mod store;
mod stored;
mod unit;
mod watch;
mod working;

use alluvium_kernel::ErrorInfo;

pub use alluvium_kernel::DecisionContext;
pub use client::{CommandClient, CommandRequest, Room, Sealer, Streams};
pub use context::{BoundedContext, Decision};
pub use cqrs::{AggregateStore, StoredContext};
pub use executor::{Executor, ExecutorHealth, ExecutorOptions};
pub use lease::Lease;
pub use log::{Log, LogOptions};
pub use outcome::{DryEvent, DryOutcome, DryVerdict, OutcomePublisher};
pub use past::{Past, Point};
pub use reservations::KvReservations;
pub use ring::{RING_COMMANDS_MAX, RingEntry};
pub use sender::sender;
pub use shown::{AggregateType, Look, Owner, Shown};
pub use snapshot::SNAPSHOT_EVERY_EVENTS;
pub use stored::{LogAggregate, Stored};
pub use unit::{HandleError, Unit};
pub use watch::{CommandSettled, CommandWatch};

/// The largest command body, in bytes; larger input goes by upload.
pub const COMMAND_BYTES_MAX: usize = 512 * 1024;
/// The longest command id, in visible ASCII characters.
pub const COMMAND_ID_BYTES_MAX: usize = 128;

/// The codes that any command may be answered with.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "command.unknown",
        404,
        "There is no command of that name in that context",
        "Look at the list of commands under /docs, and at the subject: cmd.<tenant>.<context>.<Command>.",
    ),
    ErrorInfo::new(
        "command.malformed",
        400,
        "The body of the command does not fit its schema",
        "Send Avro single-object encoding or one JSON object with the fields of the command's schema.",
    ),
    ErrorInfo::new(
        "command.too_large",
        413,
        "The command, or the events it leads to, is larger than a message may be",
        "Upload large content as a file and name the file in the command.",
    ),
    ErrorInfo::new(
        "command.bad_id",
        400,
        "The command id is not 1 to 128 visible ASCII characters",
        "Use a UUID or another short id as Nats-Msg-Id.",
    ),
    ErrorInfo::new(
        "command.bad_signature",
        403,
        "The signature does not belong to this command, or is too old",
        "Sign id, actor, time, subject and payload with the installation's key at the time of sending.",
    ),
    ErrorInfo::new(
        "command.clock_off",
        503,
        "The clock of the process that was asked is minutes away from that of nats-server",
        "Set the clock and run NTP, then send the same command again: nothing was sent.",
    ),
    ErrorInfo::new(
        "command.id_reused",
        409,
        "Another command was sent under this id before",
        "Use a new id for a new command; send the same body to repeat the old one.",
    ),
    ErrorInfo::new(
        "command.timeout",
        503,
        "The outcome of the command was not known in time",
        "The command may still be carried out. Send it again under the same id to learn its outcome.",
    ),
    ErrorInfo::new(
        "platform.forgotten",
        409,
        "What the command would seal is of a person or a tenant that was forgotten",
        "Leave the person out, or name another one. Nothing is ever sealed again for whom was forgotten.",
    ),
    ErrorInfo::new(
        "platform.seal_broken",
        400,
        "A sealed text does not open where it stands",
        "Send the text in clear: it is sealed on its way. What is sealed for one field does not open in another.",
    ),
    ErrorInfo::new(
        "platform.seal_key_unreadable",
        500,
        "The key that a field is sealed under was wrapped under another signing key",
        "Start the process with the installation's own signing key; `signing.key` of the data directory has it.",
    ),
    ErrorInfo::new(
        "command.dead_letter",
        500,
        "The command could not be decided after many attempts and was put aside",
        "An operator finds it on the dlq. subjects with the reason.",
    ),
    ErrorInfo::new(
        "platform.log_unavailable",
        503,
        "The event log does not answer now",
        "Try again; nothing was decided.",
    ),
    ErrorInfo::new(
        "platform.storage_full",
        507,
        "The event log has no room left",
        "An operator must free or add disk space; then the same request succeeds.",
    ),
    ErrorInfo::new(
        "platform.log_damaged",
        500,
        "Stored events do not fit together: some are missing or were changed",
        "An operator must compare the stream with its replicas or a backup; the message names the place.",
    ),
    ErrorInfo::new(
        "platform.invalid_point",
        400,
        "Not a point of the log",
        "Write STREAM:SEQUENCE (as `alluvium events replay` prints), a position token, `now`, or a time such as 2026-01-02T03:04:05Z.",
    ),
    ErrorInfo::new(
        "platform.point_in_future",
        400,
        "The log has not come that far",
        "Leave the point out for what is now, or name an earlier one.",
    ),
    ErrorInfo::new(
        "platform.point_expired",
        410,
        "The log no longer has what is needed to tell how it was then",
        "Name a later point; what was removed from the log comes back only from a backup.",
    ),
];
