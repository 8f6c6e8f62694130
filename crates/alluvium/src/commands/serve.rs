//! `alluvium serve`

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_eventlog::{CommandClient, CommandRequest, DryVerdict};
use alluvium_kernel::{Actor, DEFAULT_TENANT, Token, Verdict};
use serde_json::{Value, json};

use super::Context;
use crate::cli::{SendArgs, ServeArgs};
use crate::client::Session;
use crate::config::{self, Overrides};
use crate::failure::{Done, Exit, Failure};
use crate::node::{Node, nats, postgres};
use crate::telemetry;

/// How long the outcome of a command sent over NATS is waited for.
const OUTCOME_WAIT: Duration = Duration::from_mins(1);

pub fn run(cx: &Context, args: &ServeArgs) -> Done {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let flags = Overrides {
        host: args.host.clone(),
        port: args.port,
        data_dir: args.data.clone(),
        roles: args.role.clone(),
        nats_url: cx.globals.nats.clone(),
    };
    let loaded = config::load(cx.globals.config.as_deref(), &env, &flags)?;
    for finding in config::unknown_names(&env) {
        cx.ui.warn(format!("{}: {}", finding.about, finding.problem));
    }
    let findings = config::check(&loaded);
    if !findings.is_empty() {
        let mut failure = Failure::new(Exit::Usage, "config.incomplete", "The configuration will not do.")
            .help("`alluvium config check` prints each problem with its fix");
        failure.notes = findings.iter().map(|finding| format!("{}: {}", finding.about, finding.problem)).collect();
        return Err(failure);
    }
    let config = loaded.config;
    telemetry::init(&config.log)?;
    let runtime = super::runtime()?;
    runtime.block_on(async {
        if args.dry_run {
            tokio::try_join!(async { nats::for_node(&config).await.map(drop) }, async {
                postgres::open(&config).await.map(drop)
            })?;
            cx.ui.ok("NATS and Postgres answer; nothing was started");
            return Ok(());
        }
        let secrets = crate::secrets::open(&config)?;
        let mut node = Node::start(&config, &secrets).await?;
        if let Some(address) = node.address() {
            cx.ui.ok(format!("listening on http://{address}"));
        }
        let broken = tokio::select! {
            () = told_to_stop() => None,
            name = node.broken() => Some(name),
        };
        node.stop().await;
        match broken {
            None => Ok(()),
            Some(name) => Err(Failure::bug(format!("`{name}` ended by itself; the log has its reason"))),
        }
    })
}

/// Resolves on SIGTERM or Ctrl-C.
pub async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Sends a command over NATS, signed when the signing key is known here, and waits for its outcome.
pub async fn send_over_nats(session: &Session, args: &SendArgs, id: &str, body: &Value) -> Result<Value, Failure> {
    let js = nats::for_command(session).await?;
    let key = crate::secrets::existing_signing_key(&session.config).ok_or_else(|| {
        Failure::new(Exit::NotAllowed, "cli.no_signing_key", "No signing key is known here.")
            .help("set ALLUVIUM_SIGNING_KEY, run beside the data directory, or send over HTTP")
    })?;
    let client = CommandClient::new(js, key).with_sealer(crate::node::sealed);
    let request = CommandRequest {
        tenant: Token::encode(DEFAULT_TENANT).map_err(Failure::bug)?,
        context: args.context.clone(),
        command: args.command.clone(),
        command_id: id.to_owned(),
        actor: Actor::Admin,
        payload: body.to_string().into(),
        trace_parent: None,
    };
    if args.dry_run {
        let outcome = client.dry_run(&request, OUTCOME_WAIT).await?;
        return match outcome.verdict {
            DryVerdict::Rejected { problem } => Err(problem.into()),
            DryVerdict::Accepted { .. } => Ok(json!(outcome)),
        };
    }
    let outcome = client.send(&request, OUTCOME_WAIT).await?;
    match outcome.verdict {
        Verdict::Rejected { problem } => Err(problem.into()),
        Verdict::Accepted { .. } => Ok(json!(outcome)),
    }
}
