//! `/projections/{name}/generations`: which ones a fold has, and dropping one.

use alluvium_http::{Json, Op, PathParams, ProblemResponse, Route};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::projections::{known, tables};
use super::{Platform, admin};
use crate::node::TABLES;

pub fn routes() -> Vec<Route<Platform>> {
    let list = Op::new("listGenerations", "platform", "The generations of a fold, newest first")
        .description("`live` is read, `kept` was read before and can be gone back to.")
        .json::<Value>(200, "Number, state, watermark and size of each")
        .errors(&["platform.unknown_projection"]);
    let drop = Op::new("dropGeneration", "platform", "Remove a generation that is not read")
        .description("Right after a switch it waits until those who began to read it before have left.")
        .empty(204, "It is gone")
        .errors(&["platform.unknown_projection", "projection.unknown_generation", "projection.generation_in_use"]);
    vec![
        Route::get("/projections/{name}/generations", admin, self::list, list),
        Route::delete("/projections/{name}/generations/{generation}", admin, self::drop, drop),
    ]
}

async fn list(State(platform): State<Platform>, params: PathParams) -> Result<Json<Value>, ProblemResponse> {
    let name = params.owned("name");
    let found = if name == TABLES {
        json!(tables(&platform)?.generations().await?)
    } else {
        known(&platform, &name)?;
        json!(platform.projections.generations(&name).await?)
    };
    Ok(Json(json!({ "projection": name, "generations": found })))
}

async fn drop(State(platform): State<Platform>, params: PathParams) -> Result<StatusCode, ProblemResponse> {
    let (name, number) = (params.owned("name"), params.get("generation"));
    let unknown =
        || Problem::new("projection.unknown_generation", 404, format!("`{number}` is no generation's number."));
    if name == TABLES {
        tables(&platform)?.drop_generation(number.parse().map_err(|_| unknown())?).await?;
    } else {
        known(&platform, &name)?;
        platform.projections.drop_generation(&name, number.parse().map_err(|_| unknown())?).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
