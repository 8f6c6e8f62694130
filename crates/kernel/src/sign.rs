//! Signatures of the gateway: who a message acts for is believed only with one.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{Actor, Timestamp};

/// How far `Alv-Time` may be from the moment the stream took the message, in seconds: an old signed message published
/// again by somebody else is refused.
pub const SIGNATURE_SKEW_MAX_SECONDS: i64 = 300;

/// The key shared by gateways and workers. Never printed.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// A key from 32 secret bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Hex HMAC-SHA256 over id, actor, time, subject and payload hash.
    pub fn sign(&self, id: &str, actor: &Actor, time: Timestamp, subject: &str, payload: &[u8]) -> String {
        hex::encode(self.mac(id, actor, time, subject, payload).finalize().into_bytes())
    }

    /// Whether `signature` is ours; takes the same time whatever is wrong with it.
    pub fn verify(
        &self,
        signature: &str,
        id: &str,
        actor: &Actor,
        time: Timestamp,
        subject: &str,
        payload: &[u8],
    ) -> bool {
        hex::decode(signature)
            .is_ok_and(|given| self.mac(id, actor, time, subject, payload).verify_slice(&given).is_ok())
    }

    /// Hex HMAC-SHA256 of one text, for purposes named by `purpose` (token digests, presigned links).
    pub fn digest(&self, purpose: &str, text: &str) -> String {
        hex::encode(self.derive(purpose, &[text.as_bytes()]))
    }

    /// A further secret for one purpose and these parts, in this order: HMAC-SHA256 over all of them.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.empty();
        part(&mut mac, purpose.as_bytes());
        for bytes in parts {
            part(&mut mac, bytes);
        }
        mac.finalize().into_bytes().into()
    }

    fn mac(&self, id: &str, actor: &Actor, time: Timestamp, subject: &str, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.empty();
        part(&mut mac, b"message");
        part(&mut mac, id.as_bytes());
        part(&mut mac, actor.to_string().as_bytes());
        part(&mut mac, &time.micros().to_be_bytes());
        part(&mut mac, subject.as_bytes());
        part(&mut mac, &Sha256::digest(payload));
        mac
    }

    fn empty(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("HMAC takes a key of any length")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SigningKey(…)")
    }
}

/// Each part goes in with its length, so that no boundary can be moved.
fn part(mac: &mut Hmac<Sha256>, bytes: &[u8]) {
    mac.update(&(bytes.len() as u64).to_be_bytes());
    mac.update(bytes);
}

/// Hex SHA-256 of a command's subject and body: tells the same command sent again from another one under its id.
pub fn body_hash(subject: &str, payload: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update((subject.len() as u64).to_be_bytes());
    hash.update(subject.as_bytes());
    hash.update(payload);
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_exactly_one_message() {
        let key = SigningKey::new([7; 32]);
        let at = Timestamp::from_micros(5);
        let signature = key.sign("id", &Actor::Admin, at, "cmd.default.storage.X", b"{}");
        let check = |key: &SigningKey, id, actor, time, subject, payload| {
            key.verify(&signature, id, &actor, time, subject, payload)
        };
        assert!(check(&key, "id", Actor::Admin, at, "cmd.default.storage.X", b"{}"));
        assert!(!check(&SigningKey::new([8; 32]), "id", Actor::Admin, at, "cmd.default.storage.X", b"{}"));
        assert!(!check(&key, "ie", Actor::Admin, at, "cmd.default.storage.X", b"{}"));
        assert!(!check(&key, "id", Actor::Key("k".into()), at, "cmd.default.storage.X", b"{}"));
        assert!(!check(&key, "id", Actor::Admin, Timestamp::from_micros(6), "cmd.default.storage.X", b"{}"));
        assert!(!check(&key, "id", Actor::Admin, at, "cmd.other.storage.X", b"{}"));
        assert!(!check(&key, "id", Actor::Admin, at, "cmd.default.storage.X", b"{ }"));
        assert!(!key.verify("zz", "id", &Actor::Admin, at, "cmd.default.storage.X", b"{}"));
    }

    #[test]
    fn what_is_derived_depends_on_every_part_and_where_it_ends() {
        let key = SigningKey::new([7; 32]);
        let derived = key.derive("p", &[b"ab", b"c"]);
        assert_eq!(derived, key.derive("p", &[b"ab", b"c"]));
        for other in [key.derive("p", &[b"a", b"bc"]), key.derive("p", &[b"abc"]), key.derive("q", &[b"ab", b"c"])] {
            assert_ne!(derived, other);
        }
        assert_eq!(key.digest("p", "ab"), hex::encode(key.derive("p", &[b"ab"])));
    }
}
