//! Integers that no Avro type holds as they are: as long, as decimal, or as big-endian bytes.

use serde::{Deserialize as _, Deserializer, Serializer, de};

use super::bytes::with_bytes;
use super::decimal::{decimal_schema, encode_scaled, fixed_schema, i128_of, in_digits};
use crate::avro_as::{Decimal, DecimalFixed, Fixed, Long};
use crate::model::avro_type::out_of_range;
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

macro_rules! wide {
    ($($type:ty, $fixed:literal;)+) => {$(
        impl AvroType<Long> for $type {
            const KIND: Kind = Kind::Long;
            fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
                SchemaText::primitive("long")
            }
            #[inline]
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let number = i64::try_from(*self).map_err(|_| out_of_range(self, "long"))?;
                serializer.serialize_i64(number)
            }
            #[inline]
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = i64::deserialize(deserializer)?;
                Self::try_from(number).map_err(|_| de::Error::custom(format_args!("{number} is no {}", stringify!($type))))
            }
        }

        impl AvroType<Fixed> for $type {
            const KIND: Kind = Kind::Fixed($fixed);
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                builder.fixed(place, $fixed, "")
            }
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let bytes = self.to_be_bytes();
                let mut wide = [0_u8; $fixed];
                wide[$fixed - bytes.len()..].copy_from_slice(&bytes);
                serializer.serialize_bytes(&wide)
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                with_bytes(deserializer, |bytes| {
                    let split = bytes.len().saturating_sub(size_of::<Self>());
                    let (high, low) = bytes.split_at(split);
                    let low = low.try_into().map_err(|_| format!("{} bytes where there must be {}", bytes.len(), $fixed))?;
                    if high.iter().any(|byte| *byte != 0) {
                        return Err(format!("the number is too large for {}", stringify!($type)));
                    }
                    Ok(Self::from_be_bytes(low))
                })
            }
        }

        impl<const P: u32, const S: u32> AvroType<Decimal<P, S>> for $type {
            const KIND: Kind = Kind::Bytes;
            const LOGICAL: Option<&'static str> = Some("decimal");
            fn avro_schema(_: &mut SchemaBuilder, _: &Place<'_>) -> SchemaText {
                decimal_schema(P, S)
            }
            fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                encode_scaled(scaled(i128::try_from(*self).ok(), P, S), self, P, S, None, serializer)
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                with_bytes(deserializer, |bytes| unscaled(bytes, S)?.try_into().map_err(|_| concat!("no ", stringify!($type)).to_owned()))
            }
        }

        impl<const P: u32, const S: u32, const N: usize> AvroType<DecimalFixed<P, S, N>> for $type {
            const KIND: Kind = Kind::Fixed(N);
            const LOGICAL: Option<&'static str> = Some("decimal");
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                fixed_schema(builder, place, N, P, S)
            }
            fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                encode_scaled(scaled(i128::try_from(*self).ok(), P, S), self, P, S, Some(N), serializer)
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                with_bytes(deserializer, |bytes| unscaled(bytes, S)?.try_into().map_err(|_| concat!("no ", stringify!($type)).to_owned()))
            }
        }
    )+};
}

wide! {
    u64, 8;
    usize, 8;
    i128, 16;
    u128, 16;
}

fn scaled(number: Option<i128>, precision: u32, scale: u32) -> Option<i128> {
    in_digits(number?.checked_mul(10_i128.checked_pow(scale)?)?, precision)
}

fn unscaled(bytes: &[u8], scale: u32) -> Result<i128, String> {
    let number = i128_of(bytes)?;
    let unit = 10_i128.checked_pow(scale).ok_or("the scale is too large")?;
    if number % unit != 0 {
        return Err(format!("{number} with {scale} digits behind the point is no whole number"));
    }
    Ok(number / unit)
}
