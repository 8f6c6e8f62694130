//! `ETag` and `If-Match`: a pipeline's tag is its version (RFC 9110, 13.1.1).

use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue};

/// Tags that one request names, at most; the rest is not looked at.
const TAGS_MAX: usize = 32;
/// What stands for a tag that no pipeline has.
const NONE: i64 = -1;
/// What stands for any.
const ANY: i64 = 0;

/// The tag of a version.
pub(crate) fn etag(version: i64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok()
}

/// The versions that a request wants, as commands take them: none where it does not say.
pub(crate) fn if_versions(headers: &HeaderMap) -> Vec<i64> {
    let values = headers.get_all(IF_MATCH).iter();
    let tags = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    tags.take(TAGS_MAX).map(|tag| version(tag.trim())).collect()
}

/// Weak tags match nothing where something is to be changed.
fn version(tag: &str) -> i64 {
    if tag == "*" {
        return ANY;
    }
    let inside = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let number = inside.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|text| text.parse().ok()).filter(|version| *version > 0).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_versions() {
        for (values, expected) in [
            (vec![], vec![]),
            (vec!["\"3\""], vec![3]),
            (vec!["\"3\" , \"4\"", "*"], vec![3, 4, 0]),
            (vec!["W/\"3\""], vec![-1]),
            (vec!["3"], vec![-1]),
            (vec!["\"0\""], vec![-1]),
            (vec!["\"+3\""], vec![-1]),
            (vec!["\"99999999999999999999\""], vec![-1]),
            (vec![""], vec![-1]),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(IF_MATCH, value.parse().unwrap());
            }
            assert_eq!(if_versions(&headers), expected, "{values:?}");
        }
        assert_eq!(etag(7).unwrap(), "\"7\"");
        let mut headers = HeaderMap::new();
        headers.insert(IF_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap());
        assert_eq!(if_versions(&headers), [-1]);
    }
}
