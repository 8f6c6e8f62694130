//! `/projections/{name}/parked`: what a fold could not apply. The remedies are commands: `platform.RetryParked`, `SkipParked`.

use alluvium_http::{Json, Op, PathParams, ProblemResponse, Route};
use alluvium_kernel::Problem;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Platform, admin};
use crate::node::TABLES;

pub fn routes() -> Vec<Route<Platform>> {
    let op = Op::new("listParked", "platform", "What a fold could not apply, oldest first")
        .description(
            "Each event with its key, sequence and reason. The first event of a key is in the way of those behind it. \
             `POST /commands/platform/RetryParked` tries a key again, `…/SkipParked` gives its first event up.",
        )
        .json::<Value>(200, "Parked events: key, seq, code, reason")
        .errors(&["platform.unknown_projection"]);
    vec![Route::get("/projections/{name}/parked", admin, list, op)]
}

async fn list(State(platform): State<Platform>, params: PathParams) -> Result<Json<Value>, ProblemResponse> {
    let name = params.get("name");
    let parked = match (&platform.tables, name == TABLES) {
        (Some(tables), true) => json!(tables.parked()),
        (None, true) => {
            let detail = "The table files are folded by another process; ask that one.";
            return Err(Problem::new("platform.unknown_projection", 404, detail).into());
        }
        (_, false) => {
            let unknown = |problem: Problem| match problem.code.as_str() {
                "projection.unknown" => Problem::new("platform.unknown_projection", 404, problem.detail),
                _ => problem,
            };
            json!(platform.projections.parked(name).await.map_err(unknown)?)
        }
    };
    Ok(Json(json!({ "projection": name, "parked": parked })))
}
