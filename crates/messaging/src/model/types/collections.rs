//! Optional values, lists, sets, and what is transparent.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserializer, Serializer, de};

use crate::model::avro_type::{De, Ser, collect};
use crate::model::kind::nullable;
use crate::model::{AvroType, Kind, Place, SchemaBuilder, SchemaText};

impl<As, T: AvroType<As>> AvroType<As> for Option<T> {
    const KIND: Kind = nullable(&T::KIND);
    const LOGICAL: Option<&'static str> = T::LOGICAL;
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        T::avro_schema(builder, place).nullable()
    }
    #[inline]
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            None => serializer.serialize_none(),
            Some(value) => serializer.serialize_some(&Ser::<T, As>::new(value)),
        }
    }
    #[inline]
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Maybe<T, As>(PhantomData<(T, As)>);
        impl<'de, T: AvroType<As>, As> de::Visitor<'de> for Maybe<T, As> {
            type Value = Option<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("null or a value")
            }
            #[inline]
            fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
            #[inline]
            fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
            #[inline]
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
                T::avro_decode(deserializer).map(Some)
            }
        }
        deserializer.deserialize_option(Maybe::<T, As>(PhantomData))
    }
    fn avro_absent() -> Option<Self> {
        Some(None)
    }
}

impl<As, T: AvroType<As>> AvroType<As> for Vec<T> {
    const KIND: Kind = T::ITEMS;
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        T::items_schema(builder, place)
    }
    #[inline]
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::items_encode(self, serializer)
    }
    #[inline]
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::items_decode(deserializer)
    }
}

impl<As, T: AvroType<As>, const N: usize> AvroType<As> for [T; N] {
    const KIND: Kind = match T::ITEMS {
        Kind::Bytes => Kind::Fixed(N),
        other => other,
    };
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        match T::ITEMS {
            Kind::Bytes => builder.fixed(place, N, ""),
            _ => T::items_schema(builder, place),
        }
    }
    #[inline]
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::items_encode(self, serializer)
    }
    #[inline]
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::array_decode::<N, D>(deserializer)
    }
}

macro_rules! sequence {
    ($type:ty; $($params:tt)+) => {
        impl<As, $($params)+> AvroType<As> for $type where T: AvroType<As> {
            const KIND: Kind = Kind::Array;
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                SchemaText::array(&T::avro_schema(builder, place))
            }
            fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                serializer.collect_seq(self.iter().map(Ser::<T, As>::new))
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                collect::<Self, T, As, D>(deserializer)
            }
        }
    };
}

sequence!(VecDeque<T>; T);
sequence!(BTreeSet<T>; T: Ord);
sequence!(HashSet<T, H>; T: Eq + Hash, H: BuildHasher + Default);

macro_rules! transparent {
    ($($outer:ident)+) => {$(
        impl<As, T: AvroType<As>> AvroType<As> for $outer<T> {
            const KIND: Kind = T::KIND;
            const LOGICAL: Option<&'static str> = T::LOGICAL;
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                T::avro_schema(builder, place)
            }
            fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                T::avro_encode(self, serializer)
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                T::avro_decode(deserializer).map($outer::new)
            }
            fn avro_absent() -> Option<Self> {
                T::avro_absent().map($outer::new)
            }
        }
    )+};
}

transparent!(Box Arc);

/// A value that serde reads as Avro has it, for the collections here.
pub(super) type Item<T, As> = De<T, As>;
