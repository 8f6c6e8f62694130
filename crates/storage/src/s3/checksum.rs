//! Digests of an object: its MD5, and the checksum its sender promises.

use alluvium_eventlog::blob::Digests;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Digest as CrcDigest, Table};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::digest::Md5Sum;

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A checksum while content goes by.
enum Sum {
    Crc32(CrcDigest<'static, u32, Table<16>>),
    Crc64(CrcDigest<'static, u64, Table<16>>),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Sum {
    /// By the name of the header that has it.
    fn of(header: &str) -> Option<Self> {
        Some(match header.to_ascii_lowercase().strip_prefix("x-amz-checksum-")? {
            "crc32" => Self::Crc32(CRC32.digest()),
            "crc32c" => Self::Crc32(CRC32C.digest()),
            "crc64nvme" => Self::Crc64(CRC64.digest()),
            "sha1" => Self::Sha1(Sha1::new()),
            "sha256" => Self::Sha256(Sha256::new()),
            _ => return None,
        })
    }

    fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Crc32(sum) => sum.update(piece),
            Self::Crc64(sum) => sum.update(piece),
            Self::Sha1(sum) => sum.update(piece),
            Self::Sha256(sum) => sum.update(piece),
        }
    }

    fn base64(self) -> String {
        match self {
            Self::Crc32(sum) => STANDARD.encode(sum.finalize().to_be_bytes()),
            Self::Crc64(sum) => STANDARD.encode(sum.finalize().to_be_bytes()),
            Self::Sha1(sum) => STANDARD.encode(sum.finalize()),
            Self::Sha256(sum) => STANDARD.encode(sum.finalize()),
        }
    }
}

/// The digests of one object.
#[derive(Default)]
pub(super) struct ObjectDigests {
    md5: Md5Sum,
    sums: Vec<(String, Sum)>,
}

/// What they come to.
pub(super) struct Digested {
    /// In hex.
    pub md5: String,
    /// By the headers' names.
    sums: Vec<(String, String)>,
}

impl ObjectDigests {
    /// Also the checksum of this header; one that nobody knows is left out.
    pub fn add(&mut self, header: &str) {
        let name = header.trim().to_ascii_lowercase();
        if self.sums.iter().all(|(known, _)| *known != name)
            && let Some(sum) = Sum::of(&name)
        {
            self.sums.push((name, sum));
        }
    }

    pub fn finish(self) -> Digested {
        let sums = self.sums.into_iter().map(|(name, sum)| (name, sum.base64())).collect();
        Digested { md5: self.md5.hex(), sums }
    }
}

impl Digested {
    /// Whether a checksum is the content's. One of a kind that nobody knows is not looked at.
    pub fn agrees(&self, header: &str, value: &str) -> bool {
        self.sums.iter().find(|(name, _)| name == header).is_none_or(|(_, sum)| sum == value.trim())
    }

    /// Whether `Content-MD5` is the content's.
    pub fn is_md5(&self, base64: &str) -> bool {
        STANDARD.decode(base64.trim()).is_ok_and(|given| hex::encode(given) == self.md5)
    }
}

impl Digests for ObjectDigests {
    fn update(&mut self, piece: &[u8]) {
        self.md5.update(piece);
        for (_, sum) in &mut self.sums {
            sum.update(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checksum_is_that_of_the_check_text() {
        let known = [
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
            ("x-amz-checksum-sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ];
        let mut digests = ObjectDigests::default();
        known.iter().for_each(|(name, _)| digests.add(name));
        digests.add("x-amz-checksum-unheard-of");
        digests.update(b"12345");
        digests.update(b"6789");
        let digested = digests.finish();
        for (name, sum) in known {
            assert!(digested.agrees(name, sum), "{name}");
            assert!(!digested.agrees(name, "AAAA"), "{name}");
        }
        assert!(digested.agrees("x-amz-checksum-unheard-of", "x"));
        assert_eq!(digested.md5, "25f9e794323b453885f5181f1b624d0b");
        assert!(digested.is_md5("JfnnlDI7RTiF9RgfG2JNCw==") && !digested.is_md5("AAAA") && !digested.is_md5("?"));
    }
}
