//! What the installation says of itself.

use alluvium_http::Json;
use axum::extract::State;
use serde_json::Value;

use super::pipelines::Answer;
use super::state::{PipelineRoutes, uncached};
use crate::model::PLATFORM_VERSION;
use crate::wire::{BuildInformation, Configuration};

pub(super) async fn config(State(state): State<PipelineRoutes>) -> Answer {
    let about = &state.about;
    let features = &about.unstable_features;
    Ok(uncached(Json(Configuration {
        posthog: "",
        conceptualhq: "",
        product_fruits: "",
        edition: about.edition.clone(),
        version: PLATFORM_VERSION,
        revision: about.revision.clone(),
        runtime_revision: about.revision.clone(),
        unstable_features: (!features.is_empty()).then(|| features.join(",")),
        changelog_url: String::new(),
        license_validity: Value::Null,
        update_info: Value::Null,
        build_info: BuildInformation {
            build_cpu: std::env::consts::ARCH,
            build_os: std::env::consts::OS,
            cargo_debug: cfg!(debug_assertions).to_string(),
            ..BuildInformation::default()
        },
        build_source: "source",
    })))
}

/// Programs to try.
pub(super) async fn demos(State(state): State<PipelineRoutes>) -> Answer {
    Ok(uncached(Json(&state.about.demos)))
}
