//! Names of projects, buckets and tables: what they may be, and when two are the same.

use alluvium_kernel::{Problem, Token};

use super::problem;

/// The longest project id, in characters.
pub const PROJECT_ID_CHARS_MAX: usize = 64;
/// The longest bucket or table name, in characters.
pub const NAME_CHARS_MAX: usize = 96;

/// The longest name of a branch, in characters.
pub const BRANCH_NAME_CHARS_MAX: usize = 128;

/// The main branch, which every project has.
pub const MAIN_BRANCH: &str = "default";
/// The mode of a branch that shows the main line as it is at every moment.
pub const LIVE: &str = "live";
/// The mode of a branch that shows the main line as it was when the branch was made.
pub const PINNED: &str = "pinned";

/// Two names are the same when they fold to the same text.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The id of a project's aggregate. Ids that differ only in case share one, so that the second is found to exist.
pub fn project_aggregate_id(project: &str) -> Result<Token, Problem> {
    project_id(project)
        .and_then(|()| Token::encode(&fold(project)).map_err(|_| problem::invalid_name("project", project)))
}

/// `^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$` without `..`
pub fn project_id(id: &str) -> Result<(), Problem> {
    let fits = plain(id, PROJECT_ID_CHARS_MAX, b"_.-") && !id.contains("..");
    if fits { Ok(()) } else { Err(problem::invalid_name("project", id)) }
}

/// An organisation's id: as for a project. Here case counts, nothing is looked up by it.
pub fn organization_id(id: &str) -> Result<(), Problem> {
    project_id(id).map_err(|_| problem::invalid_name("organization", id))
}

/// A bucket's name as it is stored: a Keboola id `in.c-x` becomes `in_c_x`; all else stays as it is.
pub fn bucket_name(name: &str) -> String {
    let is_keboola_id = ["in.c-", "out.c-", "sys.c-"].iter().any(|stage| name.starts_with(stage));
    if is_keboola_id { name.replace(['.', '-'], "_") } else { name.to_owned() }
}

/// `^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$`, after [`bucket_name`].
pub fn valid_bucket(name: &str) -> Result<(), Problem> {
    if plain(name, NAME_CHARS_MAX, b"_-") { Ok(()) } else { Err(problem::invalid_name("bucket", name)) }
}

/// `^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$`
pub fn valid_table(name: &str) -> Result<(), Problem> {
    if plain(name, NAME_CHARS_MAX, b"_-") { Ok(()) } else { Err(problem::invalid_name("table", name)) }
}

/// 1 to 128 printable characters: a label for people, that stands in no path.
pub fn valid_branch(name: &str) -> Result<(), Problem> {
    let chars = name.chars().count();
    let fits = (1..=BRANCH_NAME_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(problem::invalid_name("branch", name)) }
}

/// 1 to 128 printable characters, as for a branch.
pub fn valid_workspace(name: &str) -> Result<(), Problem> {
    valid_branch(name).map_err(|_| problem::invalid_name("workspace", name))
}

/// A workspace's id, and the name of an object in it: as for a table. What begins with `_` is internal.
pub fn valid_workspace_id(id: &str) -> Result<(), Problem> {
    if plain(id, NAME_CHARS_MAX, b"_-") { Ok(()) } else { Err(problem::invalid_name("workspace object", id)) }
}

/// Whether what a file is of is a key, and no branch.
pub(crate) fn is_key(of: &str) -> bool {
    of.starts_with("key_")
}

/// A file's name is a label only, but one that fits a header and a listing.
pub fn valid_file(name: &str) -> Result<(), Problem> {
    let fits = !name.is_empty()
        && name.len() <= super::limits::FILE_NAME_BYTES_MAX
        && !name.chars().any(|c| c.is_control() || c == '/' || c == '\\');
    if fits { Ok(()) } else { Err(problem::invalid_name("file", name)) }
}

fn plain(name: &str, chars_max: usize, also: &[u8]) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.len() <= chars_max
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || also.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keboola_id_is_stored_with_underscores() {
        assert_eq!(bucket_name("in.c-my-shop"), "in_c_my_shop");
        assert_eq!(bucket_name("sys.c-x.y"), "sys_c_x_y");
        assert_eq!(bucket_name("my-bucket"), "my-bucket");
        assert!(valid_bucket(&bucket_name("in.c-")).is_ok());
        assert!(valid_bucket("in.x").is_err());
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["", "..", "a..b", ".a", "a/b", "a b", "%2e%2e", "a\0", "ä", &"a".repeat(65)] {
            assert_eq!(project_id(name).unwrap_err().code, "storage.invalid_name", "{name:?}");
        }
        for name in ["", "-a", "a.b", "a/b", "a\\b", &"a".repeat(97)] {
            assert!(valid_bucket(name).is_err() && valid_table(name).is_err(), "{name:?}");
        }
        for name in ["", "a/b", "a\\b", "a\nb", "a\0", &"a".repeat(256)] {
            assert!(valid_file(name).is_err(), "{name:?}");
        }
        assert!(project_id("a.b-c_D9").is_ok() && valid_table("0").is_ok() && valid_file("Übersicht 1.csv").is_ok());
    }

    #[test]
    fn ids_that_differ_in_case_share_an_aggregate() {
        assert_eq!(project_aggregate_id("Shop").unwrap(), project_aggregate_id("sHOP").unwrap());
        assert_ne!(project_aggregate_id("a.b").unwrap(), project_aggregate_id("a_b").unwrap());
    }
}
