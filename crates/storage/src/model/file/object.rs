//! Objects: files that are known by a key. Keys and files are one store: a registered file has a key, and an object is a file.
//!
//! A key that nobody registered belongs to the one file whose id is made from it, so that all that is done to a key is in one
//! order, and the key's object keeps its id when its content is replaced.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Problem, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{File, Stage, check_content_type, check_md5};
use crate::contract::{DeleteObject, FileDeleted, FileEvent, FileRegistered, PutObject};
use crate::model::limits::{FILE_BYTES_MAX, FILE_NAME_BYTES_MAX, OBJECT_KEY_BYTES_MAX};
use crate::model::problem;
use crate::model::table::is_sha256;

/// Digits of a file's id with its dashes.
const ID_CHARS: usize = 36;

/// The key of a file that was not put under another one: `{YYYY}/{MM}/{DD}/{id}_{name}`, by when it became a file.
pub(crate) fn key_of(created: Timestamp, id: &str, name: &str) -> String {
    let day = created.to_rfc3339();
    format!("{}/{id}_{name}", day.get(..10).unwrap_or("1970-01-01").replace('-', "/"))
}

/// The id of the file that may have this key because it was registered, if the key is of that kind.
pub(crate) fn named_file(key: &str) -> Option<&str> {
    let (day, rest) = key.split_at_checked("YYYY/MM/DD/".len())?;
    let is_day =
        day.bytes().zip(*b"0000/00/00/").all(|(is, form)| if form == b'/' { is == b'/' } else { is.is_ascii_digit() });
    let (id, name) = rest.split_at_checked(ID_CHARS)?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte) || byte == b'-');
    (is_day && is_id && name.starts_with('_')).then_some(id)
}

/// The id of the file of a key that nobody registered.
pub(crate) fn object_file(project_uid: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    // A length first: no two pairs read the same.
    hash.update((project_uid.len() as u64).to_be_bytes());
    hash.update(project_uid);
    hash.update(key);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Refuses keys that could mean something else to whoever takes them for paths.
pub(crate) fn check_key(key: &str) -> Result<(), Problem> {
    let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
    let control = key.contains(|c: char| c.is_control() || c == '\u{fffe}' || c == '\u{ffff}');
    if key.is_empty() || key.len() > OBJECT_KEY_BYTES_MAX || key.contains('\\') || control || key.split('/').any(is_odd)
    {
        return Err(problem::invalid_key(key));
    }
    Ok(())
}

/// The last part of a key, as far as a name may go.
fn name_of(key: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or(key);
    last[..last.floor_char_boundary(FILE_NAME_BYTES_MAX)].to_owned()
}

impl Decide<File> for PutObject {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        check_key(&self.key)?;
        check_content_type(self.content_type.as_deref())?;
        check_md5(self.md5.as_deref())?;
        if !is_sha256(&self.blob) || self.size_bytes < 0 {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored blob, with its size."));
        }
        if self.size_bytes > FILE_BYTES_MAX {
            return Err(problem::file_too_large(400, self.size_bytes));
        }
        // The file of a registered key keeps what people see of it, and when it ends.
        let there = state.is_file(&self.project, at.time);
        let name = if there { state.name.clone() } else { name_of(&self.key) };
        let tags = if there { state.tags.clone() } else { BTreeMap::new() };
        let expires_at = state.expires_at.filter(|_| there);
        if there && !state.is_reached_by(&self.branch) {
            return Err(problem::object_of_others(&self.key));
        }
        let branch = if there { state.branch.clone() } else { self.branch };
        let Self { project, key, content_type, blob, size_bytes, md5, file, project_uid, .. } = self;
        Ok(vec![
            FileRegistered {
                project,
                file,
                name,
                content_type,
                blob,
                size_bytes,
                tags,
                project_uid,
                md5,
                key: Some(key),
                expires_at,
                run_id: None,
                counted: true,
                branch,
                is_sliced: false,
            }
            .into(),
        ])
    }
}

impl Decide<File> for DeleteObject {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if state.stage == Stage::Absent || !state.is_file(&self.project, at.time) {
            return Ok(Vec::new());
        }
        if !state.is_reached_by(&self.branch) {
            return Err(problem::object_of_others(&self.key));
        }
        Ok(vec![FileDeleted { project: self.project, file: self.file }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::tests::registered;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn put(key: &str) -> PutObject {
        PutObject {
            project: "Shop".into(),
            key: key.into(),
            content_type: Some("text/plain".into()),
            blob: "0b".repeat(32),
            size_bytes: 7,
            md5: Some("0c".repeat(16)),
            file: "f1".into(),
            project_uid: "p1".into(),
            branch: "default".into(),
        }
    }

    fn object(key: &str, name: &str) -> FileRegistered {
        FileRegistered {
            name: name.into(),
            content_type: Some("text/plain".into()),
            blob: "0b".repeat(32),
            size_bytes: 7,
            tags: BTreeMap::new(),
            md5: Some("0c".repeat(16)),
            key: Some(key.into()),
            ..registered()
        }
    }

    #[test]
    fn an_object_comes_is_replaced_and_goes() {
        let there = || FileEvent::from(object("a/b.txt", "b.txt"));
        given::<File>(nothing()).when(put("a/b.txt").into()).then_expect_events(vec![there()]);
        given::<File>(vec![there()]).when(put("a/b.txt").into()).then_expect_events(vec![there()]);
        let delete = || delete_for("default");
        let gone = FileDeleted { project: "Shop".into(), file: "f1".into() };
        given::<File>(vec![there()]).when(delete().into()).then_expect_events(vec![gone.clone().into()]);
        given::<File>(vec![there(), gone.into()]).when(delete().into()).then_expect_events(nothing());
        given::<File>(nothing()).when(delete().into()).then_expect_events(nothing());
    }

    fn delete_for(branch: &str) -> DeleteObject {
        let (key, file) = ("a/b.txt".into(), "f1".into());
        DeleteObject { project: "Shop".into(), key, file, branch: branch.into() }
    }

    #[test]
    fn an_object_stays_with_the_branch_that_put_it() {
        let put_for = |branch: &str| PutObject { branch: branch.into(), ..put("a/b.txt") };
        let of_branch = || FileEvent::from(FileRegistered { branch: "b1".into(), ..object("a/b.txt", "b.txt") });
        given::<File>(nothing()).when(put_for("b1").into()).then_expect_events(vec![of_branch()]);
        given::<File>(vec![of_branch()]).when(put("a/b.txt").into()).then_expect_events(vec![of_branch()]);
        let of_project = || object("a/b.txt", "b.txt").into();
        for (there, branch) in [(of_branch(), "b2"), (of_project(), "b1")] {
            let result = given::<File>(vec![there.clone()]).when(put_for(branch).into()).inspect_result();
            refused(result, 403, "storage.object_of_others");
            let result = given::<File>(vec![there]).when(delete_for(branch).into()).inspect_result();
            refused(result, 403, "storage.object_of_others");
        }
    }

    #[test]
    fn the_object_of_a_registered_file_keeps_its_name_and_its_end() {
        let before = FileRegistered { expires_at: Some(NOW + 9), ..registered() };
        let tags = before.tags.clone();
        let after = FileRegistered { expires_at: Some(NOW + 9), tags, ..object("2026/01/02/f1_b.csv", "b.csv") };
        given::<File>(vec![before.into()])
            .when(put("2026/01/02/f1_b.csv").into())
            .then_expect_events(vec![after.into()]);
    }

    #[test]
    fn keys_that_look_like_ways_out_are_refused() {
        let long = "k".repeat(OBJECT_KEY_BYTES_MAX + 1);
        for key in ["", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", "..", "a\\b", "a\0b", "a\nb", &long] {
            refused(given::<File>(nothing()).when(put(key).into()).inspect_result(), 400, "storage.invalid_key");
        }
        for key in ["a", "...", "a..b/c", "ä/ö ü+&=.txt", &long[1..]] {
            assert_eq!(given::<File>(nothing()).when(put(key).into()).inspect_result().unwrap().len(), 1, "{key}");
        }
    }

    #[test]
    fn a_key_says_whose_it_is() {
        let id = "0198c7a0-0000-7000-8000-00000000abcd";
        let created = Timestamp::from_micros(1_767_322_245_123_456);
        assert_eq!(key_of(created, id, "b.csv"), format!("2026/01/02/{id}_b.csv"));
        assert_eq!(named_file(&key_of(created, id, "b.csv")), Some(id));
        for other in [&format!("2026/01/02/{id}"), &format!("x026/01/02/{id}_a"), "a/b", "2026/01/02/ä", ""] {
            assert_eq!(named_file(other), None, "{other}");
        }
        assert_eq!(object_file("p1", "a"), object_file("p1", "a"));
        assert_ne!(object_file("p1", "a"), object_file("p1", "b"));
        assert_ne!(object_file("p1", "1a"), object_file("p11", "a"));
        assert_eq!(object_file("p1", "a").len(), ID_CHARS);
    }
}
