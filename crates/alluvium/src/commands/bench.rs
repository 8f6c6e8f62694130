//! `alluvium bench`

use serde_json::{Value, json};

use super::Context;
use crate::bench::nexmark::Part;
use crate::bench::{BenchPath, Measured, PATHS, Run};
use crate::cli::BenchArgs;
use crate::failure::{Done, Failure};
use crate::ui::Format;

pub async fn run(cx: &Context, args: &BenchArgs) -> Done {
    if let Some(part) = &args.part {
        return run_part(cx, part).await;
    }
    let known = || PATHS.iter().map(|path| path.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = args.paths.iter().find(|name| !PATHS.iter().any(|path| path.name == **name)) {
        return Err(
            Failure::usage(format!("There is no path `{unknown}` to measure.")).help(format!("there are {}", known()))
        );
    }
    let wanted = |path: &&BenchPath| args.paths.is_empty() || args.paths.iter().any(|name| name == path.name);
    if args.dry_run {
        let rows: Vec<Value> =
            PATHS.iter().filter(wanted).map(|path| json!({ "path": path.name, "measures": path.about })).collect();
        cx.ui.rows(&["path", "measures"], &rows);
        return Ok(());
    }
    if cfg!(debug_assertions) {
        cx.ui.warn("this is a debug build: the numbers mean little; use `scripts/bench`");
    }
    let run = Run { ui: cx.ui, scale: args.scale.clamp(0.001, 100.0) };
    let (mut all, mut failed): (Vec<Measured>, Option<Failure>) = (Vec::new(), None);
    for path in PATHS.iter().filter(wanted) {
        run.ui.say(format!("measuring {}: {}", path.name, path.about));
        match (path.run)(run).await {
            Ok(measured) => all.extend(measured),
            // What is measured already is still worth seeing.
            Err(failure) => failed = Some(failure.note(format!("measuring {}", path.name))),
        }
    }
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &all.iter().map(|measured| json!(measured)).collect::<Vec<_>>());
    } else {
        cx.ui.rows(
            &["path", "ours", "raw", "unit", "ratio", "budget", "met", "beside"],
            &all.iter().map(shown).collect::<Vec<_>>(),
        );
    }
    // Timing never fails anything: it reports.
    failed.map_or(Ok(()), Err)
}

/// What a path measures in a process of its own.
async fn run_part(cx: &Context, part: &str) -> Done {
    let part: Part =
        serde_json::from_str(part).map_err(|error| Failure::usage(format!("This is no part: {error}.")))?;
    let told = tokio::task::spawn_blocking(move || part.run()).await.map_err(Failure::bug)??;
    cx.ui.text(&json!(told).to_string());
    Ok(())
}

fn shown(measured: &Measured) -> Value {
    let number = |value: f64| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    json!({
        "path": measured.path,
        "ours": number(measured.ours),
        "raw": measured.raw.map(number),
        "unit": measured.unit,
        "ratio": measured.ratio.map(|ratio| format!("{:.0} %", ratio * 100.0)),
        "budget": measured.budget,
        "met": if measured.met { "yes" } else { "no" },
        "beside": measured.beside,
    })
}
