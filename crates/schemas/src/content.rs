//! What makes content equal: hashes over text, references, metadata and rules; and texts as they travel.

use std::io::{Read as _, Write as _};

use alluvium_kernel::Problem;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::contract::SchemaReference;
use crate::error;
use crate::kinds::SchemaType;
use crate::model::Digest;

/// Longest text of a schema, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 1024 * 1024;
/// Texts longer than this travel deflated, in bytes: a message has less room than a schema may take.
const PLAIN_BYTES_MAX: usize = 64 * 1024;

/// The two hashes of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Equal content.
    pub identity: Digest,
    /// Equal meaning.
    pub equality: Digest,
}

/// What is attached to a schema, as JSON texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Metadata.
    pub metadata: Option<String>,
    /// Rules.
    pub rule_set: Option<String>,
}

impl Hashes {
    /// Of a text in its two forms.
    pub fn of(
        kind: SchemaType,
        identity_text: &str,
        equality_text: &str,
        references: &[SchemaReference],
        attached: &Attached,
    ) -> Self {
        let begin = |text: &str| {
            let hash = Sha256::new().chain_update(kind.as_str()).chain_update([0]);
            hash.chain_update((text.len() as u64).to_be_bytes()).chain_update(text)
        };
        let mut identity = begin(identity_text);
        for reference in references {
            for part in [&reference.name, &reference.subject] {
                identity.update((part.len() as u64).to_be_bytes());
                identity.update(part);
            }
            identity.update(reference.version.to_be_bytes());
        }
        let end = |mut hash: Sha256| {
            for part in [&attached.metadata, &attached.rule_set] {
                hash.update([u8::from(part.is_some())]);
                hash.update(part.as_deref().unwrap_or_default());
            }
            Digest(hash.finalize().into())
        };
        Self { identity: end(identity), equality: end(begin(equality_text)) }
    }
}

/// The GUID of a content: MD5 over text, references, metadata and rules, in the form of a UUID.
pub fn guid(identity_text: &str, references: &[SchemaReference], attached: &Attached) -> String {
    let mut hash = Md5::new();
    hash.update(identity_text);
    for reference in references {
        hash.update(&reference.name);
        hash.update(&reference.subject);
        hash.update(reference.version.to_be_bytes());
    }
    for part in [&attached.metadata, &attached.rule_set].into_iter().flatten() {
        hash.update([1]);
        hash.update(part);
    }
    print_guid(&hash.finalize().into())
}

/// Sixteen bytes as a UUID's text.
pub fn print_guid(bytes: &[u8; 16]) -> String {
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Reads a UUID's text.
pub fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text.replace('-', ""), &mut bytes).ok()?;
    Some(bytes)
}

/// A text as it travels: plain, or deflated if it is long.
pub fn pack(text: &str) -> (String, Vec<u8>) {
    if text.len() <= PLAIN_BYTES_MAX {
        return (text.to_owned(), Vec::new());
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    // Writing into memory does not fail; if it did, the plain text is as good.
    packed.map_or_else(|_| (text.to_owned(), Vec::new()), |packed| (String::new(), packed))
}

/// The text again; refuses one that is too long.
pub fn unpack(text: &str, packed: &[u8]) -> Result<String, Problem> {
    if packed.is_empty() {
        return if text.len() > SCHEMA_BYTES_MAX {
            Err(error::too_large(SCHEMA_BYTES_MAX))
        } else {
            Ok(text.to_owned())
        };
    }
    let mut out = String::new();
    let limit = SCHEMA_BYTES_MAX as u64 + 1;
    let read = DeflateDecoder::new(packed).take(limit).read_to_string(&mut out);
    match read {
        Ok(_) if out.len() > SCHEMA_BYTES_MAX => Err(error::too_large(SCHEMA_BYTES_MAX)),
        Ok(_) => Ok(out),
        Err(cause) => Err(error::malformed(format!("`packed` is no deflated text: {cause}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_travel_whole_and_bombs_do_not_open() {
        for text in ["", "{}", &"x".repeat(PLAIN_BYTES_MAX + 1)] {
            let (plain, packed) = pack(text);
            assert_eq!(unpack(&plain, &packed).unwrap(), *text);
            assert!(plain.is_empty() || packed.is_empty());
        }
        let (_, bomb) = pack(&"x".repeat(SCHEMA_BYTES_MAX + 1));
        assert_eq!(error::number(&unpack("", &bomb).unwrap_err()), Some(42209));
        assert_eq!(error::number(&unpack("", b"nonsense").unwrap_err()), Some(422));
    }

    #[test]
    fn hashes_tell_content_from_meaning() {
        let of = |text: &str, references: &[SchemaReference], metadata: Option<&str>| {
            let attached = Attached { metadata: metadata.map(str::to_owned), rule_set: None };
            Hashes::of(SchemaType::Avro, text, "inlined", references, &attached)
        };
        let reference = SchemaReference { name: "n".into(), subject: "s".into(), version: 1 };
        let (plain, referring, noted) = (of("a", &[], None), of("a", &[reference], None), of("a", &[], Some("{}")));
        assert_ne!(plain.identity, referring.identity);
        assert_eq!(plain.equality, referring.equality);
        assert_ne!(plain.equality, noted.equality);
        let guid = guid("\"int\"", &[], &Attached::default());
        assert_eq!(print_guid(&parse_guid(&guid).unwrap()), guid);
    }
}
