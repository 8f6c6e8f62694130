//! `alluvium completion`: prints a script that asks the binary itself for names, so that live ones are offered.

use clap_complete::env::Shells;

use super::Context;
use crate::cli::CompletionArgs;
use crate::failure::{Done, Failure};

pub fn run(cx: &Context, args: &CompletionArgs) -> Done {
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).ok_or_else(|| Failure::usage(format!("No shell `{}`.", args.shell)))?;
    let mut script = Vec::new();
    shell.write_registration("COMPLETE", "alluvium", "alluvium", "alluvium", &mut script)?;
    cx.ui.text(&String::from_utf8_lossy(&script));
    Ok(())
}
