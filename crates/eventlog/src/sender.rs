//! Who sent a message: what its headers claim counts only with the gateway's signature.

use alluvium_kernel::{Actor, Problem, SIGNATURE_SKEW_MAX_SECONDS, SigningKey, Timestamp, Token, header};
use async_nats::HeaderMap;

/// The actor a message acts for: whom the signature says, else the tenant's publishers. `taken_in` is when the stream took
/// the message, so that an old signed message published again is refused. A bad signature is `command.bad_signature`.
pub fn sender(
    key: &SigningKey,
    tenant: &Token,
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: &[u8],
    taken_in: Timestamp,
) -> Result<Actor, Problem> {
    let header = |name: &str| headers.and_then(|headers| headers.get(name)).map(async_nats::HeaderValue::as_str);
    let Some(signature) = header(header::SIGNATURE) else { return Ok(Actor::Nats(tenant.to_string())) };
    let id = header(header::MESSAGE_ID).ok_or_else(|| bad("A signed message needs its id as Nats-Msg-Id."))?;
    let actor = header(header::ACTOR)
        .and_then(|actor| Actor::try_from(actor.to_owned()).ok())
        .ok_or_else(|| bad("A signed message names its actor in Alv-Actor."))?;
    let time = header(header::TIME)
        .and_then(|time| time.parse().ok())
        .map(Timestamp::from_micros)
        .ok_or_else(|| bad("A signed message says when in Alv-Time, in microseconds since 1970."))?;
    if !key.verify(signature, id, &actor, time, subject, payload) {
        return Err(bad("The signature is not one of this installation for this message."));
    }
    let skew = taken_in.micros().abs_diff(time.micros());
    if skew > SIGNATURE_SKEW_MAX_SECONDS as u64 * 1_000_000 {
        return Err(bad(&format!("The message was signed {} s away from when it was sent.", skew / 1_000_000)));
    }
    Ok(actor)
}

fn bad(detail: &str) -> Problem {
    Problem::new("command.bad_signature", 403, detail)
}
