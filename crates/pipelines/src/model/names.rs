//! Names and words that people give.

use alluvium_kernel::Problem;

use crate::error;

/// Length of a pipeline's name, in characters.
pub const NAME_CHARS_MAX: usize = 63;
/// Length of the name of a connector or a key, in characters.
const KEY_NAME_CHARS_MAX: usize = 100;
/// Length of a description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 300;
/// Tags of a pipeline.
const TAGS_MAX: usize = 50;
/// Length of a tag, in characters.
const TAG_CHARS_MAX: usize = 50;
/// How a pipeline may be called.
const NAME_PATTERN: &str = "^([A-Za-z0-9][-A-Za-z0-9_]*)?[A-Za-z0-9]$";
/// How keys and connectors may be called.
const KEY_NAME_PATTERN: &str = "^[a-zA-Z0-9_-]+$";

/// Refuses what no pipeline can be called.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    check_length(name, NAME_CHARS_MAX)?;
    let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let ends = [name.bytes().next(), name.bytes().next_back()];
    let alphanumeric = ends.into_iter().flatten().all(|byte| byte.is_ascii_alphanumeric());
    if inner && alphanumeric { Ok(()) } else { Err(error::name_pattern(name, NAME_PATTERN)) }
}

/// Refuses what no key can be called.
pub fn check_key_name(name: &str) -> Result<(), Problem> {
    check_length(name, KEY_NAME_CHARS_MAX)?;
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fits { Ok(()) } else { Err(error::name_pattern(name, KEY_NAME_PATTERN)) }
}

fn check_length(name: &str, chars_max: usize) -> Result<(), Problem> {
    if name.is_empty() {
        return Err(error::empty_name());
    }
    let chars = name.chars().count();
    if chars > chars_max { Err(error::too_long_name(name, chars, chars_max)) } else { Ok(()) }
}

/// Refuses what is too long to be a description.
pub(super) fn check_description(description: &str) -> Result<(), Problem> {
    let chars = description.chars().count();
    if chars > DESCRIPTION_CHARS_MAX {
        return Err(error::too_long_description(chars, DESCRIPTION_CHARS_MAX));
    }
    Ok(())
}

/// Refuses tags that are too many, too long, or hold what tags may not.
pub(super) fn check_tags(tags: &[String]) -> Result<(), Problem> {
    if tags.len() > TAGS_MAX {
        return Err(error::too_many_tags(tags.len(), TAGS_MAX));
    }
    let fits = |tag: &String| {
        (1..=TAG_CHARS_MAX).contains(&tag.chars().count())
            && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._/|\\:=-".contains(&byte))
    };
    match tags.iter().find(|tag| !fits(tag)) {
        Some(tag) => Err(error::invalid_tag(tag, TAG_CHARS_MAX)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pipelines() {
        let long = "a".repeat(64);
        for (name, code) in [
            ("a", None),
            ("7", None),
            ("a-b_c9", None),
            (&long[..63], None),
            ("", Some("pipelines.empty_name")),
            (&long, Some("pipelines.too_long_name")),
            ("-a", Some("pipelines.name_does_not_match_pattern")),
            ("a_", Some("pipelines.name_does_not_match_pattern")),
            ("a b", Some("pipelines.name_does_not_match_pattern")),
            ("é", Some("pipelines.name_does_not_match_pattern")),
        ] {
            let refused = check_name(name).err();
            assert_eq!(refused.as_ref().map(|problem| problem.code.as_str()), code, "{name}");
            assert!(refused.is_none_or(|problem| problem.status == 400));
        }
    }

    #[test]
    fn names_of_keys() {
        assert_eq!(check_key_name("-_a"), Ok(()));
        assert_eq!(check_key_name("a.b").unwrap_err().code, "pipelines.name_does_not_match_pattern");
        assert_eq!(check_key_name(&"a".repeat(101)).unwrap_err().code, "pipelines.too_long_name");
    }

    #[test]
    fn descriptions_and_tags() {
        assert_eq!(check_description(&"é".repeat(300)), Ok(()));
        assert_eq!(check_description(&"é".repeat(301)).unwrap_err().code, "pipelines.too_long_description");
        let tags = |list: &[&str]| check_tags(&list.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
        assert_eq!(tags(&["a b", r"._/|\:=-"]), Ok(()));
        for wrong in ["", "é", "a,b", &"a".repeat(51)] {
            assert_eq!(tags(&[wrong]).unwrap_err().code, "pipelines.invalid_tag", "{wrong}");
        }
        assert_eq!(tags(&["a"; 50]), Ok(()));
        assert_eq!(tags(&["a"; 51]).unwrap_err().code, "pipelines.too_many_tags");
    }
}
