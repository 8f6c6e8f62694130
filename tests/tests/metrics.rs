//! Every metric a running platform has is in a snapshot, and every one that alerts and dashboard use exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alluvium_blackbox::{World, repository};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

/// What Grafana is given.
const DASHBOARDS: [&str; 2] = ["ops/grafana/alluvium.json", "ops/grafana/storage.json"];
/// What a histogram's samples are called besides its name.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Families of a scrape with their types.
fn families(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

/// Families that have a sample.
fn fed<'a>(text: &'a str, families: &BTreeMap<&str, &str>) -> BTreeSet<&'a str> {
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let name = |line: &'a str| line.split(['{', ' ']).next().unwrap_or_default();
    let family = |name: &'a str| {
        let shorter = OF_HISTOGRAMS.iter().find_map(|end| name.strip_suffix(end));
        shorter.filter(|family| families.get(family) == Some(&"histogram")).unwrap_or(name)
    };
    samples.map(|line| family(name(line))).collect()
}

/// Words in a text that are names of our metrics.
fn used(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("alluvium_") || word.starts_with("duckdb_"))
        .collect()
}

async fn scrape(world: &World) -> String {
    let answer = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics");
    answer.text().await.expect("text")
}

/// Does a bit of everything that is counted.
async fn live(world: &World) {
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let file = world.upload("p", "t.csv", b"n\n1\n2\n".to_vec()).await;
    let table = "/projects/p/branches/default/buckets/b/tables/t";
    world.post(&format!("{table}/import/file"), &json!({ "file_id": file })).await;
    world.post(&format!("{table}/export"), &json!({})).await;
    world.post(&format!("{table}/columns"), &json!({ "name": "m", "type": "BIGINT" })).await;
    let (status, _) = world.http(Method::GET, &format!("/projects/p/files/{file}/download"), None).await;
    assert!(status.is_success());
    let (status, _) = world.http(Method::GET, "/projects/nowhere", None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn metrics_are_those_of_the_snapshot_and_alerts_use_no_other() {
    let world = World::start().await;
    assert!(scrape(&world).await.contains("\nduckdb_projects_total 0\n"), "nothing is there yet");
    live(&world).await;
    let text = scrape(&world).await;
    assert!(text.contains("\nduckdb_projects_total 1\n"), "counts show what was answered: {text}");
    let families = families(&text);
    let fed = fed(&text, &families);
    let mut listed = String::new();
    for (name, kind) in &families {
        let _ = writeln!(listed, "{name} {kind}{}", if fed.contains(name) { "" } else { " (nothing yet)" });
    }
    insta::assert_snapshot!("metrics", listed);

    for file in DASHBOARDS.into_iter().chain(["ops/prometheus/alerts.yml"]) {
        let text = std::fs::read_to_string(repository().join(file)).expect("a file of the repository");
        for name in used(&text) {
            let shorter = OF_HISTOGRAMS.iter().find_map(|end| name.strip_suffix(end));
            let exists =
                families.contains_key(name) || shorter.is_some_and(|family| families.get(family) == Some(&"histogram"));
            assert!(exists, "{file} uses {name}, which nobody feeds");
        }
    }
}

#[test]
fn alerts_say_what_is_wrong_and_what_to_do() {
    let text = std::fs::read_to_string(repository().join("ops/prometheus/alerts.yml")).expect("alerts");
    let alerts: Vec<&str> = text.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 10);
    for alert in alerts {
        for part in ["expr: ", "severity: ", "summary: ", "remedy: "] {
            assert_eq!(alert.matches(part).count(), 1, "{part} of {alert}");
        }
    }
}

#[rstest]
fn a_dashboard_is_one_that_grafana_reads(#[values(DASHBOARDS[0], DASHBOARDS[1])] file: &str) {
    let text = std::fs::read_to_string(repository().join(file)).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("json");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
        assert!(panel["gridPos"]["w"].as_u64().is_some_and(|width| width <= 24), "{panel}");
    }
}
