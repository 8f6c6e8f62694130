//! What is kept of a request: by what it is known, what its seed is made of, and how far it is.

use alluvium_kernel::{Problem, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use super::answer::no_chance;
use crate::seed::now;

/// Random bytes of which a seed is made, with what the caller has.
const NONCE_BYTES: usize = 32;

/// By what a request is told from another one under its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    pub method: String,
    /// SHA-256 of the canonical path and the query.
    pub endpoint: String,
    /// SHA-256 of the body.
    pub body: String,
    /// A digest of the caller's credential.
    pub credential: String,
}

/// A process, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// The name that no other living process has.
    pub node: String,
    /// Drawn at its start.
    pub life: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// A process has claimed it and is at it; the beat changes as long as it is.
    Running { by: Process, claim: String, beat: u64 },
    /// It was begun, and what came of it is not known: the next one asks again, with the same seed.
    Open,
    /// Its answer, sealed.
    Done { answer: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub print: Print,
    /// What the seed is made of, together with the credential and the key.
    pub nonce: String,
    /// When it first came, in microseconds since 1970.
    pub began: i64,
    pub state: State,
}

impl Entry {
    /// For a request that nothing is known of.
    pub fn new(print: Print) -> Result<Self, Problem> {
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| no_chance())?;
        Ok(Self { print, nonce: hex::encode(nonce), began: now().micros(), state: State::Open })
    }

    pub fn began(&self) -> Timestamp {
        Timestamp::from_micros(self.began)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(bytes).map_err(|error| {
            tracing::error!(%error, "what is kept under an idempotency key cannot be read");
            Problem::internal()
        })
    }
}

impl Print {
    /// Refuses another request under the key, saying the first thing in which it differs.
    pub fn must_be(&self, first: &Self) -> Result<(), Problem> {
        let what = if self.method != first.method {
            format!("It was used with {}, not {}.", first.method, self.method)
        } else if self.endpoint != first.endpoint {
            "It was used with a different endpoint.".to_owned()
        } else if self.body != first.body {
            "It was used with a different request body.".to_owned()
        } else if self.credential != first.credential {
            "It was used by another caller.".to_owned()
        } else {
            return Ok(());
        };
        let detail = format!("This idempotency key belongs to another request. {what}");
        Err(Problem::new("http.idempotency_conflict", 409, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(method: &str, endpoint: &str, body: &str, credential: &str) -> Print {
        let text = |text: &str| text.to_owned();
        Print { method: text(method), endpoint: text(endpoint), body: text(body), credential: text(credential) }
    }

    #[test]
    fn differences_are_told_in_the_order_of_the_surface() {
        let first = print("POST", "a", "b", "c");
        let said = |other: Print| other.must_be(&first).map_err(|problem| problem.detail);
        assert_eq!(said(first.clone()), Ok(()));
        for (other, expected) in [
            (print("DELETE", "x", "x", "x"), "used with POST, not DELETE"),
            (print("POST", "x", "x", "x"), "different endpoint"),
            (print("POST", "a", "x", "x"), "different request body"),
            (print("POST", "a", "b", "x"), "another caller"),
        ] {
            let detail = said(other).unwrap_err();
            assert!(detail.contains(expected), "{detail}");
        }
    }
}
