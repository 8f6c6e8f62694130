//! Tokens: three parts in base64, of which the last is a signature of the others (RFC 7515, 7519).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The one way of signing that is understood.
const ALGORITHM: &str = "RS256";

/// A public key of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RsaKey {
    /// What tokens call it.
    pub id: Option<String>,
    /// The modulus, big-endian.
    pub modulus: Vec<u8>,
    /// The exponent, big-endian.
    pub exponent: Vec<u8>,
}

/// A token whose signature was not looked at: what it says is a claim of whoever sent it.
#[derive(Clone, Debug)]
pub(super) struct Unverified {
    /// The key that it says it was signed with.
    pub key_id: Option<String>,
    claims: Map<String, Value>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none are.
    crit: Option<Value>,
}

/// Whether a credential has the form of a token.
pub(super) fn is_token(text: &str) -> bool {
    text.split('.').count() == 3 && text.starts_with("eyJ")
}

impl Unverified {
    /// Takes a token apart.
    pub fn parse(token: &str) -> Result<Self, &'static str> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long");
        }
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "the token is not base64");
        let (signed, signature) = token.rsplit_once('.').ok_or("the token has no three parts")?;
        let (header, claims) = signed.split_once('.').ok_or("the token has no three parts")?;
        if claims.contains('.') {
            return Err("the token has more than three parts");
        }
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| "the token's header is no JSON")?;
        if header.alg != ALGORITHM {
            return Err("the token is not signed by RS256");
        }
        if header.crit.is_some() {
            return Err("the token asks for extensions that are not understood");
        }
        let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| "the token's claims are no JSON object")?;
        Ok(Self { key_id: header.kid, claims, signed: signed.as_bytes().to_vec(), signature: decode(signature)? })
    }

    /// Who it says that it is from.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// What it says, once its signature is found right.
    pub fn verify(self, key: &RsaKey) -> Result<Map<String, Value>, &'static str> {
        let public = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
        let verified = public.verify(&RSA_PKCS1_2048_8192_SHA256, &self.signed, &self.signature);
        verified.map_err(|_| "the token's signature is wrong")?;
        Ok(self.claims)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("no signature"))
    }

    #[test]
    fn only_tokens_that_are_signed_the_one_way_are_taken_apart() {
        let good = token(&json!({"alg": "RS256", "kid": "k"}), &json!({"iss": "i"}));
        let parsed = Unverified::parse(&good).unwrap();
        assert_eq!((parsed.issuer(), parsed.key_id.as_deref()), (Some("i"), Some("k")));
        let key = RsaKey { id: None, modulus: vec![0xff; 256], exponent: vec![1, 0, 1] };
        assert!(parsed.verify(&key).is_err());
        for (wrong, reason) in [
            (token(&json!({"alg": "none"}), &json!({})), "RS256"),
            (token(&json!({"alg": "HS256"}), &json!({})), "RS256"),
            (token(&json!({"alg": "RS256", "crit": ["b64"]}), &json!({})), "extensions"),
            (token(&json!({"alg": "RS256"}), &json!([])), "claims"),
            (token(&json!({}), &json!({})), "header"),
            (format!("{good}.x"), "three parts"),
            ("a.b.c".to_owned(), "base64"),
            ("a".to_owned(), "three parts"),
            ("x".repeat(TOKEN_BYTES_MAX + 1), "too long"),
            (good.replace('.', ".="), "base64"),
        ] {
            let refused = Unverified::parse(&wrong).unwrap_err();
            assert!(refused.contains(reason), "{wrong}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_breaks_it(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
            let _ = Unverified::parse(&text).is_ok();
            let _ = Unverified::parse(&parts.join(".")).is_ok();
        }
    }
}
