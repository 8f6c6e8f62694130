//! Nexmark: queries over the events of an auction house, kept up to date batch by batch, beside DuckDB that computes them anew after
//! each batch, and beside PyFlink, all from the same files.

mod data;
mod digest;
mod end_to_end;
mod engine;
mod flink;
mod part;
mod queries;
mod recompute;

use self::data::{BATCH_EVENTS, Data};
use self::flink::Took;
use self::part::Told;
use self::queries::QUERIES;
use super::{Measured, Results, Run};
use crate::failure::Failure;

pub use self::end_to_end::run as end_to_end;
pub use self::part::Part;

/// Events of one measurement.
const EVENTS: u64 = 1_000_000;
/// How many times as fast as its peers a query is promised to be.
const TIMES: f64 = 1.0;

/// Events that only come.
pub async fn run(run: Run) -> Results {
    let (dir, data) = written(run, false).await?;
    let told = all(run, &data).await;
    let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let peers = match flink::run(&data, &names).await {
        Ok(peers) => peers,
        Err(failure) => {
            run.ui.warn(format!("nothing is beside PyFlink: {}", failure.message));
            Vec::new()
        }
    };
    drop(dir);
    Ok(results(run, "nexmark", &data, told, &peers))
}

/// One of ten events is deleted or changed later. Flink's files have no deletes, so it is not beside these.
pub async fn changes(run: Run) -> Results {
    let (dir, data) = written(run, true).await?;
    let told = all(run, &data).await;
    drop(dir);
    Ok(results(run, "nexmark with changes", &data, told, &[]))
}

async fn written(run: Run, has_changes: bool) -> Result<(tempfile::TempDir, Data), Failure> {
    let events = run.scaled(EVENTS, 2 * BATCH_EVENTS);
    run.ui.say(format!("writing {events} events"));
    let dir = tempfile::tempdir()?;
    let path = dir.path().to_owned();
    let data =
        tokio::task::spawn_blocking(move || Data::write(&path, events, has_changes)).await.map_err(Failure::bug)??;
    Ok((dir, data))
}

async fn all(run: Run, data: &Data) -> Vec<(&'static str, Result<Told, Failure>)> {
    let mut all = Vec::new();
    for query in &QUERIES {
        run.ui.say(format!("measuring {}", query.name));
        let part = Part { query: query.name.to_owned(), data: data.clone() };
        all.push((query.name, part.measure().await));
    }
    all
}

fn results(
    run: Run,
    path: &str,
    data: &Data,
    told: Vec<(&str, Result<Told, Failure>)>,
    peers: &[Took],
) -> Vec<Measured> {
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for (name, told) in told {
        let path = format!("{path} {name}");
        match told {
            Ok(told) => all.extend(lines(run, &path, data.events, &told, peers.iter().find(|peer| peer.name == name))),
            Err(failure) => {
                run.ui.warn(format!("{path} did not run: {}", failure.message));
                failed.push(name.to_owned());
            }
        }
    }
    // What is measured is worth seeing, so this is a line too.
    if !failed.is_empty() {
        let beside = format!("queries that did not run: {}", failed.join(", "));
        all.push(Measured { beside, ..Measured::bound(path, "queries not run", failed.len() as f64, 0.0, None) });
    }
    all
}

fn lines(run: Run, path: &str, events: u64, told: &Told, peer: Option<&Took>) -> Vec<Measured> {
    let (events, ours) = (events as f64, &told.ours);
    let rate = events / ours.seconds;
    let mut lines = Vec::new();
    if let Some(difference) = &told.difference {
        run.ui.warn(format!("WRONG: {difference}"));
        let (rows, wanted) = (told.rows.0 as f64, told.rows.1 as f64);
        let wrong = Measured::share(&format!("{path}, WRONG"), "rows", rows, wanted, 1.0, "the same query in DuckDB");
        lines.push(Measured { budget: "equal".to_owned(), met: false, ..wrong });
    }
    let how = if ours.recomputed.is_empty() {
        String::new()
    } else {
        format!("; not incremental: {}", ours.recomputed.join(", "))
    };
    let beside = format!(
        "DuckDB recompute per {BATCH_EVENTS} events, done {} times; {} rows{how}",
        told.recompute_measured, told.rows.0
    );
    lines.push(Measured::share(path, "events/s", rate, events / told.recompute_seconds, TIMES, &beside));
    if let Some((peer, seconds)) = peer.and_then(|peer| Some((peer, peer.seconds?))) {
        let said = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1}"));
        let cpu = said(peer.cpu_seconds.map(|cpu| cpu * 1e6 / events));
        let beside = format!("PyFlink, {cpu} CPU s per million events, {} MB", said(peer.peak_mb));
        lines.push(Measured::share(&format!("{path}, PyFlink"), "events/s", rate, events / seconds, TIMES, &beside));
    } else if let Some(error) = peer.and_then(|peer| peer.error.as_ref()) {
        run.ui.warn(format!("{path} did not run on PyFlink: {error}"));
    }
    let mut plain = |what: &str, unit: &'static str, value: f64| {
        lines.push(Measured::bound(&format!("{path}, {what}"), unit, value, f64::INFINITY, None));
    };
    plain("CPU per million events", "s", ours.cpu_seconds * 1e6 / events);
    plain("peak memory", "MB", ours.peak_mb);
    plain("step p50", "ms", ours.p50_ms);
    plain("step p99", "ms", ours.p99_ms);
    if let Some(first_row) = ours.first_row_ms {
        plain("SQL text to first row", "ms", first_row);
    }
    lines
}
