//! `multipart`: an object that is uploaded in parts, from the first word of it until it is an object, or nothing.
//!
//! Its parts are blobs of their own. What makes them one object is a blob that holds them all, one behind the other, which whoever
//! completes the upload stores before it asks; the decision is whether these are the parts that are here now.

mod end;
mod part;
mod start;

use std::collections::BTreeMap;

use alluvium_kernel::{Problem, Timestamp};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::limits::{FILE_BYTES_MAX, MULTIPART_PART_BYTES_MIN};
use super::names::MAIN_BRANCH;
use super::problem;

/// An upload's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multipart {
    /// Id of the project.
    pub project: String,
    /// The incarnation of the project it belongs to.
    pub project_uid: String,
    /// The branch whose keys reach it; `default` when only keys of the whole project do.
    pub branch: String,
    /// Key of the object that it becomes.
    pub key: String,
    /// Media type of that.
    pub content_type: Option<String>,
    /// Its end, in microseconds since 1970.
    pub expires_at: i64,
    /// What is there of it, by number.
    pub parts: BTreeMap<i32, Part>,
    /// How far it is.
    pub stage: MultipartStage,
}

/// A part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Hex MD5 of its content.
    pub md5: String,
    /// Its size.
    pub size_bytes: i64,
}

/// How far an upload is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MultipartStage {
    /// Never heard of.
    #[default]
    Absent,
    /// Takes parts.
    Open,
    /// It is an object. Remembered until the upload's time is over, for a client that did not hear the answer and asks again.
    Completed {
        /// What named the object's content.
        md5: String,
    },
    /// Gone.
    Gone,
}

impl Multipart {
    /// Refuses what takes no parts: not begun, for another project or branch, over, or done.
    fn open(&self, (project, branch): (&str, &str), upload: &str, at: Timestamp) -> Result<(), Problem> {
        if self.stage == MultipartStage::Open && self.is_reached(project, branch) && !self.is_over(at) {
            Ok(())
        } else {
            Err(problem::no_such_upload(upload))
        }
    }

    fn is_reached(&self, project: &str, branch: &str) -> bool {
        self.project == project && (branch == MAIN_BRANCH || self.branch == branch)
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.expires_at <= at.micros()
    }

    /// What its parts take, but for one.
    pub(crate) fn bytes_besides(&self, number: i32) -> i64 {
        self.parts.iter().filter(|(known, _)| **known != number).map(|(_, part)| part.size_bytes).sum()
    }
}

/// What names the content of an object that came in parts, by the MD5s of these in order: clients compute the same.
pub(crate) fn etag_of<'a>(md5s: impl Iterator<Item = &'a str>) -> String {
    let (mut hash, mut count) = (Md5::new(), 0);
    for md5 in md5s {
        // What is no MD5 has none of the bytes that any part has: the result names nothing that is here.
        hash.update(hex::decode(md5).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(hash.finalize()))
}

/// The size of chosen parts together; refuses those that cannot be an object.
pub(crate) fn fits(parts: &[(i32, i64)]) -> Result<i64, Problem> {
    if parts.is_empty() || parts.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(problem::invalid_part_order());
    }
    let small = parts[..parts.len() - 1].iter().find(|(_, bytes)| *bytes < MULTIPART_PART_BYTES_MIN);
    if let Some((number, bytes)) = small {
        return Err(problem::part_too_small(*number, *bytes));
    }
    let whole = parts.iter().map(|(_, bytes)| bytes).sum();
    if whole > FILE_BYTES_MAX { Err(problem::file_too_large(400, whole)) } else { Ok(whole) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::spec::NOW;
    use super::*;
    use crate::contract::{MultipartEvent, MultipartStarted, PartStaged};
    use crate::model::spec::refused;

    pub(crate) fn started() -> MultipartStarted {
        MultipartStarted {
            project: "Shop".into(),
            upload: "u1".into(),
            key: "a/b.bin".into(),
            content_type: Some("text/plain".into()),
            expires_at: NOW + 1,
            project_uid: "p1".into(),
            branch: "default".into(),
        }
    }

    /// MD5 of the part of this digit.
    pub(crate) fn md5(digit: char) -> String {
        digit.to_string().repeat(32)
    }

    pub(crate) fn staged(number: i32, digit: char, size_bytes: i64) -> MultipartEvent {
        let blob = digit.to_string().repeat(64);
        PartStaged { project: "Shop".into(), upload: "u1".into(), number, blob, size_bytes, md5: md5(digit) }.into()
    }

    #[test]
    fn the_etag_is_the_one_that_clients_compute() {
        let md5s = ["900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"];
        assert_eq!(etag_of(md5s.into_iter()), "fdf1fdf1567f6942ffe1743f1e72301e-2");
        assert_ne!(etag_of(md5s.into_iter().rev()), "fdf1fdf1567f6942ffe1743f1e72301e-2");
    }

    #[test]
    fn parts_are_in_order_and_large_enough() {
        const MIN: i64 = MULTIPART_PART_BYTES_MIN;
        let sum = |parts: &[(i32, i64)]| fits(parts).map(|sum| vec![sum]);
        assert_eq!(fits(&[(1, MIN), (7, MIN), (9, 1)]), Ok(2 * MIN + 1));
        assert_eq!(fits(&[(3, 0)]), Ok(0));
        for wrong in [&[][..], &[(2, MIN), (1, MIN)], &[(1, MIN), (1, MIN)]] {
            refused(sum(wrong), 400, "storage.invalid_part_order");
        }
        refused(sum(&[(1, MIN - 1), (2, MIN)]), 400, "storage.part_too_small");
        refused(sum(&[(1, FILE_BYTES_MAX), (2, 1)]), 400, "storage.file_too_large");
    }
}
