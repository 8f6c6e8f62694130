//! An identity provider of the tests: signs tokens by a key that is used for nothing else, and answers discovery.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_access::login::Fetch;
use alluvium_kernel::BoxFuture;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

/// Where people log in.
pub const LOGIN: &str = "https://login.example.org";
/// Where workloads come from.
pub const CI: &str = "https://ci.example.org";

/// Signs, and answers for all issuers.
pub struct Issuer {
    key: KeyPair,
    /// Issuers that do not answer.
    pub away: Mutex<Vec<String>>,
    /// What was asked for.
    pub asked: Mutex<Vec<String>>,
}

impl Issuer {
    pub fn new() -> Self {
        let text: String = include_str!("../keys/issuer.pkcs8.base64").split_whitespace().collect();
        let key = KeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        Self { key, away: Mutex::default(), asked: Mutex::default() }
    }

    /// A token with these claims and an hour to live.
    pub fn token(&self, issuer: &str, claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut all: BTreeMap<String, Value> =
            [("iss".to_owned(), json!(issuer)), ("exp".to_owned(), json!(now + 3_600))].into();
        all.extend(claims.as_object().unwrap().clone());
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "RS256", "kid": "k"})), part(&json!(all)));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A login of a person.
    pub fn login(&self, subject: &str, more: Value) -> String {
        let mut claims = json!({"sub": subject, "aud": "feldera-api", "client_id": "client"});
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.token(LOGIN, claims)
    }
}

impl Fetch for Issuer {
    fn get<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        self.asked.lock().unwrap().push(url.to_owned());
        let public = PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        let is_away = self.away.lock().unwrap().iter().any(|issuer| url.starts_with(issuer.as_str()));
        let answer = match url.strip_suffix("/.well-known/openid-configuration") {
            Some(issuer) => json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}),
            None => json!({"keys": [{
                "kty": "RSA", "kid": "k", "use": "sig", "n": URL_SAFE_NO_PAD.encode(public.n),
                "e": URL_SAFE_NO_PAD.encode(public.e),
            }]}),
        };
        let answer = if is_away { Err("no answer".to_owned()) } else { Ok(Bytes::from(answer.to_string())) };
        Box::pin(async move { answer })
    }
}
