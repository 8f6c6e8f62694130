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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_SECONDS: i64 = 24 * 60 * 60;

    /// What becomes of a message signed `ahead_seconds` before the stream took it in.
    fn taken(ahead_seconds: i64) -> Result<Actor, String> {
        let (key, tenant) = (SigningKey::new([7; 32]), Token::encode("default").unwrap());
        let (subject, payload) = ("cmd.default.storage.CreateBucket", b"{}".as_slice());
        let taken_in = Timestamp::from_micros(1_800_000_000_000_000);
        let signed = Timestamp::from_micros(taken_in.micros() - ahead_seconds * 1_000_000);
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, "id");
        headers.insert(header::ACTOR, Actor::Admin.to_string());
        headers.insert(header::TIME, signed.micros().to_string());
        headers.insert(header::SIGNATURE, key.sign("id", &Actor::Admin, signed, subject, payload));
        sender(&key, &tenant, subject, Some(&headers), payload, taken_in).map_err(|problem| problem.code)
    }

    #[test]
    fn a_clock_that_jumps_by_a_day_is_refused_and_one_that_drifts_is_not() {
        for drift in [0, 1, -1, SIGNATURE_SKEW_MAX_SECONDS, -SIGNATURE_SKEW_MAX_SECONDS] {
            assert_eq!(taken(drift), Ok(Actor::Admin), "{drift} s");
        }
        for jump in [DAY_SECONDS, -DAY_SECONDS, SIGNATURE_SKEW_MAX_SECONDS + 1, -SIGNATURE_SKEW_MAX_SECONDS - 1] {
            assert_eq!(taken(jump), Err("command.bad_signature".to_owned()), "{jump} s");
        }
    }
}
