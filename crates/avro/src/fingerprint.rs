//! Fingerprints: of the canonical form for wires, of the normal form for identity.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::Schema;

/// What a fingerprint is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-64-AVRO, little-endian, as in single-object framing.
    Crc64Avro,
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "crc64" | "crc-64-avro" | "crc64avro" => Ok(Self::Crc64Avro),
            "md5" => Ok(Self::Md5),
            "sha256" | "sha-256" => Ok(Self::Sha256),
            _ => Err(format!("`{text}` is no fingerprint; there are crc64, md5 and sha256")),
        }
    }
}

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (EMPTY & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

/// CRC-64-AVRO of some bytes.
pub fn crc64_avro(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |value, byte| (value >> 8) ^ TABLE[((value ^ u64::from(*byte)) & 0xFF) as usize])
}

impl Schema {
    /// CRC-64-AVRO of the canonical form; on the wire it is little-endian. Computed once.
    pub fn fingerprint64(&self) -> u64 {
        self.canonical().1
    }

    /// A fingerprint of the canonical form in hexadecimal. CRC-64 is written as the number, highest digit first.
    pub fn fingerprint(&self, algorithm: Algorithm) -> String {
        match algorithm {
            Algorithm::Crc64Avro => format!("{:016x}", self.fingerprint64()),
            Algorithm::Md5 => hex::encode(Md5::digest(self.canonical().0.as_bytes())),
            Algorithm::Sha256 => hex::encode(Sha256::digest(self.canonical().0.as_bytes())),
        }
    }

    /// SHA-256 of the normal form with references inlined: unlike a fingerprint it sees defaults, aliases, docs and logical
    /// types.
    pub fn identity(&self) -> [u8; 32] {
        Sha256::digest(self.normalized_inlined().as_bytes()).into()
    }

    pub(crate) fn canonical(&self) -> &(String, u64) {
        self.0.canonical.get_or_init(|| {
            let text = crate::text::canonical(self);
            let fingerprint = crc64_avro(text.as_bytes());
            (text, fingerprint)
        })
    }
}
