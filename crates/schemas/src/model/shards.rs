//! Maps that are cheap to copy: whoever decides on a command, and whoever reads while something is written, works on a copy.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hash, Hasher as _};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Parts of one map; a change copies one part.
const PARTS: usize = 128;

type Part<K, V> = HashMap<K, Arc<V>, BuildHasherDefault<DefaultHasher>>;

/// A map of shared parts.
#[derive(Debug)]
pub struct Shards<K, V>(Vec<Arc<Part<K, V>>>);

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&Arc<V>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(part(key))?.get(key)
    }

    /// Puts a value.
    pub fn insert(&mut self, key: K, value: V) {
        self.part_mut(&key).insert(key, Arc::new(value));
    }

    /// Takes a value away.
    pub fn remove(&mut self, key: &K) {
        if self.get(key).is_some() {
            self.part_mut(key).remove(key);
        }
    }

    /// The value of a key, which is made if it is not there, to be changed.
    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        Arc::make_mut(self.part_mut(&key).entry(key).or_default())
    }

    /// The value of a key, to be changed, if it is there.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get(key)?;
        self.part_mut(key).get_mut(key).map(Arc::make_mut)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Arc<V>)> {
        self.0.iter().flat_map(|part| part.iter())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part_mut(&mut self, key: &K) -> &mut Part<K, V> {
        if self.0.is_empty() {
            self.0 = (0..PARTS).map(|_| Arc::default()).collect();
        }
        Arc::make_mut(&mut self.0[part(key)])
    }
}

fn part<Q: Hash + ?Sized>(key: &Q) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    // Not the bits that the part's own table looks at first.
    (hasher.finish() >> 48) as usize % PARTS
}

impl<K: Eq + Hash + Clone, V: Clone + PartialEq> PartialEq for Shards<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Serialize + Eq + Hash + Clone + Ord, V: Serialize + Clone> Serialize for Shards<K, V> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut all: Vec<(&K, &V)> = self.iter().map(|(key, value)| (key, &**value)).collect();
        all.sort_by(|a, b| a.0.cmp(b.0));
        all.serialize(out)
    }
}

impl<'de, K: Deserialize<'de> + Eq + Hash + Clone, V: Deserialize<'de> + Clone> Deserialize<'de> for Shards<K, V> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut shards = Self::default();
        for (key, value) in Vec::<(K, V)>::deserialize(input)? {
            shards.insert(key, value);
        }
        Ok(shards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_does_not_see_later_changes() {
        let mut map = Shards::default();
        (0..1000).for_each(|n| map.insert(n, n.to_string()));
        let copy = map.clone();
        map.entry(7).push('!');
        map.remove(&8);
        assert_eq!((copy.get(&7).unwrap().as_str(), map.get(&7).unwrap().as_str()), ("7", "7!"));
        assert_eq!((copy.len(), map.len()), (1000, 999));
        assert!(copy != map);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<Shards<i32, String>>(&text).unwrap(), map);
    }
}
