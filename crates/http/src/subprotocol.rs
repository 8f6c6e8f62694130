//! What WebSocket clients that cannot set headers say in `Sec-WebSocket-Protocol` instead: their credential, and the tenant that they
//! mean.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BEARER: &str = "feldera-bearer.";
const TENANT: &str = "feldera-tenant.";
/// The protocol that is spoken; the one that the answer names.
const SPOKEN: &str = "feldera-ws-v1";
/// Protocols that one request offers, at most; the rest is not looked at.
const OFFERED_MAX: usize = 16;

/// What a WebSocket client offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subprotocols {
    /// The credential, in clear.
    pub bearer: Option<String>,
    /// The tenant that it wants to act in, by name or id.
    pub tenant: Option<String>,
    /// Whether it offered the protocol that is spoken here.
    pub is_spoken: bool,
}

impl Subprotocols {
    /// Of a request's headers. What cannot be read counts as not there.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let all = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
        for offered in all.flat_map(|text| text.split(',')).map(str::trim).take(OFFERED_MAX) {
            if let Some(text) = offered.strip_prefix(BEARER) {
                found.bearer = found.bearer.or_else(|| decoded(text));
            } else if let Some(text) = offered.strip_prefix(TENANT) {
                found.tenant = found.tenant.or_else(|| decoded(text));
            } else if offered == SPOKEN {
                found.is_spoken = true;
            }
        }
        found
    }

    /// The protocol that the answer to the upgrade names, if any was offered that is spoken here.
    pub fn chosen(&self) -> Option<&'static str> {
        self.is_spoken.then_some(SPOKEN)
    }
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok().filter(|text| !text.is_empty())
}

impl<S: Send + Sync> FromRequestParts<S> for Subprotocols {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Subprotocols {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(SEC_WEBSOCKET_PROTOCOL, text.parse().unwrap());
        }
        Subprotocols::of(&headers)
    }

    #[test]
    fn credential_and_tenant_are_read_from_what_is_offered() {
        let both = of(&["feldera-bearer.YXBpa2V5OmE_Pg, feldera-tenant.YWNtZQ", "feldera-ws-v1"]);
        assert_eq!((both.bearer.as_deref(), both.tenant.as_deref()), (Some("apikey:a?>"), Some("acme")));
        assert_eq!(both.chosen(), Some("feldera-ws-v1"));
        assert_eq!(of(&["chat"]), Subprotocols::default());
        assert_eq!(of(&[]).chosen(), None);
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        for text in ["feldera-bearer.", "feldera-bearer.YQ==", "feldera-bearer.%%", "feldera-bearer._w"] {
            assert_eq!(of(&[text]).bearer, None, "{text}");
        }
        let twice = of(&["feldera-bearer.YQ", "feldera-bearer.Yg"]);
        assert_eq!(twice.bearer.as_deref(), Some("a"), "the first one counts");
        let many = vec!["x"; OFFERED_MAX].join(",") + ",feldera-ws-v1";
        assert!(!of(&[&many]).is_spoken);
    }
}
