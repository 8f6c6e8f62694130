//! What a tenant allows those who publish on its subjects without a signature.

use std::collections::BTreeSet;

use alluvium_kernel::Evolve;
use serde::{Deserialize, Serialize};

use crate::contract::PublishersGranted;

/// A tenant, as far as access is concerned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    /// Rights of unsigned messages.
    pub publishers: Rights,
    /// Digests of persons that were forgotten.
    #[serde(default)]
    pub persons_forgotten: BTreeSet<String>,
    /// Whether the tenant itself was.
    #[serde(default)]
    pub is_forgotten: bool,
}

/// What unsigned messages may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// Only what anyone may.
    #[default]
    None,
    /// Whatever an admin of the tenant may.
    All,
}

impl Rights {
    /// Reads the printed form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// The printed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::All => "all",
        }
    }
}

impl Evolve<Tenant> for PublishersGranted {
    fn evolve(self, tenant: &mut Tenant) {
        // The decision lets only known words through; anything else would be a newer release's and gives nothing here.
        tenant.publishers = Rights::parse(&self.rights).unwrap_or_default();
    }
}
