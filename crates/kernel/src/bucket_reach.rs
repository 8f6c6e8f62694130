//! Which buckets of a project somebody reads, for lists and queries, which ask of many at once.

use std::collections::BTreeSet;

/// The buckets of one project whose tables somebody may read; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketReach {
    everything: bool,
    buckets: BTreeSet<String>,
}

impl BucketReach {
    /// All buckets, also those to come.
    pub fn everything() -> Self {
        Self { everything: true, buckets: BTreeSet::new() }
    }

    /// These, by name.
    pub fn of(buckets: impl IntoIterator<Item = String>) -> Self {
        Self { everything: false, buckets: buckets.into_iter().collect() }
    }

    /// Whether a bucket is among them.
    pub fn has(&self, bucket: &str) -> bool {
        self.everything || self.buckets.contains(bucket)
    }

    /// Their names, where that is not all.
    pub fn names(&self) -> Option<Vec<String>> {
        (!self.everything).then(|| self.buckets.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_within_reach() {
        let two = BucketReach::of(["a".to_owned(), "b".to_owned()]);
        assert_eq!(["a", "b", "A", ""].map(|bucket| two.has(bucket)), [true, true, false, false]);
        assert_eq!(two.names(), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(BucketReach::default().names(), Some(vec![]));
        assert!(BucketReach::everything().has("c") && BucketReach::everything().names().is_none());
    }
}
