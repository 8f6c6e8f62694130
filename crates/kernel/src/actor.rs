//! Who did it.

use serde::{Deserialize, Serialize};

/// Whoever a command or a row batch is done for. Printed form: `admin`, `key:<id>`, `login:<id>`,
/// `owner:<id>`, `nats:<tenant>`, `system:<role>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// The holder of the installation's admin key.
    Admin,
    /// The holder of an issued key, by the key's id.
    Key(String),
    /// A person or a workload for whom somebody else vouched, by their id: of a member, or of the trust that let it in.
    Login(String),
    /// The same, whom the installation calls its owner.
    Owner(String),
    /// An unsigned message on a tenant's subjects; it has the rights `access` grants that tenant's publishers.
    Nats(String),
    /// A part of Alluvium itself, by role.
    System(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin => out.write_str("admin"),
            Self::Key(id) => write!(out, "key:{id}"),
            Self::Login(id) => write!(out, "login:{id}"),
            Self::Owner(id) => write!(out, "owner:{id}"),
            Self::Nats(tenant) => write!(out, "nats:{tenant}"),
            Self::System(role) => write!(out, "system:{role}"),
        }
    }
}

impl TryFrom<String> for Actor {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "admin" => Ok(Self::Admin),
            Some(("key", id)) if !id.is_empty() => Ok(Self::Key(id.to_owned())),
            Some(("login", id)) if !id.is_empty() => Ok(Self::Login(id.to_owned())),
            Some(("owner", id)) if !id.is_empty() => Ok(Self::Owner(id.to_owned())),
            Some(("nats", tenant)) if !tenant.is_empty() => Ok(Self::Nats(tenant.to_owned())),
            Some(("system", role)) if !role.is_empty() => Ok(Self::System(role.to_owned())),
            _ => Err(format!(
                "`{text}` names no actor: admin, key:<id>, login:<id>, owner:<id>, nats:<tenant> or system:<role>"
            )),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}
