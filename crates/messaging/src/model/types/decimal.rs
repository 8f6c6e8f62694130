//! Decimals: exact, or an error.

use rust_decimal::Decimal as Number;
use serde::{Deserializer, Serializer};

use super::bytes::with_bytes;
use crate::avro_as::{BigDecimal, Decimal, DecimalFixed};
use crate::model::avro_type::out_of_range;
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

/// Bytes that a decimal as `fixed` may have.
const FIXED_BYTES_MAX: usize = 1024;
/// Bytes of the length and the scale in front of and behind the digits of a big decimal, at most.
const BIG_EXTRA_BYTES_MAX: usize = 20;

impl<const P: u32, const S: u32> AvroType<Decimal<P, S>> for Number {
    const KIND: Kind = Kind::Bytes;
    const LOGICAL: Option<&'static str> = Some("decimal");
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        decimal_schema(P, S)
    }
    fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        encode_scaled(at_scale(*self, P, S), self, P, S, None, serializer)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |bytes| number(i128_of(bytes)?, S))
    }
}

impl<const P: u32, const S: u32, const N: usize> AvroType<DecimalFixed<P, S, N>> for Number {
    const KIND: Kind = Kind::Fixed(N);
    const LOGICAL: Option<&'static str> = Some("decimal");
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        fixed_schema(builder, place, N, P, S)
    }
    fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        encode_scaled(at_scale(*self, P, S), self, P, S, Some(N), serializer)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |bytes| number(i128_of(bytes)?, S))
    }
}

impl AvroType<BigDecimal> for Number {
    const KIND: Kind = Kind::Bytes;
    const LOGICAL: Option<&'static str> = Some("big-decimal");
    fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
        SchemaText::logical("bytes", "big-decimal")
    }
    fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let (all, start) = twos_complement(self.mantissa());
        let digits = &all[start..];
        let mut bytes = Vec::with_capacity(digits.len() + BIG_EXTRA_BYTES_MAX);
        crate::wire::varint::write(&mut bytes, digits.len() as i64);
        bytes.extend_from_slice(digits);
        crate::wire::varint::write(&mut bytes, i64::from(self.scale()));
        serializer.serialize_bytes(&bytes)
    }
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_bytes(deserializer, |mut bytes| {
            let broken = || "a broken big decimal".to_owned();
            let length = crate::wire::varint::read(&mut bytes).and_then(|length| usize::try_from(length).ok());
            let (digits, mut rest) = length.and_then(|length| bytes.split_at_checked(length)).ok_or_else(broken)?;
            let scale = crate::wire::varint::read(&mut rest).filter(|_| rest.is_empty()).ok_or_else(broken)?;
            let scale = u32::try_from(scale).map_err(|_| format!("a big decimal of scale {scale}"))?;
            number(i128_of(digits)?, scale)
        })
    }
}

pub(super) fn decimal_schema(precision: u32, scale: u32) -> SchemaText {
    SchemaText::raw(format!(r#"{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":{scale}}}"#))
}

pub(super) fn fixed_schema(
    builder: &mut SchemaBuilder,
    place: &Place<'_>,
    size: usize,
    precision: u32,
    scale: u32,
) -> SchemaText {
    builder.fixed(place, size, &format!(r#","logicalType":"decimal","precision":{precision},"scale":{scale}"#))
}

/// Writes digits, `None` where the value has more than fit.
pub(super) fn encode_scaled<S: Serializer>(
    digits: Option<i128>,
    shown: &impl std::fmt::Display,
    precision: u32,
    scale: u32,
    size: Option<usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let target = || format!("decimal({precision}, {scale})");
    let digits = digits.ok_or_else(|| out_of_range(shown, target()))?;
    let (all, start) = twos_complement(digits);
    let Some(size) = size else { return serializer.serialize_bytes(&all[start..]) };
    if size > FIXED_BYTES_MAX || all.len() - start > size {
        return Err(out_of_range(shown, format_args!("{} in {size} bytes", target())));
    }
    let mut wide = [if digits < 0 { 0xFF } else { 0 }; FIXED_BYTES_MAX];
    wide[size - (all.len() - start)..size].copy_from_slice(&all[start..]);
    serializer.serialize_bytes(&wide[..size])
}

/// Big-endian, and where the shortest form of it begins.
fn twos_complement(number: i128) -> ([u8; 16], usize) {
    let bytes = number.to_be_bytes();
    let fill = if number < 0 { 0xFF } else { 0 };
    let mut start = 0;
    while start < bytes.len() - 1 && bytes[start] == fill && (bytes[start + 1] ^ fill) & 0x80 == 0 {
        start += 1;
    }
    (bytes, start)
}

/// The number that big-endian bytes stand for.
pub(super) fn i128_of(bytes: &[u8]) -> Result<i128, String> {
    let fill = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xFF } else { 0 };
    let split = bytes.len().saturating_sub(16);
    let (high, low) = bytes.split_at(split);
    let fits = high.iter().all(|byte| *byte == fill) && (high.is_empty() || (low[0] ^ fill) & 0x80 == 0);
    if !fits {
        return Err(format!("a decimal of {} bytes; 16 are the most", bytes.len()));
    }
    let mut wide = [fill; 16];
    wide[16 - low.len()..].copy_from_slice(low);
    Ok(i128::from_be_bytes(wide))
}

/// The digits, if there are no more than `precision`.
pub(super) fn in_digits(number: i128, precision: u32) -> Option<i128> {
    let bound = 10_u128.checked_pow(precision)?;
    (number.unsigned_abs() < bound).then_some(number)
}

/// Digits of a decimal at exactly this scale.
fn at_scale(number: Number, precision: u32, scale: u32) -> Option<i128> {
    let digits = number.mantissa();
    let digits = if let Some(more) = scale.checked_sub(number.scale()) {
        digits.checked_mul(10_i128.checked_pow(more)?)?
    } else {
        let unit = 10_i128.checked_pow(number.scale() - scale)?;
        (digits % unit == 0).then_some(digits / unit)?
    };
    in_digits(digits, precision)
}

fn number(digits: i128, scale: u32) -> Result<Number, String> {
    Number::try_from_i128_with_scale(digits, scale).map_err(|_| {
        // More digits than this type counts with, but maybe only zeros behind the point.
        format!("{digits} with {scale} digits behind the point is more than the Rust type holds")
    })
}
