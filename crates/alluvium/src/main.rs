//! The binary: command line, roles, wiring. The only crate that knows all the others.
//!
//! It holds no rules of any context: those live in their crates, and this one lays them together (`node`), serves what
//! belongs to the platform as a whole (`platform`), and speaks with people (`cli`, `commands`, `ui`).

mod backup;
mod bench;
mod cli;
mod client;
mod commands;
mod complete;
mod config;
mod errors;
mod failure;
mod http;
mod node;
mod platform;
mod rows;
mod secrets;
mod telemetry;
mod ui;

use clap::{CommandFactory as _, Parser as _};

/// Commands are many small allocations that cross threads, which the system's allocator is slow at; docs/performance.md has the
/// figures.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    clap_complete::CompleteEnv::with_factory(cli::Cli::command).complete();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // clap prints help and version on stdout with 0, mistakes on stderr with 2, which is our contract too.
        Err(error) => error.exit(),
    };
    // However it ends, it says so by a code: a fault of ours too, below what Rust prints of it.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| commands::run(cli)));
    match ended
        .unwrap_or_else(|_| Err(failure::Failure::bug("This is a fault of ours; what it says above helps to find it.")))
    {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            ui::failure(&failure);
            std::process::ExitCode::from(failure.exit as u8)
        }
    }
}
