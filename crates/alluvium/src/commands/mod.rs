//! What each command does. One file a command.

mod backup;
mod bench;
mod bridge;
mod command;
mod completion;
mod config;
mod dev;
mod dlq;
mod doctor;
mod events;
mod explain;
mod generations;
mod history;
mod key;
mod log;
mod parked;
mod projections;
mod retention;
mod rows;
mod schema;
mod seals;
mod serve;
mod streams;
mod tables;
mod topic;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command, Globals};
use crate::client::{Client, Session};
use crate::failure::{Done, Failure};
use crate::ui::Ui;

/// What every command gets.
pub struct Context {
    /// The two channels to the person.
    pub ui: Ui,
    /// The options of every command.
    pub globals: Globals,
}

impl Context {
    /// Whom the command talks to.
    pub fn session(&self) -> Result<Session, Failure> {
        Session::open(&self.globals)
    }

    /// The server, with the session it is from.
    pub fn client(&self) -> Result<(Client, Session), Failure> {
        let session = self.session()?;
        Ok((Client::new(&session)?, session))
    }
}

/// Runs the command line.
pub fn run(cli: Cli) -> Done {
    let globals = cli.globals;
    let ui = Ui { format: globals.output, quiet: globals.quiet, yes: globals.yes };
    let cx = Context { ui, globals };
    match cli.command {
        Command::Dev(args) => dev::run(&cx, &args),
        Command::Serve(args) => serve::run(&cx, &args),
        Command::Config(command) => config::run(&cx, &command),
        Command::Explain(args) => explain::run(&cx, &args),
        Command::ProbeTable(args) => {
            let probed = alluvium_tablestore::probe_file(&args.file);
            probed.map_err(|error| Failure::unavailable("cli.broken_table_file", error.to_string()))
        }
        Command::WorkspaceEngine => alluvium_workspaces::child::run()
            .map_err(|error| Failure::unavailable("cli.io", "The work cannot be taken in.").because(&error)),
        Command::Completion(args) => completion::run(&cx, &args),
        Command::Bench(args) => wait(bench::run(&cx, &args)),
        Command::Command(command) => wait(command::run(&cx, command)),
        Command::Log(command) => wait(log::run(&cx, command)),
        Command::Backup(command) => backup::run(&cx, command),
        Command::Events(command) => wait(events::run(&cx, command)),
        Command::State(args) => wait(history::state(&cx, &args)),
        Command::Diff(args) => wait(history::diff(&cx, &args)),
        Command::Why(args) => wait(history::why(&cx, &args)),
        Command::Rows(command) => wait(rows::run(&cx, command)),
        Command::Tables(command) => wait(tables::run(&cx, command)),
        Command::Projections(command) => wait(projections::run(&cx, command)),
        Command::Retention(command) => wait(retention::run(&cx, command)),
        Command::Blobs(command) => wait(retention::blobs(&cx, command)),
        Command::Key(command) => wait(key::run(&cx, command)),
        Command::Forget(command) => wait(seals::forget(&cx, command)),
        Command::Seals(command) => wait(seals::seals(&cx, command)),
        Command::Schema(args) => wait(schema::run(&cx, *args)),
        Command::Topic(args) => wait(topic::run(&cx, *args)),
        Command::Dlq(args) => wait(dlq::run(&cx, *args)),
        Command::Asyncapi(command) => wait(topic::asyncapi(&cx, &command.broker, &command.args)),
        Command::Bridge(command) => runtime()?.block_on(bridge::run(&cx, command)),
        Command::Streams(command) => wait(streams::run(&cx, command)),
        Command::Doctor => wait(doctor::run(&cx)),
    }
}

/// Runs a command that waits for others, until it ends or the person has had enough.
fn wait(command: impl Future<Output = Done>) -> Done {
    runtime()?.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            done = command => done,
            _ = tokio::signal::ctrl_c() => Err(Failure::unavailable("cli.interrupted", "Interrupted.")),
            _ = terminated.recv() => {
                Err(Failure::unavailable("cli.interrupted", "Told to end (SIGTERM) before it was done."))
            }
        }
    })
}

/// A runtime on all cores.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
