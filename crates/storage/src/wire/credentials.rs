//! Credentials of workspaces besides those that they were made with.

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{WorkspaceConnection, read};
use crate::queries::CredentialsView;

/// Credentials to make.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageCredentialsCreate)]
pub struct CredentialsCreate {
    /// What people call them: up to 128 printable characters.
    pub name: Option<String>,
}

impl CredentialsCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = if bytes.is_empty() { b"{}" } else { bytes };
        read(bytes, |body| Self { name: body.opt_string("name").filter(|name| !name.is_empty()) })
    }
}

/// Credentials, without what is secret of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageCredentials)]
pub struct Credentials {
    /// Names them when they are deleted.
    pub id: String,
    /// What people call them; null where nobody said.
    pub name: Option<String>,
    /// Who logs in with them.
    pub username: String,
    /// When they were made.
    pub created_at: String,
}

impl From<CredentialsView> for Credentials {
    fn from(view: CredentialsView) -> Self {
        let created_at = Timestamp::from_micros(view.created_at).to_rfc3339();
        Self { id: view.id, name: Some(view.name).filter(|name| !name.is_empty()), username: view.username, created_at }
    }
}

/// New credentials: the password is shown this once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageCredentialsCreated)]
pub struct CredentialsCreated {
    /// The credentials.
    #[serde(flatten)]
    pub credentials: Credentials,
    /// How to log in with them.
    pub connection: WorkspaceConnection,
}

/// The further credentials of a workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageCredentialsList)]
pub struct CredentialsList {
    /// The oldest first.
    pub credentials: Vec<Credentials>,
    /// How many there are.
    pub count: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_must() {
        let parsed = |body: &[u8]| CredentialsCreate::parse(body).unwrap().name;
        assert_eq!((parsed(b""), parsed(b"{}"), parsed(br#"{"name": ""}"#)), (None, None, None));
        assert_eq!(parsed(br#"{"name": "bi"}"#).as_deref(), Some("bi"));
        assert_eq!(CredentialsCreate::parse(br#"{"name": []}"#).unwrap_err().status, 422);
    }
}
