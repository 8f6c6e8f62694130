//! The hash chain over one subject's commits: loss and tampering show.

use sha2::{Digest, Sha256};

/// A chain value: the hash over the one before it on the same subject, a payload, and the `Alv-*` headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(String);

impl Chain {
    /// What stands before the first commit of a subject.
    pub fn start() -> Self {
        Self(String::new())
    }

    /// Takes a chain value as found in a header.
    pub fn from_header(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The value after a commit. `headers` are the other `Alv-*` headers of the message, in any order.
    #[must_use]
    pub fn next(&self, payload: &[u8], headers: &[(&str, &str)]) -> Self {
        let mut sorted: Vec<_> = headers.to_vec();
        sorted.sort_unstable();
        let mut hash = Sha256::new();
        hash.update(self.0.as_bytes());
        hash.update(Sha256::digest(payload));
        for (name, value) in sorted {
            // Lengths go in too, so that no two header lists hash alike by moving a boundary.
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value.as_bytes());
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The header's text; empty only before the first commit.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_order_of_headers_does_not() {
        let one = Chain::start().next(b"payload", &[("Alv-Types", "A"), ("Alv-Actor", "admin")]);
        assert_eq!(one, Chain::start().next(b"payload", &[("Alv-Actor", "admin"), ("Alv-Types", "A")]));
        assert_ne!(one, Chain::start().next(b"payloae", &[("Alv-Types", "A"), ("Alv-Actor", "admin")]));
        assert_ne!(one, Chain::start().next(b"payload", &[("Alv-Types", "AAlv"), ("-Actor", "admin")]));
        assert_ne!(one.next(b"x", &[]), Chain::start().next(b"x", &[]));
    }
}
