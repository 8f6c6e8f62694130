//! Maps: with text keys, or as pairs.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::collections::Item;
use crate::avro_as::{OfValues, Pairs, Plain};
use crate::model::avro_type::{Ser, put, take};
use crate::model::{AvroType, FieldHead, Head, Kind, Place, SchemaBuilder, SchemaText, builder::DefaultSource};

macro_rules! map {
    ($type:ident<$key:ident, $value:ident $(, $hasher:ident)?> where $($bounds:tt)+) => {
        impl<As: OfValues, V: AvroType<As> $(, $hasher: BuildHasher + Default)?> AvroType<As> for $type<String, V $(, $hasher)?> {
            const KIND: Kind = Kind::Map;
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                SchemaText::map(&V::avro_schema(builder, place))
            }
            fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let mut map = serializer.serialize_map(Some(self.len()))?;
                for (key, value) in self {
                    map.serialize_entry(key, &Ser::<V, As>::new(value))?;
                }
                map.end()
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Entries<C, V, As>(PhantomData<(C, V, As)>);
                impl<'de, C: Default + Extend<(String, V)>, V: AvroType<As>, As> de::Visitor<'de> for Entries<C, V, As> {
                    type Value = C;
                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str("a map")
                    }
                    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<C, A::Error> {
                        let mut all = C::default();
                        while let Some((key, value)) = entries.next_entry::<String, Item<V, As>>()? {
                            all.extend(std::iter::once((key, value.into_inner())));
                        }
                        Ok(all)
                    }
                }
                deserializer.deserialize_map(Entries::<Self, V, As>(PhantomData))
            }
        }

        impl<$key: AvroType + $($bounds)+, $value: AvroType $(, $hasher: BuildHasher + Default)?> AvroType<Pairs>
            for $type<$key, $value $(, $hasher)?>
        {
            const KIND: Kind = Kind::Array;
            fn avro_schema(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
                pairs_schema::<$key, $value>(builder, place)
            }
            fn avro_encode<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                serializer.collect_seq(self.iter().map(|(key, value)| PairRef { key, value }))
            }
            fn avro_decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                pairs_decode::<$key, $value, Self, D>(deserializer)
            }
        }
    };
}

map!(HashMap<K, V, H> where Eq + Hash);
map!(BTreeMap<K, V> where Ord);

fn pairs_schema<K: AvroType, V: AvroType>(builder: &mut SchemaBuilder, place: &Place<'_>) -> SchemaText {
    let name = format!("{}_{}", place.record, place.field);
    let head = Head { name: &name, namespace: place.namespace, doc: None, aliases: &[] };
    let record = builder.record(&head, std::any::type_name::<(K, V)>(), |builder, fields| {
        for (field, kind) in [("key", K::KIND), ("value", V::KIND)] {
            let head = FieldHead {
                place: Place { namespace: place.namespace, record: &name, field },
                doc: None,
                aliases: &[],
                order: None,
                kind,
                default: DefaultSource::Absent,
            };
            fields.push(if field == "key" {
                builder.field(&head, K::avro_schema)
            } else {
                builder.field(&head, V::avro_schema)
            });
        }
    });
    SchemaText::array(&record)
}

struct PairRef<'a, K, V> {
    key: &'a K,
    value: &'a V,
}

impl<K: AvroType, V: AvroType> Serialize for PairRef<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = serializer.serialize_struct("", 2)?;
        put::<_, K, Plain>(&mut record, "key", self.key)?;
        put::<_, V, Plain>(&mut record, "value", self.value)?;
        serde::ser::SerializeStruct::end(record)
    }
}

struct Pair<K, V>(K, V);

impl<'de, K: AvroType, V: AvroType> Deserialize<'de> for Pair<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<K, V>(PhantomData<(K, V)>);
        impl<'de, K: AvroType, V: AvroType> de::Visitor<'de> for Fields<K, V> {
            type Value = Pair<K, V>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a record of key and value")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pair<K, V>, A::Error> {
                let (mut key, mut value) = (None, None);
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "key" => key = Some(take::<_, K, Plain>(&mut map, "key")?),
                        "value" => value = Some(take::<_, V, Plain>(&mut map, "value")?),
                        _ => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                }
                let missing = |name| move || <A::Error as de::Error>::missing_field(name);
                Ok(Pair(
                    key.or_else(K::avro_absent).ok_or_else(missing("key"))?,
                    value.or_else(V::avro_absent).ok_or_else(missing("value"))?,
                ))
            }
        }
        deserializer.deserialize_struct("", &[], Fields(PhantomData))
    }
}

fn pairs_decode<'de, K: AvroType, V: AvroType, C: Default + Extend<(K, V)>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<C, D::Error> {
    struct Items<K, V, C>(PhantomData<(K, V, C)>);
    impl<'de, K: AvroType, V: AvroType, C: Default + Extend<(K, V)>> de::Visitor<'de> for Items<K, V, C> {
        type Value = C;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an array of pairs")
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<C, A::Error> {
            let mut all = C::default();
            while let Some(Pair(key, value)) = items.next_element()? {
                all.extend(std::iter::once((key, value)));
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(Items(PhantomData))
}
