//! Keys of issuers, found by OIDC discovery and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alluvium_kernel::{BoxFuture, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::jwt::RsaKey;
use crate::error;

/// How long keys are kept, in seconds.
const KEPT_SECONDS: u64 = 120;
/// How long an issuer is not asked again because of a key that it did not have, or because it did not answer, in seconds.
const COOL_DOWN_SECONDS: u64 = 30;
/// The longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Keys of one issuer.
const KEYS_MAX: usize = 100;
/// Issuers whose keys are kept.
const ISSUERS_MAX: usize = 10_000;
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Reads documents of the web; the binary brings it.
pub trait Fetch: Send + Sync + 'static {
    /// The body of a successful answer to `GET url`, at most [`ANSWER_BYTES_MAX`] bytes, or why there is none. Follows no redirects to
    /// other schemes, and takes little time.
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, String>>;
}

/// The keys of issuers.
pub struct KeySets {
    fetch: Arc<dyn Fetch>,
    known: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<Vec<RsaKey>>,
    at: Instant,
    /// Why the issuer could not be asked then.
    failure: Option<String>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Listed {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySets {
    /// None are known yet.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, known: Mutex::default() }
    }

    /// The key of an issuer that a token names; the only one, where it names none. An issuer that cannot be asked is not an issuer
    /// without the key.
    pub(super) async fn key(&self, issuer: &str, id: Option<&str>) -> Result<RsaKey, Problem> {
        let now = Instant::now();
        let kept = self.kept(issuer);
        let age = |kept: &Kept| now.duration_since(kept.at);
        if let Some(kept) = kept.filter(|kept| age(kept) < Duration::from_secs(KEPT_SECONDS)) {
            match (pick(&kept.keys, id), &kept.failure) {
                (Some(key), _) => return Ok(key),
                (None, Some(reason)) if age(&kept) < Duration::from_secs(COOL_DOWN_SECONDS) => {
                    return Err(error::login_unavailable(issuer, reason));
                }
                (None, None) if age(&kept) < Duration::from_secs(COOL_DOWN_SECONDS) => return Err(unknown_key()),
                (None, _) => {}
            }
        }
        let asked = self.ask(issuer).await;
        let keys = Arc::new(asked.as_ref().cloned().unwrap_or_default());
        self.keep(issuer, Kept { keys: keys.clone(), at: now, failure: asked.as_ref().err().cloned() });
        asked.map_err(|reason| error::login_unavailable(issuer, &reason))?;
        pick(&keys, id).ok_or_else(unknown_key)
    }

    fn kept(&self, issuer: &str) -> Option<Kept> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned()
    }

    fn keep(&self, issuer: &str, kept: Kept) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ISSUERS_MAX {
            known.clear();
        }
        known.insert(issuer.to_owned(), kept);
    }

    async fn ask(&self, issuer: &str) -> Result<Vec<RsaKey>, String> {
        let url = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
        let discovered: Discovered = self.document(&url).await?;
        if discovered.issuer != issuer {
            return Err(format!("it says that it is `{}`", discovered.issuer.chars().take(200).collect::<String>()));
        }
        // Whoever is reached by https sends nobody away from it.
        if url.starts_with("https://") && !discovered.jwks_uri.starts_with("https://") {
            return Err("its keys are not at an https address".to_owned());
        }
        let listed: Listed = self.document(&discovered.jwks_uri).await?;
        Ok(listed.keys.into_iter().filter_map(rsa).take(KEYS_MAX).collect())
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let bytes = self.fetch.get(url).await?;
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"));
        }
        serde_json::from_slice(&bytes).map_err(|cause| format!("its answer cannot be read: {cause}"))
    }
}

fn unknown_key() -> Problem {
    error::invalid_token("the token's key is none of its issuer's")
}

fn rsa(jwk: Jwk) -> Option<RsaKey> {
    if jwk.kty != "RSA" || jwk.usage.is_some_and(|usage| usage != "sig") {
        return None;
    }
    let number = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?.trim_end_matches('=')).ok();
    Some(RsaKey { id: jwk.kid, modulus: number(jwk.n)?, exponent: number(jwk.e)? })
}

fn pick(keys: &[RsaKey], id: Option<&str>) -> Option<RsaKey> {
    match id {
        Some(_) => keys.iter().find(|key| key.id.as_deref() == id).cloned(),
        None => {
            if let [only] = keys {
                Some(only.clone())
            } else {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Default)]
    struct Web {
        documents: Mutex<HashMap<String, Value>>,
        asked: AtomicUsize,
    }

    impl Fetch for Web {
        fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let found = self.documents.lock().unwrap().get(url).map(|value| Bytes::from(value.to_string()));
            Box::pin(async move { found.ok_or_else(|| "no answer".to_owned()) })
        }
    }

    fn web(issuer: &str, jwks_uri: &str, keys: Value) -> Arc<Web> {
        let web = Web::default();
        let documents = [
            ("https://i/.well-known/openid-configuration".to_owned(), json!({"issuer": issuer, "jwks_uri": jwks_uri})),
            ("https://i/keys".to_owned(), json!({"keys": keys})),
        ];
        *web.documents.lock().unwrap() = documents.into();
        Arc::new(web)
    }

    fn key(id: &str) -> Value {
        json!({"kty": "RSA", "use": "sig", "kid": id, "n": "_w", "e": "AQAB", "alg": "RS256"})
    }

    async fn code(sets: &KeySets, id: Option<&str>) -> String {
        sets.key("https://i", id).await.map_or_else(|problem| problem.code, |key| key.id.unwrap_or_default())
    }

    #[tokio::test]
    async fn keys_are_found_and_kept() {
        let web = web(
            "https://i",
            "https://i/keys",
            json!([key("a"), {"kty": "EC", "kid": "b"}, {"kty": "RSA", "kid": "c", "use": "enc", "n": "_w", "e": "AQAB"}]),
        );
        let sets = KeySets::new(web.clone());
        assert_eq!((code(&sets, Some("a")).await, code(&sets, None).await), ("a".to_owned(), "a".to_owned()));
        assert_eq!(web.asked.load(Ordering::SeqCst), 2);
        for unknown in ["b", "c", "z"] {
            assert_eq!(code(&sets, Some(unknown)).await, "access.invalid_token");
        }
        assert_eq!(web.asked.load(Ordering::SeqCst), 2, "an issuer is not asked for every key that somebody makes up");
    }

    #[tokio::test]
    async fn an_issuer_that_cannot_be_asked_is_no_wrong_token() {
        for (issuer, uri) in
            [("https://other", "https://i/keys"), ("https://i", "http://i/keys"), ("https://i", "https://i/none")]
        {
            let web = web(issuer, uri, json!([key("a")]));
            let sets = KeySets::new(web.clone());
            assert_eq!(code(&sets, Some("a")).await, "access.login_unavailable", "{issuer} {uri}");
            let asked = web.asked.load(Ordering::SeqCst);
            assert_eq!(code(&sets, Some("a")).await, "access.login_unavailable");
            assert_eq!(web.asked.load(Ordering::SeqCst), asked, "it is left in peace for a while");
        }
    }

    #[tokio::test]
    async fn several_keys_want_to_be_named() {
        let sets = KeySets::new(web("https://i", "https://i/keys", json!([key("a"), key("b")])));
        assert_eq!(
            (code(&sets, None).await, code(&sets, Some("b")).await),
            ("access.invalid_token".to_owned(), "b".to_owned())
        );
    }
}
