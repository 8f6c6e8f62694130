//! Looking at dead letters.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use alluvium_messaging::Bus;
use alluvium_messaging::dead_letter::{self, Letter};
use serde_json::{Value, json};

use super::{letters, refused};
use crate::cli::dlq::{DlqExportArgs, DlqFilter, DlqOf, DlqShowArgs};
use crate::commands::Context;
use crate::commands::topic::payload::{Reader, told, told_headers};
use crate::failure::Done;

const COLUMNS: [&str; 8] = ["id", "topic", "group", "reason", "attempts", "key", "last", "error"];

pub async fn list(cx: &Context, bus: &Bus, filter: &DlqFilter) -> Done {
    let letters = letters(bus, &filter.pick, filter.reason.as_deref()).await?;
    let rows: Vec<Value> = letters.iter().map(|letter| json!(letter)).collect();
    cx.ui.rows(&COLUMNS, &rows);
    Ok(())
}

pub async fn stats(cx: &Context, bus: &Bus, filter: &DlqFilter) -> Done {
    let letters = letters(bus, &filter.pick, filter.reason.as_deref()).await?;
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for letter in &letters {
        *counts.entry((&letter.topic, &letter.group, &letter.reason)).or_default() += 1;
    }
    let rows: Vec<Value> = counts
        .iter()
        .map(|((topic, group, reason), count)| {
            json!({ "topic": topic, "group": group, "reason": reason, "letters": count })
        })
        .collect();
    cx.ui.rows(&["topic", "group", "reason", "letters"], &rows);
    Ok(())
}

pub async fn show(cx: &Context, bus: &Bus, args: &DlqShowArgs) -> Done {
    let letter = dead_letter::show(bus, args.id, &args.of.filter()).await.map_err(refused)?;
    cx.ui.record(&whole(bus, &letter).await);
    Ok(())
}

pub async fn export(cx: &Context, bus: &Bus, args: &DlqExportArgs) -> Done {
    let letters = letters(bus, &args.filter.pick, args.filter.reason.as_deref()).await?;
    let mut text = Vec::new();
    for letter in &letters {
        writeln!(text, "{}", whole(bus, letter).await)?;
    }
    if args.out == Path::new("-") {
        std::io::stdout().write_all(&text)?;
    } else {
        std::fs::write(&args.out, text)?;
        cx.ui.ok(format!("{} dead letters are in {}", letters.len(), args.out.display()));
    }
    Ok(())
}

pub async fn history(cx: &Context, bus: &Bus, of: &DlqOf) -> Done {
    let actions = dead_letter::actions(bus, &of.filter()).await.map_err(refused)?;
    let rows: Vec<Value> = actions.iter().map(|(_, action)| json!(action)).collect();
    cx.ui.rows(&["at", "by", "deed", "ids", "to", "reason"], &rows);
    Ok(())
}

/// A dead letter with its headers and its payload: decoded now, or why it cannot be.
async fn whole(bus: &Bus, letter: &Letter) -> Value {
    let mut record = json!(letter);
    record["headers"] = told_headers(letter.headers());
    let read = Reader { bus, schema: None }.read(letter.payload(), letter.headers(), false).await;
    told(read, letter.payload(), &mut record);
    record
}
