//! How one process of the platform says to another for whom it asks: signed with the installation's key, for one request, for
//! seconds. A key of a user opens nothing there.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alluvium_http::{MIN_POSITION, Principal, Seed, WAIT_MS};
use alluvium_kernel::{Actor, Problem, SigningKey, Timestamp, Token};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The header that carries it.
pub const VOUCHER: HeaderName = HeaderName::from_static("alv-voucher");
/// How far the clocks of two processes may be apart, and how long a request may be under way, in seconds.
const AGE_SECONDS_MAX: u64 = 30;
/// Requests remembered against being sent again by somebody who saw them.
const SEEN_MAX: usize = 100_000;

/// What is said.
#[derive(Serialize, Deserialize)]
struct Voucher {
    id: Uuid,
    time: i64,
    actor: Actor,
    tenant: String,
    credential: String,
    /// What the request draws ids and secrets from: so that it is the same one there, and the next time. Processes of earlier
    /// releases do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<String>,
    signature: String,
}

impl Voucher {
    /// Everything of the request that says what is to be done, besides its body. No NATS subject holds a space, so that no
    /// signature of a message passes for one of a request.
    fn subject(&self, parts: &Parts) -> String {
        let header =
            |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Self { tenant, credential, seed, .. } = self;
        let (position, wait) = (header(&MIN_POSITION), header(&WAIT_MS));
        let seed = seed.as_ref().map(|seed| format!(" {seed}")).unwrap_or_default();
        format!("peer {} {} {tenant} {credential} {position} {wait}{seed}", parts.method, parts.uri)
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_micros(self.time)
    }
}

/// The header for a request that is passed on.
pub fn vouch(key: &SigningKey, principal: &Principal, parts: &Parts, body: &[u8]) -> Result<HeaderValue, Problem> {
    let mut voucher = Voucher {
        id: Uuid::new_v4(),
        time: now_micros(),
        actor: principal.actor.clone(),
        tenant: principal.tenant.to_string(),
        credential: principal.credential.clone(),
        seed: Some(principal.seed.to_text()),
        signature: String::new(),
    };
    let subject = voucher.subject(parts);
    voucher.signature = key.sign(&voucher.id.to_string(), &voucher.actor, voucher.at(), &subject, body);
    let text = serde_json::to_vec(&voucher).map_err(|_| Problem::internal())?;
    HeaderValue::from_str(&hex::encode(text)).map_err(|_| Problem::internal())
}

/// Checks what others vouch for.
pub struct Vouchers {
    key: SigningKey,
    seen: Mutex<VecDeque<(Uuid, Instant)>>,
}

impl Vouchers {
    /// With the installation's key.
    pub fn new(key: SigningKey) -> Self {
        Self { key, seen: Mutex::default() }
    }

    /// For whom a request is; an error for one that nobody of the platform vouches for, now and for the first time.
    pub fn check(&self, parts: &Parts, body: &[u8]) -> Result<Principal, Problem> {
        let voucher = given(&parts.headers).ok_or_else(refused)?;
        let subject = voucher.subject(parts);
        let id = voucher.id.to_string();
        if !self.key.verify(&voucher.signature, &id, &voucher.actor, voucher.at(), &subject, body) {
            return Err(refused());
        }
        let age = Duration::from_micros(now_micros().abs_diff(voucher.time));
        if age > Duration::from_secs(AGE_SECONDS_MAX) || !self.is_first(voucher.id) {
            return Err(refused());
        }
        let tenant = Token::parse(&voucher.tenant).map_err(|_| refused())?;
        let principal = Principal::new(voucher.actor, tenant, voucher.credential);
        let Some(seed) = voucher.seed else { return Ok(principal) };
        Ok(Principal { seed: Seed::from_text(&seed).ok_or_else(refused)?, ..principal })
    }

    fn is_first(&self, id: Uuid) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A voucher is good for its age in both directions of the clock.
        let old = |at: &Instant| at.elapsed() > Duration::from_secs(2 * AGE_SECONDS_MAX);
        while seen.front().is_some_and(|(_, at)| old(at)) {
            seen.pop_front();
        }
        // Deny when full: never forget one that could still be sent again.
        if seen.len() >= SEEN_MAX || seen.iter().any(|(known, _)| *known == id) {
            return false;
        }
        seen.push_back((id, Instant::now()));
        true
    }
}

fn given(headers: &HeaderMap) -> Option<Voucher> {
    serde_json::from_slice(&hex::decode(headers.get(&VOUCHER)?).ok()?).ok()
}

fn refused() -> Problem {
    Problem::new("platform.not_a_peer", 401, "This address is for the processes of the platform only.")
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, voucher: Option<HeaderValue>) -> Parts {
        let mut request = axum::http::Request::builder().method("POST").uri(path).body(()).unwrap();
        if let Some(voucher) = voucher {
            request.headers_mut().insert(VOUCHER, voucher);
        }
        request.into_parts().0
    }

    fn principal() -> Principal {
        let tenant = Token::encode("default").unwrap();
        Principal::new(Actor::Key("k".into()), tenant, "k")
    }

    #[test]
    fn a_voucher_is_good_once_for_what_was_asked() {
        let key = SigningKey::new([7; 32]);
        let principal = principal();
        let voucher = vouch(&key, &principal, &request("/a?b=1", None), b"{}").unwrap();
        let vouchers = Vouchers::new(key.clone());
        let with = |path| request(path, Some(voucher.clone()));
        assert!(vouchers.check(&with("/a?b=2"), b"{}").is_err(), "another path");
        assert!(vouchers.check(&with("/a?b=1"), b"{ }").is_err(), "another body");
        let mut fresher = with("/a?b=1");
        fresher.headers.insert(WAIT_MS, HeaderValue::from_static("9"));
        assert!(vouchers.check(&fresher, b"{}").is_err(), "another wait");
        assert!(Vouchers::new(SigningKey::new([8; 32])).check(&with("/a?b=1"), b"{}").is_err(), "another key");
        assert_eq!(vouchers.check(&with("/a?b=1"), b"{}").unwrap(), principal);
        assert!(vouchers.check(&with("/a?b=1"), b"{}").is_err(), "a second time");
        assert!(vouchers.check(&request("/a?b=1", None), b"{}").is_err(), "none at all");
    }
}
