//! Links that open one object for one method until some moment: signed here, on behalf of whoever asked for them. A link may what
//! that caller may when it is used, so it dies with the caller's key. And pairs of names for clients that sign themselves.

use alluvium_http::{BodyBytes, Json, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Actor, Problem, SigningKey, Timestamp, Token};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use super::credentials::LINK_SECONDS_MAX;
use super::sigv4::encoded;
use super::{Bucket, problem};
use crate::model::check_key;
use crate::routes::{StorageRoutes, now, tenant_text};
use crate::wire::{Query, read};

/// How long a link is good when nobody says, in seconds.
const LINK_SECONDS: i64 = 3_600;
/// What the key that signs links is derived for.
const PURPOSE: &str = "s3 link";
/// What a link can be for.
const METHODS: [&str; 4] = ["GET", "PUT", "DELETE", "HEAD"];

/// Signs links and knows its own again; the same for all processes of an installation.
#[derive(Clone, Debug)]
pub struct S3Links {
    /// The installation's key.
    pub key: SigningKey,
    /// What links begin with, without a slash at the end.
    pub base_url: String,
}

/// What a link is to open.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = S3PresignBody)]
pub struct PresignBody {
    /// The object's key.
    pub key: String,
    /// `GET`, `PUT`, `DELETE` or `HEAD`.
    #[schema(default = "GET")]
    pub method: String,
    /// How long it is good, in seconds.
    #[schema(default = 3600, minimum = 1, maximum = 604_800)]
    pub expires_in: i64,
    /// The only media type that a `PUT` may have.
    pub content_type: Option<String>,
}

/// A link.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = S3Presigned)]
pub struct Presigned {
    /// The link.
    pub url: String,
    /// When it ends.
    pub expires_at: String,
    /// What it is for.
    pub method: String,
}

impl PresignBody {
    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            key: body.string("key"),
            method: body.opt_string("method").unwrap_or_else(|| METHODS[0].to_owned()).to_ascii_uppercase(),
            expires_in: body.opt_int("expires_in", 1, LINK_SECONDS_MAX).unwrap_or(LINK_SECONDS),
            content_type: body.opt_string("content_type"),
        })
    }
}

pub(super) async fn presign(
    State(state): State<StorageRoutes>,
    State(links): State<S3Links>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Result<Json<Presigned>, ProblemResponse> {
    let body = PresignBody::parse(&body)?;
    let method = METHODS.into_iter().find(|method| *method == body.method);
    let method = method.ok_or_else(|| problem::invalid("`method` is GET, PUT, DELETE or HEAD."))?;
    Bucket::of(&state, &principal, &params).await?;
    check_key(&body.key)?;
    let until = now().micros() / 1_000_000 + body.expires_in;
    let link = Link {
        method: method.to_owned(),
        bucket: params.owned("bucket"),
        key: body.key,
        expires: until,
        content_type: body.content_type,
        issuer: issuer(&principal),
    };
    metrics::counter!("duckdb_s3_presign_requests_total", "method" => method).increment(1);
    Ok(Json(Presigned {
        url: links.url(&link),
        expires_at: Timestamp::from_micros(until * 1_000_000).to_rfc3339(),
        method: method.to_owned(),
    }))
}

/// All that a link's signature covers.
struct Link {
    method: String,
    bucket: String,
    key: String,
    /// Seconds since 1970.
    expires: i64,
    content_type: Option<String>,
    issuer: String,
}

/// On whose behalf a link was signed: `<tenant>/<actor>`.
fn issuer(principal: &Principal) -> String {
    format!("{}/{}", principal.tenant, principal.actor)
}

fn principal(issuer: &str) -> Option<Principal> {
    let (tenant, actor) = issuer.split_once('/')?;
    let (tenant, actor) = (Token::encode(&percent(tenant)?).ok()?, Actor::try_from(actor.to_owned()).ok()?);
    let credential = match &actor {
        Actor::Admin => "admin".to_owned(),
        Actor::Key(id) => id.clone(),
        Actor::Login(_) | Actor::Owner(_) | Actor::Nats(_) | Actor::System(_) => return None,
    };
    Some(Principal::new(actor, tenant, credential))
}

fn percent(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A pair of names for clients that sign.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = S3CredentialPair)]
pub struct CredentialPair {
    /// The public name: the id of the key that the pair stands for.
    pub access_key_id: String,
    /// The secret, shown this once.
    pub secret_access_key: String,
}

/// Makes a pair that opens the objects of one project, until its key is revoked.
pub(super) async fn credentials(
    State(state): State<StorageRoutes>,
    State(links): State<S3Links>,
    principal: Principal,
    params: PathParams,
) -> Result<WithPosition<(StatusCode, Json<CredentialPair>)>, ProblemResponse> {
    let project = params.get("project_id");
    state.queries.require_project(&tenant_text(&principal.tenant), project).await?;
    let (id, position) = state.keys.issue_s3_key(&principal, project).await?;
    let pair = CredentialPair { secret_access_key: links.secret(&principal.tenant, &id), access_key_id: id };
    Ok(WithPosition(position, (StatusCode::CREATED, Json(pair))))
}

impl S3Links {
    /// The secret that belongs to a key's id: derived, so that nobody keeps it.
    pub(super) fn secret(&self, tenant: &Token, key: &str) -> String {
        self.key.digest("s3 secret", &format!("{tenant}/{key}"))
    }

    fn signature(&self, link: &Link) -> String {
        let Link { method, bucket, key, expires, content_type, issuer } = link;
        // As JSON, so that no part can reach into the next.
        let text = serde_json::json!([method, bucket, key, expires, content_type, issuer]).to_string();
        let digest = hex::decode(self.key.digest(PURPOSE, &text)).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(digest)
    }

    fn url(&self, link: &Link) -> String {
        let key: Vec<String> = link.key.split('/').map(encoded).collect();
        let (signature, key) = (self.signature(link), key.join("/"));
        let mut url = format!(
            "{}/s3/{}/{key}?signature={signature}&expires={}&issuer={}",
            self.base_url,
            link.bucket,
            link.expires,
            encoded(&link.issuer)
        );
        if let Some(kind) = &link.content_type {
            url.push_str("&content_type=");
            url.push_str(&encoded(kind));
        }
        url
    }

    /// Whoever a request's link was signed for; `None` when the request has no link.
    pub(super) fn caller(&self, parts: &Parts) -> Result<Option<Principal>, Problem> {
        let query = Query::of(parts.uri.query());
        let either = |name, alias| query.text(name).or_else(|| query.text(alias));
        let Some(signature) = either("signature", "X-Amz-Signature") else { return Ok(None) };
        // It is for the object; what else a query may ask of its path, the signature does not cover.
        if ["uploadId", "partNumber", "uploads"].into_iter().any(|name| query.text(name).is_some()) {
            return Err(problem::signature());
        }
        let expires = either("expires", "X-Amz-Expires").unwrap_or_default();
        let expires: i64 = expires.parse().map_err(|_| problem::invalid("`expires` is seconds since 1970."))?;
        let path = parts.uri.path().strip_prefix("/s3/").and_then(|path| path.split_once('/'));
        let (bucket, key) = path.ok_or_else(problem::signature)?;
        let link = Link {
            method: parts.method.to_string(),
            bucket: percent(bucket).ok_or_else(problem::signature)?,
            key: percent(key).ok_or_else(problem::signature)?,
            expires,
            content_type: query.text("content_type").map(ToOwned::to_owned),
            issuer: query.text("issuer").unwrap_or_default().to_owned(),
        };
        let expected = self.signature(&link);
        // Both under a key that nobody knows: how far they agree does not show.
        let (blind, now) = (SigningKey::new(blind()), now().micros() / 1_000_000);
        let is_ours = blind.digest(PURPOSE, &expected) == blind.digest(PURPOSE, signature);
        let sent = parts.headers.get(axum::http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_kind = parts.method != "PUT" || link.content_type.is_none() || link.content_type.as_deref() == sent;
        if !is_ours || expires < now || !is_kind {
            return Err(problem::signature());
        }
        principal(&link.issuer).map(Some).ok_or_else(problem::signature)
    }
}

fn blind() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn links() -> S3Links {
        S3Links { key: SigningKey::new([7; 32]), base_url: "http://h:1".into() }
    }

    fn link(method: &str, expires: i64) -> Link {
        Link {
            method: method.into(),
            bucket: "project_p".into(),
            key: "a b/ü.txt".into(),
            expires,
            content_type: None,
            issuer: "default/key:k1".into(),
        }
    }

    fn caller(links: &S3Links, method: &str, url: &str) -> Result<Option<Principal>, Problem> {
        let url = url.replace("http://h:1", "");
        links.caller(&Request::builder().method(method).uri(url).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_link_opens_what_it_was_signed_for_and_nothing_else() {
        let (links, later) = (links(), now().micros() / 1_000_000 + 60);
        let url = links.url(&link("GET", later));
        assert!(url.starts_with("http://h:1/s3/project_p/a%20b/%C3%BC.txt?signature="), "{url}");
        let opened = caller(&links, "GET", &url).unwrap().unwrap();
        assert_eq!((opened.actor, opened.credential.as_str()), (Actor::Key("k1".into()), "k1"));
        let aliased = url.replace("signature=", "X-Amz-Signature=").replace("expires=", "X-Amz-Expires=");
        assert!(caller(&links, "GET", &aliased).unwrap().is_some());
        for (method, url) in [
            ("PUT", url.clone()),
            ("GET", url.replace("%C3%BC", "u")),
            ("GET", url.replace("project_p", "project_q")),
            ("GET", url.replace(&later.to_string(), &(later + 1).to_string())),
            ("GET", url.replace("k1", "k2")),
            ("GET", format!("{url}&content_type=a")),
            ("GET", format!("{url}&uploadId=u")),
            ("GET", links.url(&link("GET", later - 61))),
            ("GET", links.url(&Link { issuer: "default/system:x".into(), ..link("GET", later) })),
            ("GET", S3Links { key: SigningKey::new([8; 32]), ..links.clone() }.url(&link("GET", later))),
        ] {
            assert_eq!(caller(&links, method, &url).unwrap_err().code, "storage.signature_mismatch", "{method} {url}");
        }
        assert_eq!(caller(&links, "GET", "/s3/project_p/a?x=1").unwrap(), None);
        let odd = caller(&links, "GET", "/s3/project_p/a?signature=x&expires=soon").unwrap_err();
        assert_eq!(odd.code, "storage.invalid_object_request");
    }
}
