//! Names of the NATS headers that Alluvium reads and writes.

/// JetStream's message id: the command id on `cmd.`, the commit id on `ev.`.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Who a message acts for; counts only with [`SIGNATURE`].
pub const ACTOR: &str = "Alv-Actor";
/// When the gateway took the message in, microseconds since 1970.
pub const TIME: &str = "Alv-Time";
/// The gateway's HMAC over id, actor, time, subject and payload hash.
pub const SIGNATURE: &str = "Alv-Sig";
/// Subject to send the outcome to, besides `out.`.
pub const REPLY: &str = "Alv-Reply";
/// `1`: decide, answer with the events, append nothing.
pub const DRY_RUN: &str = "Alv-Dry-Run";
/// JSON object, by command id, of what a commit's commands answer beyond its events: so that an outcome lost in a crash
/// can be said again as it was.
pub const RESULTS: &str = "Alv-Results";
/// Comma-separated event types of a commit.
pub const TYPES: &str = "Alv-Types";
/// Hex hash chain over a subject's commits.
pub const CHAIN: &str = "Alv-Chain";
/// Stable code of why a message is a dead letter.
pub const REASON_CODE: &str = "Alv-Reason-Code";
/// A sentence for people, beside [`REASON_CODE`].
pub const REASON: &str = "Alv-Reason";
/// Where a dead letter came from: `<stream>:<sequence>`.
pub const ORIGIN: &str = "Alv-Origin";
/// W3C trace context.
pub const TRACE_PARENT: &str = "traceparent";
