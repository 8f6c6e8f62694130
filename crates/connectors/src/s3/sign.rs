//! AWS Signature Version 4 for requests without a body.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// The hash of nothing.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// What is not written with percent signs in values of queries.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// And in paths.
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

/// A key and its secret.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub id: String,
    pub secret: Secret,
}

/// A path with percent signs where they must be.
pub(super) fn path(path: &str) -> String {
    utf8_percent_encode(path, IN_PATH).to_string()
}

/// A query in the order of its names.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    let encode = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// A `GET` to sign; path and query as they are sent.
pub(super) struct Get<'a> {
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub region: &'a str,
    pub at: Timestamp,
}

/// The headers `x-amz-date` and `authorization` of a request, which also has the header `x-amz-content-sha256` of
/// nothing.
pub(super) fn sign(keys: &Keys, get: &Get<'_>) -> (String, String) {
    let moment = get.at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &moment[..8];
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "GET\n{}\n{}\nhost:{}\nx-amz-content-sha256:{EMPTY_SHA256}\nx-amz-date:{moment}\n\n{signed}\n{EMPTY_SHA256}",
        get.path, get.query, get.host
    );
    let scope = format!("{day}/{}/s3/aws4_request", get.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let mut key = format!("AWS4{}", keys.secret.expose()).into_bytes();
    for part in [day, get.region, "s3", "aws4_request", &to_sign] {
        key = mac(&key, part.as_bytes());
    }
    let signature = hex::encode(key);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}", keys.id);
    (moment, authorization)
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a listing in Amazon's documentation of signatures.
    #[test]
    fn a_known_request_has_its_known_signature() {
        let keys =
            Keys { id: "AKIAIOSFODNN7EXAMPLE".into(), secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") };
        let get = Get {
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query: &query(&[("prefix", "J"), ("max-keys", "2")]),
            region: "us-east-1",
            at: "2013-05-24T00:00:00Z".parse().unwrap(),
        };
        let (moment, authorization) = sign(&keys, &get);
        assert_eq!(moment, "20130524T000000Z");
        let signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
    }

    #[test]
    fn paths_and_queries_are_written_as_they_are_signed() {
        assert_eq!(path("/b/a b/ü+~"), "/b/a%20b/%C3%BC%2B~");
        assert_eq!(query(&[("b", "1/2"), ("a", "x y")]), "a=x%20y&b=1%2F2");
    }
}
