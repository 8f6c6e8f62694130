//! Where the memory of a pipeline is, as the tool `pprof` reads it: a packed Protocol Buffers message, `profile.proto` of pprof.
//!
//! What is counted is what the engine knows of itself: rows and bytes of tables and of what operations keep.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::profile::Profile;

/// Numbers of fields of the message.
const SAMPLE_TYPE: u32 = 1;
const SAMPLE: u32 = 2;
const LOCATION: u32 = 4;
const FUNCTION: u32 = 5;
const STRING_TABLE: u32 = 6;
const TIME_NANOS: u32 = 9;

/// Wire types.
const VARINT: u32 = 0;
const BYTES: u32 = 2;

/// The memory of a pipeline, packed.
pub(crate) fn pprof(profile: &Profile, at_micros: i64) -> std::io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&message(profile, at_micros))?;
    packed.finish()
}

fn message(profile: &Profile, at_micros: i64) -> Vec<u8> {
    let mut texts = Texts::default();
    let mut whole = Vec::new();
    for (what, unit) in [("inuse_objects", "count"), ("inuse_space", "bytes")] {
        let mut value_type = Vec::new();
        number(&mut value_type, 1, texts.place(what));
        number(&mut value_type, 2, texts.place(unit));
        bytes(&mut whole, SAMPLE_TYPE, &value_type);
    }
    // The pipeline is what all of it lies in.
    let outermost = 1;
    let mut functions = vec![profile.pipeline().to_owned()];
    for (part, rows, size) in profile.memory() {
        functions.push(part);
        let (mut sample, mut stack, mut values) = (Vec::new(), Vec::new(), Vec::new());
        varint(&mut stack, functions.len() as u64);
        varint(&mut stack, outermost);
        bytes(&mut sample, 1, &stack);
        varint(&mut values, rows as u64);
        varint(&mut values, size as u64);
        bytes(&mut sample, 2, &values);
        bytes(&mut whole, SAMPLE, &sample);
    }
    for (id, function) in (1_u64..).zip(&functions) {
        let (mut location, mut line, mut described) = (Vec::new(), Vec::new(), Vec::new());
        number(&mut line, 1, id);
        number(&mut location, 1, id);
        bytes(&mut location, 4, &line);
        bytes(&mut whole, LOCATION, &location);
        number(&mut described, 1, id);
        number(&mut described, 2, texts.place(function));
        bytes(&mut whole, FUNCTION, &described);
    }
    for text in &texts.0 {
        bytes(&mut whole, STRING_TABLE, text.as_bytes());
    }
    number(&mut whole, TIME_NANOS, at_micros.unsigned_abs().saturating_mul(1_000));
    whole
}

/// Texts, which the message names by their places; the first is empty.
struct Texts(Vec<String>);

impl Default for Texts {
    fn default() -> Self {
        Self(vec![String::new()])
    }
}

impl Texts {
    fn place(&mut self, text: &str) -> u64 {
        let found = self.0.iter().position(|it| it == text);
        let place = found.unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        });
        place as u64
    }
}

fn number(to: &mut Vec<u8>, field: u32, value: u64) {
    varint(to, u64::from(field << 3 | VARINT));
    varint(to, value);
}

fn bytes(to: &mut Vec<u8>, field: u32, content: &[u8]) {
    varint(to, u64::from(field << 3 | BYTES));
    varint(to, content.len() as u64);
    to.extend_from_slice(content);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Fields of a message: number, and what it holds; numbers as bytes of their own.
    fn fields(mut from: &[u8]) -> Vec<(u64, Vec<u8>, u64)> {
        let mut found = Vec::new();
        while !from.is_empty() {
            let tag = take(&mut from);
            let value = take(&mut from);
            if tag & 7 == u64::from(BYTES) {
                let (content, rest) = from.split_at(usize::try_from(value).unwrap());
                found.push((tag >> 3, content.to_vec(), 0));
                from = rest;
            } else {
                found.push((tag >> 3, Vec::new(), value));
            }
        }
        found
    }

    fn take(from: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = from[0];
            *from = &from[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return value;
            }
            shift += 7;
        }
    }

    #[test]
    fn each_part_is_a_sample_whose_stack_ends_in_the_pipeline() {
        let profile = crate::profile::tests::profile();
        let packed = pprof(&profile, 1_700_000_000_000_000).unwrap();
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut whole).unwrap();
        let fields_of = |number: u32| -> Vec<Vec<u8>> {
            fields(&whole).into_iter().filter(|field| field.0 == u64::from(number)).map(|field| field.1).collect()
        };
        let texts: Vec<String> =
            fields_of(STRING_TABLE).into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
        assert_eq!(texts, ["", "inuse_objects", "count", "inuse_space", "bytes", "shops", "tables", "s10 sort v"]);
        let samples = fields_of(SAMPLE);
        assert_eq!(fields(&samples[1]), [(1, vec![3, 1], 0), (2, vec![3, 120], 0)]);
        assert_eq!(fields_of(LOCATION).len(), 3);
        let functions: Vec<u64> = fields_of(FUNCTION).iter().map(|function| fields(function)[1].2).collect();
        assert_eq!(functions, [5, 6, 7]);
        let time = fields(&whole).into_iter().find(|field| field.0 == u64::from(TIME_NANOS)).unwrap().2;
        assert_eq!(time, 1_700_000_000_000_000_000);
    }
}
