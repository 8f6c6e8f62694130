//! A request that carries an idempotency key: where it is reserved, and by what it is known.

use std::sync::Arc;

use alluvium_kernel::{Problem, SigningKey, Token};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use sha2::{Digest as _, Sha256};

use super::entry::Print;
use crate::{Afterwards, PathParams, Principal, RouteInfo};

/// Request header: what the caller calls this request, so that it is done once however often it is sent.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
/// The longest key, in characters.
pub(crate) const KEY_CHARS_MAX: usize = 255;
/// The space of requests whose path names no project.
const ADMIN_SPACE: &str = "admin";
/// Where a space names the key of the request that began its project. No digest is called that.
const BEGINNING: &str = "beginning";

/// A key of a caller, with the request it came with.
#[derive(Clone)]
pub(crate) struct Key {
    /// As it was sent.
    pub(super) text: String,
    /// The caller's credential as it was sent. It is never kept.
    credential: Arc<str>,
    space: Space,
    method: Method,
    endpoint: String,
    /// What the route does to keys.
    pub(super) afterwards: Afterwards,
    /// Whether the credential is dead, and opens only what it asked for while it lived.
    pub(super) is_late: bool,
}

/// The key that a request carries, if any.
pub(crate) fn given(headers: &HeaderMap) -> Option<Result<&str, Problem>> {
    let value = headers.get(IDEMPOTENCY_KEY)?;
    let text = value.to_str().ok().filter(|text| (1..=KEY_CHARS_MAX).contains(&text.len()));
    Some(text.ok_or_else(|| {
        let detail = format!("`X-Idempotency-Key` is 1 to {KEY_CHARS_MAX} visible ASCII characters.");
        Problem::new("http.invalid_idempotency_key", 400, detail)
    }))
}

impl Key {
    pub(crate) fn new(
        text: &str,
        credential: &str,
        parts: &Parts,
        info: &RouteInfo,
        params: &PathParams,
        principal: &Principal,
    ) -> Self {
        Self {
            text: text.to_owned(),
            credential: credential.into(),
            space: Space::new(&principal.tenant, params.get("project_id")),
            method: parts.method.clone(),
            endpoint: endpoint(info, params, parts.uri.query()),
            afterwards: info.afterwards,
            is_late: false,
        }
    }

    pub(crate) fn late(self) -> Self {
        Self { is_late: true, ..self }
    }

    /// Where it is reserved.
    pub(super) fn place(&self) -> String {
        self.space.place(&self.text)
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    pub(super) fn print(&self, pepper: &SigningKey, body: &str) -> Print {
        Print {
            method: self.method.to_string(),
            endpoint: self.endpoint.clone(),
            body: body.to_owned(),
            credential: pepper.digest("idempotency credential", &self.credential),
        }
    }

    /// A secret that only this caller and this key give again, for one purpose.
    pub(super) fn secret(&self, pepper: &SigningKey, purpose: &str, nonce: &str) -> [u8; 32] {
        pepper.derive(purpose, &[nonce.as_bytes(), self.credential.as_bytes(), self.text.as_bytes()])
    }
}

/// Keys of one project of a tenant, or of its requests whose path names no project.
#[derive(Clone)]
pub(crate) struct Space {
    tenant: String,
    name: String,
}

impl Space {
    pub(crate) fn new(tenant: &Token, project: &str) -> Self {
        // `%` is no letter of a place's name.
        Self { tenant: tenant.as_str().replace('%', "="), name: name_of(project) }
    }

    pub(super) fn of_project(&self, project: &str) -> Self {
        Self { name: name_of(project), ..self.clone() }
    }

    pub(super) fn place(&self, key: &str) -> String {
        format!("{}.{}.{}", self.tenant, self.name, hex::encode(Sha256::digest(key)))
    }

    pub(super) fn every_place(&self) -> String {
        format!("{}.{}.*", self.tenant, self.name)
    }

    /// Where a project names the place of the key of the request that began it.
    pub(super) fn beginning(&self) -> String {
        format!("{}.{}.{BEGINNING}", self.tenant, self.name)
    }
}

fn name_of(project: &str) -> String {
    if project.is_empty() { ADMIN_SPACE.to_owned() } else { hex::encode(Sha256::digest(project)) }
}

/// A digest of what is asked for, the same for every form of the path.
fn endpoint(info: &RouteInfo, params: &PathParams, query: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let pairs = params.iter().flat_map(|(name, value)| [name, value]);
    for part in [info.pattern].into_iter().chain(pairs).chain([query.unwrap_or_default()]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
