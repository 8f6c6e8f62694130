//! The routes about the installation and its keys, as data.

use alluvium_http::{Op, PathParams, Route};
use alluvium_kernel::Requirement;

use super::list::{read, write};
use super::state::PipelineRoutes;
use super::{bundle, cluster, config, demos, events, health, keys};
use crate::wire::{ClusterHealth, ClusterMonitorEvent, Configuration, Healthz};

const KEYS: &str = "/v0/api_keys";
const KEY: &str = "/v0/api_keys/{api_key_name}";
const PLATFORM: &str = "pipelines-platform";

fn anyone(_: &PathParams) -> Requirement {
    Requirement::Nothing
}

pub(super) fn platform() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::get(
            "/healthz",
            anyone,
            health::healthz,
            Op::new("getHealthz", PLATFORM, "Whether the process and its database answer")
                .json::<Healthz>(200, "They do")
                .json::<Healthz>(500, "The database does not"),
        ),
        Route::get(
            "/v0/config",
            read,
            config::config,
            Op::new("getConfig", PLATFORM, "What the installation is").json::<Configuration>(200, "What it is"),
        ),
        Route::get(
            "/v0/config/demos",
            read,
            config::demos,
            Op::new("listDemos", PLATFORM, "Programs to try").json_list::<demos::Demo>(200, "All of them"),
        ),
        Route::get(
            "/v0/metrics",
            read,
            bundle::metrics,
            Op::new("getMetricsOfPipelines", PLATFORM, "The metrics of all running pipelines of the tenant").binary(
                200,
                "text/plain",
                "In the text format of Prometheus",
            ),
        ),
        Route::get(
            "/v0/cluster_healthz",
            read,
            health::cluster,
            Op::new("getClusterHealth", PLATFORM, "How the parts of the installation are")
                .json::<ClusterHealth>(200, "All are well")
                .json::<ClusterHealth>(503, "Some are not"),
        ),
    ]
}

pub(super) fn cluster() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::get(
            "/v0/cluster/events",
            read,
            cluster::list,
            Op::new("listClusterEvents", PLATFORM, "What happened to the installation, newest first")
                .json_list::<ClusterMonitorEvent>(200, "How its parts were")
                .errors(&["pipelines.unavailable"]),
        ),
        Route::get(
            "/v0/cluster/events/{event_id}",
            read,
            cluster::get,
            Op::new("getClusterEvent", PLATFORM, "One event of the installation, by its id or as `latest`")
                .query::<events::EventQuery>()
                .json::<ClusterMonitorEvent>(200, "How its parts were then")
                .errors(&[
                    "pipelines.invalid_param",
                    "pipelines.unknown_cluster_monitor_event",
                    "pipelines.no_cluster_monitor_events_available",
                ]),
        ),
    ]
}

pub(super) fn keys_of() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::get(
            KEYS,
            write,
            keys::list,
            Op::new("listApiKeysOfPipelines", PLATFORM, "List the keys of the tenant's pipelines")
                .json_list::<keys::NamedKey>(200, "The live ones"),
        ),
        Route::post(
            KEYS,
            write,
            keys::create,
            Op::new("postApiKeyOfPipelines", PLATFORM, "Issue a key of the tenant's pipelines")
                .body::<keys::NewApiKeyRequest>()
                .json::<keys::NewApiKeyResponse>(201, "The key, shown this once")
                .errors(&[
                    "pipelines.empty_name",
                    "pipelines.too_long_name",
                    "pipelines.name_does_not_match_pattern",
                    "pipelines.invalid_request_body",
                    "pipelines.invalid_param",
                    "pipelines.duplicate_name",
                    "pipelines.role_exceeds_creator",
                    "pipelines.owner_admin_not_mintable_as_api_key",
                ]),
        ),
        Route::get(
            KEY,
            write,
            keys::get,
            Op::new("getApiKeyOfPipelines", PLATFORM, "Show a key of the tenant's pipelines, in a list of one")
                .json_list::<keys::NamedKey>(200, "The key")
                .errors(&["pipelines.unknown_api_key"]),
        ),
        Route::delete(
            KEY,
            write,
            keys::delete,
            Op::new("deleteApiKeyOfPipelines", PLATFORM, "Make a key of the tenant's pipelines dead")
                .empty(200, "Dead from the next request on")
                .errors(&["pipelines.unknown_api_key"]),
        ),
    ]
}
