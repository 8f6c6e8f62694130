//! Who calls: by a signature of AWS's kind, by a link that was signed here, or by a key in one of three headers. The guard asks
//! this and then decides as for any other route.

use std::sync::Arc;

use alluvium_http::{Authenticator, CredentialReader, Principal};
use alluvium_kernel::{Actor, BoxFuture, Problem, Timestamp, Token};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::presign::S3Links;
use super::problem;
use super::sigv4::{ALGORITHM, ChunkSigner, Signature, Signed, moment};
use crate::routes::now;
use crate::wire::Query;

/// How far a signature's clock may be from ours, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 900;
/// How long a signed link may be good, in seconds: seven days.
pub(super) const LINK_SECONDS_MAX: i64 = 604_800;
/// What stands for the body of a request whose signature does not cover it.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The pair of names that opens everything, for clients that know nothing but one pair.
#[derive(Clone)]
pub struct S3Pair {
    /// The public name.
    pub access_key_id: String,
    /// The secret; without one there is no such pair.
    pub secret_access_key: Option<String>,
    /// The tenant it opens.
    pub tenant: Token,
}

impl std::fmt::Debug for S3Pair {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("S3Pair").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// How a body is checked, as the request's signature says: left for the handler among the request's extensions.
#[derive(Clone, Default)]
pub(super) struct BodySigner(pub Option<ChunkSigner>);

/// Reads credentials of requests to objects.
#[derive(Clone)]
pub(super) struct S3Credentials {
    pub pair: S3Pair,
    pub links: S3Links,
}

impl CredentialReader for S3Credentials {
    fn read<'a>(
        &'a self,
        parts: &'a mut Parts,
        authenticator: &'a Arc<dyn Authenticator>,
    ) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async move {
            if let Some(value) = signature_header(&parts.headers) {
                let signature = Signature::of_header(value, header(&parts.headers, "x-amz-date").unwrap_or_default());
                return self.signed(parts, signature.ok_or_else(problem::signature)?, None).map(Some);
            }
            let query = Query::of(parts.uri.query());
            if query.text("X-Amz-Algorithm").is_some() {
                let (signature, until) = of_query(&query).ok_or_else(problem::signature)?;
                return self.signed(parts, signature, Some(until)).map(Some);
            }
            if let Some(caller) = self.links.caller(parts)? {
                return Ok(Some(caller));
            }
            let Some(key) = key(&parts.headers) else { return Ok(None) };
            match authenticator.authenticate(key).await? {
                Some(principal) => Ok(Some(principal)),
                None => Err(problem::unknown_key()),
            }
        })
    }
}

impl S3Credentials {
    /// Whoever made a signature, when it is right and of now; a link's `until` is when it ends.
    fn signed(&self, parts: &mut Parts, signature: Signature, until: Option<Timestamp>) -> Result<Principal, Problem> {
        let (actor, secret) = self.signer(&signature.access_key);
        let secret = secret.ok_or_else(problem::signature)?;
        let at = moment(&signature.moment).ok_or_else(problem::signature)?;
        let (skew, now) = (CLOCK_SKEW_SECONDS * 1_000_000, now().micros());
        let is_early = at.micros() - skew > now;
        let is_late = until.map_or(at.micros() + skew, Timestamp::micros) < now;
        if is_early || is_late {
            return Err(problem::signature());
        }
        let payload = match until {
            Some(_) => UNSIGNED.to_owned(),
            None => header(&parts.headers, "x-amz-content-sha256").unwrap_or(UNSIGNED).to_owned(),
        };
        let request = Signed {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &parts.headers,
        };
        let chunks = signature.check(&secret, &request, &payload).ok_or_else(problem::signature)?;
        parts.extensions.insert(BodySigner(Some(chunks)));
        Ok(Principal::new(actor, self.pair.tenant.clone(), signature.access_key))
    }

    /// For whom an access key stands, and its secret. Nothing is looked up: whether a key lives, and what it may, the guard asks of
    /// its actor as always.
    fn signer(&self, access_key: &str) -> (Actor, Option<String>) {
        if access_key == self.pair.access_key_id {
            return (Actor::Admin, self.pair.secret_access_key.clone());
        }
        let secret = self.links.secret(&self.pair.tenant, access_key);
        (Actor::Key(access_key.to_owned()), Some(secret))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn signature_header(headers: &HeaderMap) -> Option<&str> {
    header(headers, AUTHORIZATION.as_str()).filter(|value| value.starts_with(ALGORITHM))
}

/// The signature in a query, and when it ends.
fn of_query(query: &Query) -> Option<(Signature, Timestamp)> {
    let text = |name| query.text(name);
    let (at, seconds) = (text("X-Amz-Date")?, text("X-Amz-Expires")?.parse::<i64>().ok()?);
    let is_known = text("X-Amz-Algorithm") == Some(ALGORITHM) && (1..=LINK_SECONDS_MAX).contains(&seconds);
    let (credential, headers, signature) =
        (text("X-Amz-Credential")?, text("X-Amz-SignedHeaders")?, text("X-Amz-Signature")?);
    let read = Signature::of_parts(credential, headers, signature, at)?;
    let until = Timestamp::from_micros(moment(at)?.micros() + seconds * 1_000_000);
    is_known.then_some((read, until))
}

/// A key in one of the headers that clients use for it.
fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = header(headers, AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let key = bearer.or_else(|| header(headers, "x-api-key")).or_else(|| header(headers, "x-amz-security-token"));
    key.filter(|key| !key.is_empty())
}
