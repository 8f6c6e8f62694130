//! What a key of chosen buckets may.

use std::collections::BTreeMap;

use alluvium_kernel::{Access, BucketReach, Problem};
use serde::{Deserialize, Serialize};

use crate::contract::KeyPermissions;
use crate::error;

/// Buckets that one key may name.
pub const BUCKETS_PER_KEY_MAX: usize = 200;
/// Length of a bucket's name in a key's permissions, in bytes.
pub const BUCKET_NAME_BYTES_MAX: usize = 96;

/// What a key of chosen buckets may in the main branch of its project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// What it may with the tables of these buckets.
    pub(super) buckets: BTreeMap<String, Access>,
    /// Whether it may do anything with any bucket.
    pub manage_buckets: bool,
    /// Whether it may issue, change, rotate and revoke keys that are no wider.
    pub manage_tokens: bool,
    /// Whether it may read files that are not its own.
    pub read_all_files: bool,
}

impl Permissions {
    /// Of what a command says; what it cannot mean is refused.
    pub fn checked(given: &KeyPermissions) -> Result<Self, Problem> {
        if given.buckets.len() > BUCKETS_PER_KEY_MAX {
            return Err(error::invalid_key(format!("`permissions` may name {BUCKETS_PER_KEY_MAX} buckets.")));
        }
        for (bucket, right) in &given.buckets {
            if bucket.is_empty() || bucket.len() > BUCKET_NAME_BYTES_MAX || bucket.chars().any(char::is_control) {
                let detail = format!("A bucket's name in `permissions` takes 1 to {BUCKET_NAME_BYTES_MAX} bytes.");
                return Err(error::invalid_key(detail));
            }
            if access(right).is_none() {
                return Err(error::unknown_bucket_right(bucket, right));
            }
        }
        Ok(Self::logged(given))
    }

    /// The same for what stands on the log already: a right that is none of this release gives nothing.
    pub(crate) fn logged(given: &KeyPermissions) -> Self {
        let known = given.buckets.iter().filter_map(|(bucket, right)| Some((bucket.clone(), access(right)?)));
        Self {
            buckets: known.collect(),
            manage_buckets: given.manage_buckets,
            manage_tokens: given.manage_tokens,
            read_all_files: given.read_all_files,
        }
    }

    /// As commands and events say it.
    pub fn contract(&self) -> KeyPermissions {
        KeyPermissions {
            buckets: self.buckets.iter().map(|(bucket, access)| (bucket.clone(), access.to_string())).collect(),
            manage_buckets: self.manage_buckets,
            manage_tokens: self.manage_tokens,
            read_all_files: self.read_all_files,
        }
    }

    /// Whether they let their holder do this with the tables of a bucket.
    pub(crate) fn on(&self, bucket: &str, asked: Access) -> bool {
        self.manage_buckets || self.buckets.get(bucket).is_some_and(|access| *access >= asked)
    }

    /// The buckets whose tables they let their holder read.
    pub(crate) fn readable(&self) -> BucketReach {
        if self.manage_buckets { BucketReach::everything() } else { BucketReach::of(self.buckets.keys().cloned()) }
    }

    /// Whether they give at least what others do.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        (self.manage_buckets || !other.manage_buckets)
            && (self.manage_tokens || !other.manage_tokens)
            && (self.read_all_files || !other.read_all_files)
            && other.buckets.iter().all(|(bucket, access)| self.on(bucket, *access))
    }
}

fn access(right: &str) -> Option<Access> {
    match right {
        "read" => Some(Access::Read),
        "write" => Some(Access::Write),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of pairs `bucket:right`.
    pub(crate) fn of(buckets: &[&str]) -> Permissions {
        let pairs = buckets.iter().map(|pair| pair.split_once(':').unwrap());
        let buckets = pairs.map(|(bucket, right)| (bucket.to_owned(), right.to_owned())).collect();
        Permissions::checked(&KeyPermissions { buckets, ..Permissions::default().contract() }).unwrap()
    }

    #[test]
    fn a_right_is_of_one_bucket_and_write_includes_read() {
        let two = of(&["a:read", "b:write"]);
        let may = |bucket| [Access::Read, Access::Write].map(|access| two.on(bucket, access));
        assert_eq!([may("a"), may("b"), may("c")], [[true, false], [true, true], [false, false]]);
        assert!(Permissions { manage_buckets: true, ..two.clone() }.on("c", Access::Write));
        assert_eq!(two.readable().names(), Some(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_covers_gives_all_that_is_covered() {
        let (own, managing) = (of(&["a:write", "b:read"]), Permissions { manage_buckets: true, ..of(&[]) });
        for (narrower, expected) in [
            (of(&["a:write"]), true),
            (of(&["a:read", "b:read"]), true),
            (of(&["b:write"]), false),
            (of(&["c:read"]), false),
        ] {
            assert_eq!(own.cover(&narrower), expected, "{narrower:?}");
            assert!(managing.cover(&narrower));
        }
        for wider in [
            managing.clone(),
            Permissions { manage_tokens: true, ..of(&[]) },
            Permissions { read_all_files: true, ..of(&[]) },
        ] {
            assert!(!own.cover(&wider) && wider.cover(&wider) && wider.cover(&of(&[])), "{wider:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_gives_nothing_where_it_stands_on_the_log() {
        let with = |bucket: &str, right: &str| KeyPermissions {
            buckets: [(bucket.to_owned(), right.to_owned())].into(),
            ..Permissions::default().contract()
        };
        for wrong in [with("a", "own"), with("", "read"), with("a\n", "read"), with(&"a".repeat(97), "read")] {
            assert_eq!(Permissions::checked(&wrong).unwrap_err().code, "access.invalid_key", "{wrong:?}");
        }
        assert_eq!(Permissions::logged(&with("a", "own")), Permissions::default());
        let many = (0..=BUCKETS_PER_KEY_MAX).map(|n| (n.to_string(), "read".to_owned())).collect();
        let many = KeyPermissions { buckets: many, ..Permissions::default().contract() };
        assert_eq!(Permissions::checked(&many).unwrap_err().code, "access.invalid_key");
        assert_eq!(of(&["a:write"]).contract(), with("a", "write"));
    }
}
