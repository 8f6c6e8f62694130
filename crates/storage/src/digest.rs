//! Digests of content that surfaces promise besides the SHA-256 that names it: taken while it is stored.

use alluvium_eventlog::blob::Digests;
use md5::{Digest as _, Md5};

/// The MD5 of content, which clients of objects know it by. It protects nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Md5Sum(Md5);

impl Md5Sum {
    /// In hex.
    pub fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}

impl Digests for Md5Sum {
    fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }
}
