//! The query of a request, as leniently as clients write it.

use alluvium_kernel::Problem;
use percent_encoding::percent_decode_str;

use crate::error;

/// Names and values in their order, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

/// A version as paths name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The newest that is not hidden.
    Latest,
    /// A number.
    Number(u32),
}

impl Params {
    pub fn parse(query: Option<&str>) -> Self {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect(),
        )
    }

    /// The first value under any of these names; an empty one counts as absent.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        let found = self.0.iter().find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Every value under a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// True only for `true`, in any case of letters.
    pub fn flag(&self, names: &[&str]) -> bool {
        self.text(names).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// One page of a list; `most` bounds it.
    pub fn page<T>(&self, all: Vec<T>, most: usize) -> Result<Vec<T>, Problem> {
        let number = |name: &str, absent: i64| match self.text(&[name]) {
            None => Ok(absent),
            Some(text) => text.parse::<i64>().map_err(|_| not_found()),
        };
        let (offset, limit) = (number("offset", 0)?, number("limit", -1)?);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(most);
        Ok(all.into_iter().skip(usize::try_from(offset).unwrap_or(0)).take(limit).collect())
    }
}

impl Wanted {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.eq_ignore_ascii_case("latest") || text == "-1" {
            return Ok(Self::Latest);
        }
        let number =
            text.parse::<i64>().ok().and_then(|number| i32::try_from(number).ok()).filter(|number| *number > 0);
        number.map(|number| Self::Number(number.cast_unsigned())).ok_or_else(|| error::invalid_version(text))
    }
}

/// What a path answers that is none: a number that is no number makes it one.
pub(super) fn not_found() -> Problem {
    Problem::new("http.not_found", 404, "HTTP 404 Not Found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_as_clients_write_them() {
        let params = Params::parse(Some("a=True&b=false&c=1&d&e=TRUE&s=a%20b+c&deleted_only=true"));
        assert!(params.flag(&["a"]) && params.flag(&["e"]) && params.flag(&["deletedOnly", "deleted_only"]));
        assert!(!params.flag(&["b"]) && !params.flag(&["c"]) && !params.flag(&["d"]) && !params.flag(&["x"]));
        assert_eq!(params.text(&["s"]), Some("a b c"));
    }

    #[test]
    fn versions_and_pages() {
        assert_eq!(Wanted::parse("LaTest").unwrap(), Wanted::Latest);
        assert_eq!(Wanted::parse("-1").unwrap(), Wanted::Latest);
        assert_eq!(Wanted::parse("2147483647").unwrap(), Wanted::Number(2_147_483_647));
        for bad in ["0", "-2", "2147483648", "x", ""] {
            assert_eq!(error::number(&Wanted::parse(bad).unwrap_err()), Some(42202), "{bad}");
        }
        let page = |query: &str| Params::parse(Some(query)).page(vec![1, 2, 3], usize::MAX).unwrap();
        assert_eq!(page("offset=1&limit=1"), [2]);
        assert_eq!(page("limit=-1"), [1, 2, 3]);
        assert_eq!(page("limit=0"), [0; 0]);
    }
}
