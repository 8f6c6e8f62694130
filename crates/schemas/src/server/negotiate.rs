//! Media types: what a body may be, and what an answer is.

use alluvium_kernel::Problem;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};

/// What answers are unless something else is asked for, and what errors always are.
pub(super) const V1_JSON: &str = "application/vnd.schemaregistry.v1+json";
const OFFERED: [(&str, f32); 3] =
    [(V1_JSON, 1.0), ("application/vnd.schemaregistry+json", 0.9), ("application/json", 0.5)];
const BODIES: [&str; 4] =
    [V1_JSON, "application/vnd.schemaregistry+json", "application/json", "application/octet-stream"];

/// The media type of the answer.
pub(super) fn answer_type(headers: &HeaderMap) -> Result<&'static str, Problem> {
    let mut best: Option<(f32, &'static str)> = None;
    let mut asked = false;
    for value in headers.get_all(ACCEPT) {
        for part in value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()) {
            asked = true;
            let (range, weight) = weighted(part);
            for (offered, ours) in OFFERED {
                let rank = weight * ours;
                if rank > 0.0 && accepts(range, offered) && best.is_none_or(|(other, _)| rank > other) {
                    best = Some((rank, offered));
                }
            }
        }
    }
    match best {
        Some((_, offered)) => Ok(offered),
        None if !asked => Ok(V1_JSON),
        None => Err(Problem::new("http.not_acceptable", 406, "HTTP 406 Not Acceptable")),
    }
}

fn weighted(part: &str) -> (&str, f32) {
    let mut pieces = part.split(';').map(str::trim);
    let range = pieces.next().unwrap_or_default();
    let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).and_then(|text| text.parse().ok());
    (range, weight.unwrap_or(1.0))
}

fn accepts(range: &str, offered: &str) -> bool {
    // A wildcard is answered with what we like best.
    let any = range == "*" || range.starts_with("*/") || range.eq_ignore_ascii_case("application/*");
    if any { offered == V1_JSON } else { range.eq_ignore_ascii_case(offered) }
}

/// The character set of a body; refuses types that are not taken.
pub(super) fn body_charset(headers: &HeaderMap) -> Result<Charset, Problem> {
    let unsupported = || Problem::new("http.unsupported_media_type", 415, "HTTP 415 Unsupported Media Type");
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported());
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Charset::Utf8) };
    let text = value.to_str().map_err(|_| unsupported())?;
    let mut pieces = text.split(';').map(str::trim);
    let kind = pieces.next().unwrap_or_default();
    if !kind.is_empty() && !BODIES.iter().any(|taken| taken.eq_ignore_ascii_case(kind)) {
        return Err(unsupported());
    }
    let named = pieces.find_map(|piece| piece.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("charset")));
    match named.map(|(_, name)| name.trim_matches('"').to_ascii_lowercase()).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(Charset::Utf8),
        Some("utf-16") => Ok(Charset::Utf16),
        Some("utf-16le") => Ok(Charset::Utf16Le),
        Some("utf-16be") => Ok(Charset::Utf16Be),
        Some(_) => Err(unsupported()),
    }
}

/// How the letters of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    /// With a mark of its byte order, or big-endian.
    Utf16,
    Utf16Le,
    Utf16Be,
}

impl Charset {
    /// The text, without the mark of byte order.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let (little, bytes) = match (self, bytes) {
            (Self::Utf8, bytes) => {
                let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
                return std::str::from_utf8(bytes).ok().map(str::to_owned);
            }
            (Self::Utf16 | Self::Utf16Le, [0xFF, 0xFE, rest @ ..]) | (Self::Utf16Le, rest) => (true, rest),
            (Self::Utf16 | Self::Utf16Be, [0xFE, 0xFF, rest @ ..] | rest) => (false, rest),
        };
        if bytes.len() % 2 == 1 {
            return None;
        }
        let read = if little { u16::from_le_bytes } else { u16::from_be_bytes };
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        answer_type(&headers).ok()
    }

    #[test]
    fn the_best_offer_is_taken() {
        assert_eq!(answer_type(&HeaderMap::new()).unwrap(), V1_JSON);
        for any in ["*", "*/*", "application/*", "*/anything", "text/html, */*;q=0.1"] {
            assert_eq!(of(any), Some(V1_JSON), "{any}");
        }
        assert_eq!(of("application/json"), Some("application/json"));
        assert_eq!(of("application/vnd.schemaregistry+json, application/json"), Some(OFFERED[1].0));
        assert_eq!(of("application/vnd.schemaregistry.v1+json;q=0.1, application/json"), Some("application/json"));
        assert_eq!(of("text/plain"), None);
        assert_eq!(of("application/json;q=0"), None);
    }

    #[test]
    fn bodies_are_read_in_their_character_set() {
        let utf16: Vec<u8> = "ü".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Charset::Utf16.decode(&utf16).as_deref(), Some("ü"));
        let marked: Vec<u8> = [0xFEFF, 0xFC].into_iter().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Charset::Utf16.decode(&marked).as_deref(), Some("ü"));
        assert_eq!(Charset::Utf8.decode(b"\xff"), None);
        assert_eq!(Charset::Utf16Le.decode(b"a"), None);
    }
}
