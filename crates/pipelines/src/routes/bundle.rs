//! What there is to say of a pipeline, in one archive; and the metrics of all.

use alluvium_http::{PathParams, Principal, Query};
use alluvium_kernel::Token;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::pipelines::Answer;
use super::program::{compiled, refusal};
use super::state::{PipelineRoutes, name_of, now, uncached};
use crate::model::config::split;
use crate::model::{PLATFORM_VERSION, Pipeline};
use crate::queries::Texts;
use crate::reactors::{Collection, PartKind, Place, Wanted};
use crate::wire::{self, EventSelector, Folder, PipelineInfo, Selector};

/// What is in a bundle.
#[derive(Deserialize, IntoParams)]
pub(super) struct BundleQuery {
    /// Whether something is collected now, and not only what was collected before.
    collect: Option<bool>,
    /// How many collections there may be, the newest first.
    limit: Option<u64>,
    /// Whether work and sizes of the nodes are in it.
    circuit_profile: Option<bool>,
    /// Whether it says where memory is.
    heap_profile: Option<bool>,
    /// Whether metrics are in it.
    metrics: Option<bool>,
    /// Whether what the pipeline wrote for people is in it.
    logs: Option<bool>,
    /// Whether counters are in it.
    stats: Option<bool>,
    /// Whether the pipeline is in it as it is set.
    pipeline_config: Option<bool>,
    /// Whether it says what the installation is.
    system_config: Option<bool>,
    /// Whether the program's graph is in it.
    dataflow_graph: Option<bool>,
    /// Whether what happened to the pipeline is in it.
    pipeline_events: Option<bool>,
}

impl BundleQuery {
    fn wanted(&self) -> Wanted {
        let is = |given: Option<bool>| given.unwrap_or(true);
        Wanted {
            circuit_profile: is(self.circuit_profile),
            heap_profile: is(self.heap_profile),
            metrics: is(self.metrics),
            logs: is(self.logs),
            stats: is(self.stats),
        }
    }

    fn is_any(&self) -> bool {
        let own = [self.pipeline_config, self.system_config, self.dataflow_graph, self.pipeline_events];
        self.wanted().is_any() || own.iter().any(|given| given.unwrap_or(true))
    }
}

/// An archive with what is known of a pipeline here and where it runs.
pub(super) async fn get(
    State(state): State<PipelineRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<BundleQuery>,
) -> Answer {
    let limit = wire::check_limit(query.limit)?;
    let pipeline = state.queries.by_name(&principal.tenant, name_of(&params), Texts::Open).await?;
    let place = Place { tenant: principal.tenant.clone(), pipeline: pipeline.id.clone() };
    let (mut folders, wanted) = (Vec::new(), query.wanted());
    if query.is_any() {
        if query.collect.unwrap_or(true) {
            folders.push(collected_now(&state, &place, &pipeline, &query).await);
        }
        if let Some(telemetry) = &state.telemetry {
            let earlier = telemetry.collected(&place).await;
            folders.extend(earlier.into_iter().map(|collection| folder(collection, wanted)));
        }
        folders.truncate(limit);
    }
    let about = json!({ "id": pipeline.id, "name": pipeline.name, "platform_version": pipeline.platform_version });
    let at = now();
    let packed = tokio::task::spawn_blocking(move || wire::bundle(&about, &folders, at)).await;
    let bytes = packed.map_err(|_| alluvium_kernel::Problem::internal())??;
    // Names of pipelines hold nothing that would end the quotes.
    let disposition = format!("attachment; filename=\"{}-support-bundle.zip\"", pipeline.name);
    let headers = [(CONTENT_TYPE, "application/zip".to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok(uncached((headers, bytes).into_response()))
}

/// Metrics of all running pipelines of the tenant.
pub(super) async fn metrics(State(state): State<PipelineRoutes>, principal: Principal) -> Answer {
    let text = match &state.telemetry {
        Some(telemetry) => telemetry.metrics(&principal.tenant).await,
        None => String::new(),
    };
    Ok(uncached(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()))
}

fn folder(collection: Collection, wanted: Wanted) -> Folder {
    let mut folder = Folder { at: collection.at, ..Folder::default() };
    for part in collection.parts.into_iter().filter(|part| wanted.has(part.kind)) {
        let file = part.kind.file().to_owned();
        match part.content {
            Ok(content) => folder.files.push((file, content)),
            Err(reason) => folder.missing.push((file, reason)),
        }
    }
    folder
}

async fn collected_now(state: &PipelineRoutes, place: &Place, pipeline: &Pipeline, query: &BundleQuery) -> Folder {
    let wanted = query.wanted();
    let mut folder = match &state.telemetry {
        Some(telemetry) if wanted.is_any() => folder(telemetry.collect(place, wanted).await, wanted),
        _ => without_telemetry(wanted),
    };
    folder.at = now();
    if query.pipeline_config.unwrap_or(true) {
        let mut config = PipelineInfo::from(pipeline.clone()).selected(Selector::All);
        // Secrets stay out of what is sent to others.
        split(&mut config["runtime_config"]);
        folder.files.push(wire::json_file("pipeline_config.json", &config));
    }
    if query.system_config.unwrap_or(true) {
        folder.files.push(wire::json_file("system_config.json", &system(state)));
    }
    if query.dataflow_graph.unwrap_or(true) {
        match graph(state, &place.tenant, pipeline).await {
            Ok(graph) => folder.files.push(wire::json_file("dataflow_graph.json", &graph)),
            Err(reason) => folder.missing.push(("dataflow_graph.json".to_owned(), reason)),
        }
    }
    if query.pipeline_events.unwrap_or(true) {
        match state.queries.events(&place.tenant, &pipeline.id).await {
            Ok(rows) => {
                let events: Vec<Value> = rows.iter().map(|row| wire::event(row, EventSelector::All)).collect();
                folder.files.push(wire::json_file("pipeline_events.json", &Value::Array(events)));
            }
            Err(problem) => folder.missing.push(("pipeline_events.json".to_owned(), problem.detail)),
        }
    }
    folder
}

/// Where nobody knows running pipelines.
fn without_telemetry(wanted: Wanted) -> Folder {
    use PartKind as K;

    let kinds = [K::CircuitProfile, K::CircuitJsonProfile, K::HeapProfile, K::Metrics, K::Logs, K::Stats];
    let missing = kinds.into_iter().filter(|kind| wanted.has(*kind));
    let missing = missing.map(|kind| (kind.file().to_owned(), "this process runs no pipelines".to_owned()));
    Folder { missing: missing.collect(), ..Folder::default() }
}

fn system(state: &PipelineRoutes) -> Value {
    json!({
        "version": PLATFORM_VERSION,
        "revision": state.about.revision,
        "edition": state.about.edition,
        "unstable_features": state.about.unstable_features,
        "cpu": std::env::consts::ARCH,
        "os": std::env::consts::OS,
        "cores": std::thread::available_parallelism().map(std::num::NonZero::get).unwrap_or_default(),
    })
}

async fn graph(state: &PipelineRoutes, tenant: &Token, pipeline: &Pipeline) -> Result<Value, String> {
    let source = compiled(tenant, pipeline).map_err(|problem| problem.detail)?;
    let graph = state.ask(|compiler| compiler.graph(&source)).await.map_err(|problem| problem.detail)?;
    let graph = graph.map_err(|not| refusal(not).detail)?;
    serde_json::to_value(graph).map_err(|error| error.to_string())
}
