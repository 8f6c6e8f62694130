//! What the installation says of itself.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What the installation is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Configuration {
    /// Always empty: nobody is watched.
    pub posthog: &'static str,
    /// Always empty.
    pub conceptualhq: &'static str,
    /// Always empty.
    pub product_fruits: &'static str,
    /// `Open source` or `Enterprise`; clients know no other.
    pub edition: String,
    /// The version whose wire this is.
    pub version: &'static str,
    /// Our own version.
    pub revision: String,
    /// The same.
    pub runtime_revision: String,
    /// Features that are not settled yet.
    pub unstable_features: Option<String>,
    /// Where changes are told.
    pub changelog_url: String,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub license_validity: Value,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    pub update_info: Value,
    /// How it was built.
    pub build_info: BuildInformation,
    /// Where it was built.
    pub build_source: &'static str,
}

/// How the installation was built.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct BuildInformation {
    /// When.
    pub build_timestamp: String,
    /// On what.
    pub build_cpu: &'static str,
    /// Under what.
    pub build_os: &'static str,
    /// Of what.
    pub cargo_dependencies: String,
    /// With what.
    pub cargo_features: String,
    /// Whether for debugging.
    pub cargo_debug: String,
    /// How much was optimised.
    pub cargo_opt_level: String,
    /// For what.
    pub cargo_target_triple: String,
    /// By what.
    pub rustc_version: String,
}

/// That the process and the database answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Healthz {
    /// `healthy` or `unhealthy`.
    pub status: &'static str,
}

/// How the parts of the installation are.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ClusterHealth {
    /// Whether all are well.
    pub all_healthy: bool,
    /// The database and the log.
    pub api: ServiceStatus,
    /// What understands programs.
    pub compiler: ServiceStatus,
    /// What runs them.
    pub runner: ServiceStatus,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ServiceStatus {
    /// Whether it is well.
    pub healthy: bool,
    /// What it says.
    pub message: String,
    /// Since when.
    pub unchanged_since: String,
    /// When it was asked.
    pub checked_at: String,
}
