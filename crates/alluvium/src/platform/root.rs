//! `GET /`

use alluvium_http::{Json, Op, Route};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Platform, public};

/// What answers here.
#[expect(clippy::struct_field_names, reason = "the wire fixes them")]
#[derive(Serialize, ToSchema)]
struct Service {
    /// `alluvium`
    service: &'static str,
    /// Version of the binary.
    version: &'static str,
    /// Where health is told.
    health: &'static str,
    /// Where the documentation is.
    docs: &'static str,
}

pub fn routes() -> Vec<Route<Platform>> {
    let op =
        Op::new("service", "platform", "What answers here").json::<Service>(200, "Name, version and where to go on");
    vec![Route::get("/", public, service, op)]
}

async fn service() -> Json<Service> {
    Json(Service { service: "alluvium", version: env!("CARGO_PKG_VERSION"), health: "/health", docs: "/docs" })
}
