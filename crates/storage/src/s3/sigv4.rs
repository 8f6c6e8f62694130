//! AWS's signature version 4, checked: what was signed, made anew from the request as it came, and the signature over it.

use std::fmt::Write as _;

use alluvium_kernel::Timestamp;
use axum::http::{HeaderMap, Method};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

/// The only algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service that signatures are for.
const SERVICE: &str = "s3";
/// Headers one signature may cover.
const SIGNED_HEADERS_MAX: usize = 100;
/// What stays as it is in a canonical query: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a request says about its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// Who signed.
    pub access_key: String,
    /// `20130524`
    day: String,
    region: String,
    /// Names of the headers that it covers, lower case.
    signed_headers: Vec<String>,
    /// In hex.
    hex: String,
    /// `20130524T000000Z`
    pub moment: String,
}

/// A key for one day, region and service: what requests and the chunks of their bodies are signed with.
#[derive(Clone)]
pub(super) struct SigningKey([u8; 32]);

/// What is needed to check the chunks of a body that is signed in chunks.
#[derive(Clone)]
pub(super) struct ChunkSigner {
    key: SigningKey,
    moment: String,
    scope: String,
    /// Signature of what came before.
    previous: String,
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl SigningKey {
    fn derive(secret: &str, day: &str, region: &str, service: &str) -> Self {
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
        for part in [region, service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        Self(key)
    }

    fn sign(&self, text: &str) -> [u8; 32] {
        hmac(&self.0, text.as_bytes())
    }
}

/// Whether two signatures are the same; takes the same time wherever they differ.
fn matches(expected: [u8; 32], given_hex: &str) -> bool {
    let mut given = [0; 32];
    if hex::decode_to_slice(given_hex, &mut given).is_err() {
        return false;
    }
    // Comparing under a key nobody knows hides how far they agree.
    let blind: [u8; 16] = uuid::Uuid::new_v4().into_bytes();
    hmac(&blind, &expected) == hmac(&blind, &given)
}

/// `20130524T000000Z` as a moment.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let (day, time) = text.split_once('T')?;
    if day.len() != 8 || time.len() != 7 || !time.ends_with('Z') {
        return None;
    }
    let [year, month, date] = [digits(0, 4)?, digits(4, 6)?, digits(6, 8)?];
    let [hour, minute, second] = [digits(9, 11)?, digits(11, 13)?, digits(13, 15)?];
    Timestamp::parse(&format!("{year}-{month}-{date}T{hour}:{minute}:{second}Z"))
}

impl Signature {
    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`; the moment is another header's.
    pub fn of_header(value: &str, moment: &str) -> Option<Self> {
        let rest = value.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let part = |name: &str| {
            rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim)
        };
        Self::of_parts(part("Credential")?, part("SignedHeaders")?, part("Signature")?, moment)
    }

    /// From the parts, wherever they stood.
    pub fn of_parts(credential: &str, signed_headers: &str, signature: &str, moment: &str) -> Option<Self> {
        let mut scope = credential.rsplitn(5, '/');
        let (end, service, region, day, access_key) =
            (scope.next()?, scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
        let fits = end == "aws4_request"
            && service == SERVICE
            && moment.get(..8) == Some(day)
            && signed_headers.len() <= SIGNED_HEADERS_MAX
            && signed_headers.iter().any(|name| name == "host");
        let [access_key, day, region, hex, moment] = [access_key, day, region, signature, moment].map(str::to_owned);
        fits.then_some(Self { access_key, day, region, signed_headers, hex, moment })
    }

    fn scope(&self) -> String {
        format!("{}/{}/{SERVICE}/aws4_request", self.day, self.region)
    }

    /// Checks the signature over a request whose body is described by `payload`; what checks the chunks of that body when it is
    /// right.
    pub fn check(&self, secret: &str, request: &Signed<'_>, payload: &str) -> Option<ChunkSigner> {
        let canonical = request.canonical(&self.signed_headers, payload);
        let scope = self.scope();
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.moment, sha256_hex(canonical.as_bytes()));
        let key = SigningKey::derive(secret, &self.day, &self.region, SERVICE);
        matches(key.sign(&text), &self.hex).then(|| ChunkSigner {
            key,
            moment: self.moment.clone(),
            scope,
            previous: self.hex.clone(),
        })
    }
}

impl ChunkSigner {
    /// Whether the next chunk, by its hash, has this signature.
    pub fn check_chunk(&mut self, content_hash: &[u8], signature: &str) -> bool {
        let text = format!(
            "{ALGORITHM}-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            self.moment,
            self.scope,
            self.previous,
            sha256_hex(b""),
            hex::encode(content_hash)
        );
        self.check(&text, signature)
    }

    /// Whether the lines behind the last chunk have this signature.
    pub fn check_trailer(&mut self, lines: &str, signature: &str) -> bool {
        let text = format!(
            "{ALGORITHM}-TRAILER\n{}\n{}\n{}\n{}",
            self.moment,
            self.scope,
            self.previous,
            sha256_hex(lines.as_bytes())
        );
        self.check(&text, signature)
    }

    fn check(&mut self, text: &str, signature: &str) -> bool {
        let is_right = matches(self.key.sign(text), signature);
        signature.clone_into(&mut self.previous);
        is_right
    }
}

/// The parts of a request that a signature covers.
pub(super) struct Signed<'a> {
    pub method: &'a Method,
    /// As it was sent.
    pub path: &'a str,
    /// As it was sent.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
}

impl Signed<'_> {
    fn canonical(&self, signed_headers: &[String], payload: &str) -> String {
        let mut headers = String::new();
        for name in signed_headers {
            let values: Vec<String> = self
                .headers
                .get_all(name)
                .iter()
                .map(|value| {
                    let text = String::from_utf8_lossy(value.as_bytes());
                    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
                })
                .collect();
            let _ = writeln!(headers, "{name}:{}", values.join(","));
        }
        let query = canonical_query(self.query);
        let (path, names) = (self.path, signed_headers.join(";"));
        format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload}", self.method)
    }
}

/// The query's pairs in order, each encoded one way; without the signature itself.
fn canonical_query(query: &str) -> String {
    let encode = |part: &str| {
        let decoded: Vec<u8> = percent_decode_str(part).collect();
        percent_encoding::percent_encode(&decoded, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A path part or value as URLs have it.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The worked examples of "Authenticating Requests (AWS Signature Version 4)" in Amazon's reference of the S3 API.
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const CREDENTIAL: &str = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    const MOMENT: &str = "20130524T000000Z";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn headers(extra: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", "examplebucket.s3.amazonaws.com".parse().unwrap());
        headers.insert("x-amz-date", MOMENT.parse().unwrap());
        for (name, value) in extra {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    fn check(
        (method, path, query): (Method, &str, &str),
        extra: &[(&'static str, &'static str)],
        names: &str,
        payload: &str,
        signature: &str,
    ) -> Option<ChunkSigner> {
        let headers = headers(extra);
        let given = format!("{ALGORITHM} Credential={CREDENTIAL},SignedHeaders={names},Signature={signature}");
        let read = Signature::of_header(&given, MOMENT).unwrap();
        assert_eq!(read.access_key, "AKIAIOSFODNN7EXAMPLE");
        read.check(SECRET, &Signed { method: &method, path, query, headers: &headers }, payload)
    }

    #[test]
    fn published_requests_are_recognised() {
        let hash = ("x-amz-content-sha256", EMPTY);
        let get = (Method::GET, "/test.txt", "");
        let right = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let names = "host;range;x-amz-content-sha256;x-amz-date";
        let range = ("range", "bytes=0-9");
        assert!(check(get.clone(), &[range, hash], names, EMPTY, right).is_some());
        assert!(check(get.clone(), &[("range", "bytes=0-8"), hash], names, EMPTY, right).is_none());
        assert!(check((Method::PUT, get.1, ""), &[range, hash], names, EMPTY, right).is_none());
        assert!(check((Method::GET, "/other.txt", ""), &[range, hash], names, EMPTY, right).is_none());

        let content = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let extra = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-content-sha256", content),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        let names = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class";
        let right = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        assert!(check((Method::PUT, "/test%24file.text", ""), &extra, names, content, right).is_some());
        assert!(check((Method::PUT, "/test$file.text", ""), &extra, names, content, right).is_none());

        let names = "host;x-amz-content-sha256;x-amz-date";
        let right = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        assert!(check((Method::GET, "/", "lifecycle"), &[hash], names, EMPTY, right).is_some());
        let right = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        for query in ["max-keys=2&prefix=J", "prefix=J&max-keys=2"] {
            assert!(check((Method::GET, "/", query), &[hash], names, EMPTY, right).is_some(), "{query}");
        }
        assert!(check((Method::GET, "/", "max-keys=3&prefix=J"), &[hash], names, EMPTY, right).is_none());
    }

    #[test]
    fn a_published_link_is_recognised() {
        let right = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        let query = format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={MOMENT}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
             X-Amz-Signature={right}",
            CREDENTIAL.replace('/', "%2F")
        );
        let read = Signature::of_parts(CREDENTIAL, "host", right, MOMENT).unwrap();
        let headers = headers(&[]);
        let request = |query| Signed { method: &Method::GET, path: "/test.txt", query, headers: &headers };
        assert!(read.check(SECRET, &request(&query), "UNSIGNED-PAYLOAD").is_some());
        assert!(read.check("other", &request(&query), "UNSIGNED-PAYLOAD").is_none());
        let longer = query.replace("86400", "86401");
        assert!(read.check(SECRET, &request(&longer), "UNSIGNED-PAYLOAD").is_none());
    }

    #[test]
    fn published_chunks_are_recognised() {
        let extra = [
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        let mut headers = headers(&extra);
        headers.insert("host", "s3.amazonaws.com".parse().unwrap());
        let names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
                     x-amz-storage-class";
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let read = Signature::of_parts(CREDENTIAL, names, seed, MOMENT).unwrap();
        let path = "/examplebucket/chunkObject.txt";
        let request = Signed { method: &Method::PUT, path, query: "", headers: &headers };
        let mut signer = read.check(SECRET, &request, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD").unwrap();
        let chunks = [
            (65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1_024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ];
        let mut wrong = signer.clone();
        for (bytes, signature) in chunks {
            assert!(signer.check_chunk(&Sha256::digest(vec![b'a'; bytes]), signature), "{bytes}");
        }
        assert!(!wrong.check_chunk(&Sha256::digest(vec![b'b'; 65_536]), chunks[0].1));
    }

    #[test]
    fn what_is_no_signature_is_not_read() {
        let of = |text: &str| Signature::of_header(text, MOMENT);
        let whole = format!("{ALGORITHM} Credential={CREDENTIAL}, SignedHeaders=host, Signature=ab");
        assert!(of(&whole).is_some());
        for wrong in [
            whole.replace("20130524/", "20130525/"),
            whole.replace("/s3/", "/sqs/"),
            whole.replace("aws4_request", "aws5"),
            whole.replace("=host", "=date"),
            whole.replace("Signature=", "Sig="),
            whole.replace(ALGORITHM, "AWS4-ECDSA-P256-SHA256"),
            String::new(),
        ] {
            assert!(of(&wrong).is_none(), "{wrong}");
        }
        assert_eq!(moment(MOMENT), Timestamp::parse("2013-05-24T00:00:00Z"));
        for wrong in
            ["", "20130524", "20130524T000000", "2013052aT000000Z", "20130524T0000000Z", "20131324T000000Z", "ä"]
        {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
