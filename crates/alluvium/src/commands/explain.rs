//! `alluvium explain`

use serde_json::{Value, json};

use super::Context;
use crate::cli::ExplainArgs;
use crate::errors::catalogue;
use crate::failure::{Done, Exit, Failure};
use crate::ui::Format;

/// How many similar codes are offered for an unknown one.
const SIMILAR_MAX: usize = 5;

pub fn run(cx: &Context, args: &ExplainArgs) -> Done {
    let Some(code) = &args.code else {
        let rows: Vec<Value> = catalogue()
            .iter()
            .map(|info| json!({ "code": info.code, "status": info.status, "title": info.title }))
            .collect();
        cx.ui.rows(&["code", "status", "title"], &rows);
        return Ok(());
    };
    let Some(info) = catalogue().get(code) else {
        let failure = Failure::new(Exit::NotFound, "cli.unknown_code", format!("No error has the code `{code}`."));
        let similar = similar(code);
        return Err(if similar.is_empty() {
            failure.help("`alluvium explain` lists all codes")
        } else {
            failure.help(format!("did you mean {}?", similar.join(", ")))
        });
    };
    if cx.ui.format == Format::Table {
        let exit = Exit::of_status(info.status) as u8;
        cx.ui.text(&format!(
            "{}\n  {}\n\nWhat to do\n  {}\n\nHTTP status {}, exit code {exit}",
            info.code, info.title, info.help, info.status
        ));
    } else {
        cx.ui.record(&json!({ "code": info.code, "status": info.status, "title": info.title, "help": info.help }));
    }
    Ok(())
}

/// Codes that contain the asked one's last part, or are contained in it.
fn similar(code: &str) -> Vec<&'static str> {
    let wanted = code.rsplit('.').next().unwrap_or(code);
    let near = |known: &str| {
        let known = known.rsplit('.').next().unwrap_or(known);
        !wanted.is_empty() && (known.contains(wanted) || wanted.contains(known))
    };
    catalogue().iter().map(|info| info.code).filter(|known| near(known)).take(SIMILAR_MAX).collect()
}
