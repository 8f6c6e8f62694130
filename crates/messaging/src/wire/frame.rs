//! What stands in front of a datum.

use crate::headers::Headers;

/// The two bytes that single-object encoding begins with.
pub const SINGLE_OBJECT_MAGIC: [u8; 2] = [0xC3, 0x01];
/// Magic and fingerprint.
pub const SINGLE_OBJECT_HEADER_BYTES: usize = 10;
/// The byte that a registry's id follows.
pub const CONFLUENT_MAGIC: u8 = 0;
/// Magic and id.
pub const CONFLUENT_HEADER_BYTES: usize = 5;
/// Header with the schema of the value.
pub const VALUE_SCHEMA_ID: &str = "__value_schema_id";
/// Header with the schema of the key.
pub const KEY_SCHEMA_ID: &str = "__key_schema_id";
/// First byte of such a header's value when a GUID follows.
const GUID_MAGIC: u8 = 1;

/// What names a writer's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaName {
    /// The registry's number.
    Id(u32),
    /// The registry's GUID.
    Guid([u8; 16]),
    /// CRC-64-AVRO.
    Fingerprint(u64),
}

impl std::fmt::Display for SchemaName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(formatter, "id:{id}"),
            Self::Guid(guid) => write!(formatter, "guid:{}", uuid::Uuid::from_bytes(*guid)),
            Self::Fingerprint(fingerprint) => write!(formatter, "fp64:{fingerprint:016x}"),
        }
    }
}

/// The fingerprint and the datum of a single object.
#[inline]
pub fn single_object(payload: &[u8]) -> Option<(u64, &[u8])> {
    let (head, datum) = payload.split_first_chunk::<SINGLE_OBJECT_HEADER_BYTES>()?;
    let [0xC3, 0x01, fingerprint @ ..] = head else { return None };
    Some((u64::from_le_bytes(*fingerprint), datum))
}

/// What a single object of this fingerprint begins with.
pub fn single_object_prefix(fingerprint: u64) -> [u8; SINGLE_OBJECT_HEADER_BYTES] {
    let mut prefix = [0; SINGLE_OBJECT_HEADER_BYTES];
    prefix[..2].copy_from_slice(&SINGLE_OBJECT_MAGIC);
    prefix[2..].copy_from_slice(&fingerprint.to_le_bytes());
    prefix
}

/// The id and the datum behind it.
#[inline]
pub fn confluent(payload: &[u8]) -> Option<(u32, &[u8])> {
    let (head, datum) = payload.split_first_chunk::<CONFLUENT_HEADER_BYTES>()?;
    let [CONFLUENT_MAGIC, id @ ..] = head else { return None };
    Some((u32::from_be_bytes(*id), datum))
}

/// What a message of this id begins with.
pub fn confluent_prefix(id: u32) -> [u8; CONFLUENT_HEADER_BYTES] {
    let mut prefix = [CONFLUENT_MAGIC; CONFLUENT_HEADER_BYTES];
    prefix[1..].copy_from_slice(&id.to_be_bytes());
    prefix
}

/// The schema that a header names; `Err` holds what is wrong with it.
pub fn header(headers: &Headers, name: &str) -> Option<Result<SchemaName, String>> {
    let value = headers.get(name)?;
    Some(match value.split_first() {
        Some((&GUID_MAGIC, guid)) => {
            guid.try_into().map(SchemaName::Guid).map_err(|_| format!("{name} has {} bytes for a GUID", guid.len()))
        }
        Some((&CONFLUENT_MAGIC, id)) => id
            .try_into()
            .map(|id| SchemaName::Id(u32::from_be_bytes(id)))
            .map_err(|_| format!("{name} has {} bytes for an id", id.len())),
        _ => Err(format!("{name} begins with neither 00 nor 01")),
    })
}

/// The value of a header that names a GUID.
pub fn guid_header(guid: [u8; 16]) -> [u8; 17] {
    let mut value = [GUID_MAGIC; 17];
    value[1..].copy_from_slice(&guid);
    value
}

/// The list of message indexes that Protobuf has behind the id; the list `[0]` is one byte `00`.
pub fn protobuf_indexes(indexes: &[i32], out: &mut Vec<u8>) {
    if indexes == [0] {
        out.push(0);
        return;
    }
    super::varint::write(out, indexes.len() as i64);
    for index in indexes {
        super::varint::write(out, i64::from(*index));
    }
}

/// Most indexes that are read: deeper messages have no names anybody writes.
const PROTOBUF_INDEXES_MAX: usize = 64;

/// Takes the list of message indexes off; `None` when it is broken.
pub fn read_protobuf_indexes(rest: &mut &[u8]) -> Option<Vec<i32>> {
    let count = usize::try_from(super::varint::read(rest)?).ok()?;
    match count {
        0 => Some(vec![0]),
        1..=PROTOBUF_INDEXES_MAX => {
            (0..count).map(|_| super::varint::read(rest).and_then(|index| i32::try_from(index).ok())).collect()
        }
        _ => None,
    }
}
