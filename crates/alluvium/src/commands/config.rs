//! `alluvium config`

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Context;
use crate::cli::ConfigCommand;
use crate::config::{self, Overrides};
use crate::failure::{Done, Failure};

pub fn run(cx: &Context, command: &ConfigCommand) -> Done {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let flags = Overrides { nats_url: cx.globals.nats.clone(), ..Overrides::default() };
    let loaded = config::load(cx.globals.config.as_deref(), &env, &flags);
    match command {
        ConfigCommand::Show => {
            cx.ui.rows(&["setting", "value", "origin", "environment", "about"], &config::shown(&loaded?));
            Ok(())
        }
        ConfigCommand::Check => {
            let mut rows: Vec<Value> = config::unknown_names(&env).iter().map(|finding| json!(finding)).collect();
            match &loaded {
                Ok(loaded) => rows.extend(config::check(loaded).iter().map(|finding| json!(finding))),
                Err(failure) => {
                    let notes = failure.notes.iter().chain(failure.notes.is_empty().then_some(&failure.message));
                    let row = |note| json!({ "about": failure.code, "problem": note, "fix": failure.help });
                    rows.extend(notes.map(row));
                }
            }
            if rows.is_empty() {
                cx.ui.ok("the configuration has no problem");
                return Ok(());
            }
            cx.ui.rows(&["about", "problem", "fix"], &rows);
            Err(Failure::findings(rows.len()))
        }
    }
}
