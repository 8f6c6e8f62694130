//! The mapping between a Rust type and Avro, beside its serde implementation.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::avro_as::Plain;
use super::builder::{Place, SchemaBuilder, SchemaText};
use super::kind::Kind;

/// A Rust type with an Avro schema. Derived; `As` names one of several mappings (see [`avro_as`](crate::avro_as)).
///
/// It does not use the type's serde implementation: that one is what JSON looks like, and a date, a decimal or a big number
/// looks different in Avro.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no Avro schema as `{As}`",
    label = "no mapping to Avro",
    note = "derive AvroType for types of your own; u64, usize, i128, u128 need #[avro(as = \"long\" | \"decimal\" | \"fixed\")], \
            durations as = \"millis\" | \"micros\" | \"nanos\", decimals precision and scale, maps with keys other than String \
            as = \"pairs\""
)]
pub trait AvroType<As = Plain>: Sized {
    /// What it is, for checks at compile time.
    const KIND: Kind;
    /// Its logical type.
    const LOGICAL: Option<&'static str> = None;
    /// What several of it are.
    #[doc(hidden)]
    const ITEMS: Kind = Kind::Array;

    /// Its schema, at `place`, which gives a name to what has none.
    fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText;
    /// Writes it by that schema.
    fn avro_encode<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Reads it from what was written by that schema or one that a plan takes for it.
    fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// What a field of it is that the writer does not know and that has no default of its own.
    fn avro_absent() -> Option<Self> {
        None
    }
    /// The schema of several.
    #[doc(hidden)]
    fn items_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
        SchemaText::array(&Self::avro_schema(builder, place))
    }
    /// Writes several.
    #[doc(hidden)]
    fn items_encode<S: Serializer>(items: &[Self], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(items.iter().map(Ser::<Self, As>::new))
    }
    /// Reads several.
    #[doc(hidden)]
    fn items_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>, D::Error> {
        deserializer.deserialize_seq(List::<Self, As>(PhantomData))
    }
    /// Reads exactly `N`.
    #[doc(hidden)]
    fn array_decode<'de, const N: usize, D: Deserializer<'de>>(deserializer: D) -> Result<[Self; N], D::Error> {
        let items = Self::items_decode(deserializer)?;
        let count = items.len();
        <[Self; N]>::try_from(items)
            .map_err(|_| de::Error::invalid_length(count, &format!("exactly {N} items").as_str()))
    }
}

/// Reads a sequence into a list. Pushing is what makes it fast.
struct List<T, As>(PhantomData<(T, As)>);

impl<'de, T: AvroType<As>, As> de::Visitor<'de> for List<T, As> {
    type Value = Vec<T>;
    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an array")
    }
    #[inline]
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element::<De<T, As>>()? {
            all.push(item.0);
        }
        Ok(all)
    }
}

/// Reads a sequence into a collection.
pub(crate) fn collect<'de, C, T, As, D>(deserializer: D) -> Result<C, D::Error>
where
    C: Default + Extend<T>,
    T: AvroType<As>,
    D: Deserializer<'de>,
{
    struct Items<C, T, As>(PhantomData<(C, T, As)>);
    impl<'de, C: Default + Extend<T>, T: AvroType<As>, As> de::Visitor<'de> for Items<C, T, As> {
        type Value = C;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an array")
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<C, A::Error> {
            let mut all = C::default();
            while let Some(item) = items.next_element::<De<T, As>>()? {
                all.extend(std::iter::once(item.0));
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(Items::<C, T, As>(PhantomData))
}

/// A reference that serde writes as Avro wants it.
#[derive(Debug)]
#[repr(transparent)]
pub struct Ser<'a, T, As = Plain>(&'a T, PhantomData<As>);

impl<'a, T, As> Ser<'a, T, As> {
    /// Of this value.
    #[inline]
    pub fn new(value: &'a T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: AvroType<As>, As> Serialize for Ser<'_, T, As> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.avro_encode(serializer)
    }
}

/// A value that serde reads as Avro has it.
#[derive(Debug)]
#[repr(transparent)]
pub struct De<T, As = Plain>(pub(crate) T, PhantomData<As>);

impl<T, As> De<T, As> {
    /// The value.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<'de, T: AvroType<As>, As> Deserialize<'de> for De<T, As> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::avro_decode(deserializer).map(|value| Self(value, PhantomData))
    }
}

/// Words in the error of a value that its Avro type cannot hold; the codec tells such errors apart by them.
pub(crate) const OUT_OF_RANGE: &str = "cannot be written without loss";

/// The error of a value that its Avro type cannot hold.
#[cold]
pub(crate) fn out_of_range<E: ser::Error>(value: impl std::fmt::Display, target: impl std::fmt::Display) -> E {
    E::custom(format_args!("{value} {OUT_OF_RANGE} as {target}"))
}

/// Writes a field; an error says in which one.
#[inline]
pub fn put<S: ser::SerializeStruct, T: AvroType<As>, As>(
    record: &mut S,
    name: &'static str,
    value: &T,
) -> Result<(), S::Error> {
    record.serialize_field(name, &Ser::<T, As>::new(value)).map_err(|error| at_writing(name, &error))
}

#[cold]
fn at_writing<E: ser::Error>(name: &str, error: &E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

/// Reads a field; an error says in which one.
#[inline]
pub fn take<'de, M: de::MapAccess<'de>, T: AvroType<As>, As>(map: &mut M, name: &'static str) -> Result<T, M::Error> {
    map.next_value::<De<T, As>>().map(De::into_inner).map_err(|error| at_reading(name, &error))
}

#[cold]
fn at_reading<E: de::Error>(name: &str, error: &E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

/// What a field without default is when the writer does not have it.
pub fn absent<T: AvroType<As>, As, E: de::Error>(name: &'static str) -> Result<T, E> {
    T::avro_absent().ok_or_else(|| E::missing_field(name))
}

/// Text of the error of a symbol that an enum without default does not know.
#[cold]
pub fn unknown_symbol(symbol: &str, of: &str) -> String {
    format!("{of} has neither symbol `{symbol}` nor a default")
}

/// Finds the place of a branch by its name.
#[derive(Debug)]
pub struct BranchSeed(pub &'static [&'static str]);

impl<'de> de::DeserializeSeed<'de> for BranchSeed {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for BranchSeed {
    type Value = usize;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the name of a branch")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        self.0.iter().position(|branch| *branch == name).ok_or_else(|| E::unknown_variant(name, self.0))
    }
}
