//! What a request draws its ids, secrets and clock from. The same request sent again with its idempotency key has the same seed,
//! so that whatever was done of it the first time is found again instead of being done twice.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_kernel::{SigningKey, Timestamp};
use uuid::Uuid;

/// The chance and the clock of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed {
    secret: [u8; 32],
    at: Timestamp,
    again: bool,
}

impl Seed {
    /// A new one: for a request that nothing is known of.
    pub fn fresh() -> Self {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        secret[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self { secret, at: now(), again: false }
    }

    pub(crate) fn new(secret: [u8; 32], at: Timestamp, again: bool) -> Self {
        Self { secret, at, again }
    }

    /// Of a request that was kept to be carried out later, perhaps more than once: `secret` names it for ever, and is known to nobody
    /// who could not read all that it leads to anyway. `at` is when it was made.
    pub fn kept(secret: [u8; 32], at: Timestamp) -> Self {
        Self::new(secret, at, true)
    }

    /// When the request was first made: the clock of its handler, wherever what it reads of the clock goes into a command or an
    /// answer.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether the request was begun before, and what came of it is not known.
    pub fn is_again(&self) -> bool {
        self.again
    }

    /// The id of a command of this request. A handler that sends a command twice names them apart.
    pub fn command_id(&self, command: &str) -> String {
        format!("http-{}", self.uuid(command))
    }

    /// An id that nobody can guess, for one purpose within the request.
    pub fn uuid(&self, purpose: &str) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.bytes("id", purpose)[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// 32 bytes that nobody can guess, for one purpose within the request.
    pub fn secret(&self, purpose: &str) -> [u8; 32] {
        self.bytes("secret", purpose)
    }

    fn bytes(&self, kind: &str, purpose: &str) -> [u8; 32] {
        SigningKey::new(self.secret).derive(kind, &[purpose.as_bytes()])
    }

    /// As text, for another process of the platform and nobody else: whoever has it can tell every secret of the request.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", hex::encode(self.secret), self.at.micros(), u8::from(self.again))
    }

    /// From [`Seed::to_text`]; `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (secret, at, again) = (parts.next()?, parts.next()?, parts.next()?);
        let secret = hex::decode(secret).ok()?.try_into().ok()?;
        Some(Self { secret, at: Timestamp::from_micros(at.parse().ok()?), again: again == "1" })
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Seed(…, {})", self.at)
    }
}

/// The clock of the edge.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_another_nothing_of_it() {
        let seed = Seed::fresh();
        let again = Seed::from_text(&seed.to_text()).unwrap();
        assert_eq!((again.uuid("file"), again.at(), again.is_again()), (seed.uuid("file"), seed.at(), false));
        assert_eq!(again.command_id("CreateBucket"), seed.command_id("CreateBucket"));
        assert_ne!(seed.uuid("file"), seed.uuid("key"));
        assert_ne!(seed.uuid("file"), Seed::fresh().uuid("file"));
        assert!(!format!("{seed:?}").contains(&hex::encode(seed.secret)));
        assert!(Seed::from_text("00.1.0").is_none());
    }
}
