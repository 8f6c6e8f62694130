//! The surface of pipelines, as the whole binary describes it, against what clients know.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_blackbox::World;
use alluvium_blackbox::known::{KNOWN, Known};
use serde_json::Value;

/// Calls of ours that clients do not find in their description.
const OURS: [&str; 3] = ["/healthz", "/v0/pipelines/{pipeline_name}/compile", "/v0/pipelines/{pipeline_name}/testing"];
/// Parameters that work without standing in the description: method, path, names.
const UNLISTED: [(&str, &str, &[&str]); 4] = [
    ("POST", "/v0/pipelines/{pipeline_name}/ingress/{table_name}", &["json_flavor", "lines"]),
    ("GET", "/v0/pipelines/{pipeline_name}/stats", &["include_connector_errors"]),
    (
        "GET",
        "/v0/pipelines/{pipeline_name}/tables/{table_name}/connectors/{connector_name}/stats",
        &["include_connector_errors"],
    ),
    (
        "GET",
        "/v0/pipelines/{pipeline_name}/views/{view_name}/connectors/{connector_name}/stats",
        &["include_connector_errors"],
    ),
];

/// What the binary says that it serves, by method and path: statuses of success, and names of query parameters.
struct Served(BTreeMap<(String, String), (BTreeSet<u16>, BTreeSet<String>)>);

impl Served {
    fn of(description: &Value) -> Self {
        let mut served = BTreeMap::new();
        for (path, methods) in description["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let statuses = operation["responses"].as_object().expect("responses").keys();
                let statuses = statuses.filter_map(|status| status.parse().ok()).filter(|it| (200..300).contains(it));
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let parameters = parameters.filter(|it| it["in"] == "query").filter_map(|it| it["name"].as_str());
                let answers = (statuses.collect(), parameters.map(str::to_owned).collect());
                served.insert((method.to_uppercase(), path.clone()), answers);
            }
        }
        Self(served)
    }
}

/// What of a known call is served otherwise.
fn differs((method, path, statuses, parameters): &Known, served: &Served) -> Option<String> {
    let Some((found, takes)) = served.0.get(&((*method).to_owned(), (*path).to_owned())) else {
        return Some("it is not served".to_owned());
    };
    let known: BTreeSet<u16> = statuses.iter().copied().collect();
    if *found != known {
        return Some(format!("it answers {found:?}, known is {known:?}"));
    }
    let unlisted = UNLISTED.iter().filter(|it| (it.0, it.1) == (*method, *path)).flat_map(|it| it.2);
    let expected: BTreeSet<String> = parameters.iter().chain(unlisted).map(|name| (*name).to_owned()).collect();
    (*takes != expected).then(|| format!("it takes {takes:?}, known is {expected:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_that_clients_know_is_served_as_they_know_it_and_no_other() {
    let world = World::start().await;
    let served = Served::of(&world.get("/openapi.json").await);
    let mut wrong = Vec::new();
    for known in KNOWN {
        wrong.extend(differs(known, &served).map(|what| format!("{} {}: {what}", known.0, known.1)));
    }
    let is_ours = |path: &str| OURS.contains(&path) || !path.starts_with("/v0/");
    for (method, path) in served.0.keys().filter(|(_, path)| !is_ours(path)) {
        if !KNOWN.iter().any(|known| (known.0, known.1) == (method.as_str(), path.as_str())) {
            wrong.push(format!("{method} {path} is neither known nor said to be ours"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
