//! `alluvium dev`: everything on one machine, ready to try.

mod demo;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use alluvium_servers::{NatsOptions, NatsServer, Postgres, PostgresOptions};
use serde_json::json;

use super::Context;
use crate::cli::DevArgs;
use crate::client::DevFile;
use crate::config::{self, Config, Overrides, Role, Secret};
use crate::failure::{Done, Exit, Failure};
use crate::node::Node;
use crate::platform::make_directories;
use crate::telemetry;
use crate::ui::Format;

/// What `dev` logs unless told otherwise: its table of addresses should stay in sight.
const LOG_FILTER: &str = "warn";

pub fn run(cx: &Context, args: &DevArgs) -> Done {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let flags = Overrides { port: args.port, data_dir: args.data.clone(), ..Overrides::default() };
    let loaded = config::load(cx.globals.config.as_deref(), &env, &flags)?;
    let mut config = loaded.config.clone();
    config.roles = Role::ALL.to_vec();
    if loaded.origin("registry.open") == "default" {
        config.registry.open = true;
    }
    if loaded.origin("log.filter") == "default" {
        LOG_FILTER.clone_into(&mut config.log.filter);
    }
    if args.dry_run {
        cx.ui.record(&json!({
            "would_run": "nats-server, Postgres, all roles", "data": config.data_dir, "http": format!("http://{}:{}", config.host, config.port),
            "sync": if args.durable { "always" } else { "1s" }, "fresh": args.fresh,
        }));
        return Ok(());
    }
    telemetry::init(&config.log)?;
    if args.fresh {
        clear(cx, &config.data_dir)?;
    }
    super::runtime()?.block_on(serve(cx, args, config))
}

async fn serve(cx: &Context, args: &DevArgs, mut config: Config) -> Done {
    let began = Instant::now();
    make_directories(&config.data_dir)?;
    let secrets = crate::secrets::open(&config)?;
    let (nats, postgres) = start_servers(&config, args.durable).await?;
    config.nats.url = Some(nats.url());
    config.nats.group_commit |= args.durable;
    config.postgres.url = Some(Secret::new(postgres.url()));
    let result = Box::pin(run_node(cx, &config, &secrets, (&nats, &postgres), began)).await;
    cx.ui.say("stopping");
    // Postgres first: nothing writes to either any more, and the log is the one that matters.
    let stopped = (postgres.stop().await, nats.stop().await);
    result?;
    stopped.0.and(stopped.1).map_err(|error| servers_failed(&error))
}

async fn run_node(
    cx: &Context,
    config: &Config,
    secrets: &crate::secrets::Secrets,
    (nats, postgres): (&NatsServer, &Postgres),
    began: Instant,
) -> Done {
    let mut node = tokio::select! {
        node = Node::start(config, secrets) => node?,
        () = super::serve::told_to_stop() => return Ok(()),
    };
    let port = node.address().map_or(config.port, |address| address.port());
    let server = format!("http://127.0.0.1:{port}");
    let earlier = DevFile::read(&config.data_dir);
    let prepared = demo::prepare(&node, &server, secrets.admin_key.expose(), earlier.as_ref()).await;
    let ready = prepared.and_then(|project_key| {
        let file = DevFile {
            server: server.clone(),
            nats: nats.url(),
            postgres: postgres.url(),
            project: crate::client::DEMO_PROJECT.to_owned(),
            project_key,
        };
        file.write(&config.data_dir)?;
        greet(cx, &file, (node.registries(), node.pgwire()), (nats, postgres), &config.data_dir, began);
        Ok(())
    });
    let broken = if ready.is_err() {
        None
    } else {
        tokio::select! {
            () = super::serve::told_to_stop() => None,
            name = node.broken() => Some(name),
        }
    };
    node.stop().await;
    ready?;
    broken.map_or(Ok(()), |name| Err(Failure::bug(format!("`{name}` ended by itself; the log has its reason"))))
}

async fn start_servers(config: &Config, durable: bool) -> Result<(NatsServer, Postgres), Failure> {
    let mut options = NatsOptions::durable(config.data_dir.join("nats"));
    if durable {
        options.sync_interval = Some("always".to_owned());
    }
    let postgres = Postgres::start(PostgresOptions::durable(config.data_dir.join("postgres")));
    tokio::try_join!(NatsServer::start(options), postgres).map_err(|error| servers_failed(&error))
}

fn servers_failed(error: &alluvium_servers::Error) -> Failure {
    let (exit, code) = match error.code() {
        "servers.in_use" => (Exit::Conflict, "platform.data_in_use"),
        _ => (Exit::Unavailable, "platform.servers_failed"),
    };
    Failure::new(exit, code, error.to_string()).help(crate::errors::help(code))
}

/// Empties the data directory, when it is one of ours.
fn clear(cx: &Context, data_dir: &Path) -> Done {
    if !data_dir.exists() {
        return Ok(());
    }
    let ours = ["dev.json", "signing.key", "nats"].iter().any(|name| data_dir.join(name).exists());
    if !ours && std::fs::read_dir(data_dir)?.next().is_some() {
        let message = format!("`{}` does not look like a data directory of Alluvium.", data_dir.display());
        return Err(Failure::usage(message).help("name another with `--data`, or remove it yourself"));
    }
    cx.ui.confirm(&format!("Remove everything in `{}`?", data_dir.display()))?;
    Ok(std::fs::remove_dir_all(data_dir)?)
}

fn greet(
    cx: &Context,
    file: &DevFile,
    (registries, pgwire): (&[SocketAddr], Option<SocketAddr>),
    (nats, postgres): (&NatsServer, &Postgres),
    data: &Path,
    began: Instant,
) {
    let registry = registries.first().map_or_else(|| format!("{}/sr", file.server), |at| format!("http://{at}"));
    let rows = [
        ("registry", registry),
        ("http", file.server.clone()),
        ("docs", format!("{}/docs", file.server)),
        ("nats", format!("{} (nats-server {})", file.nats, nats.version())),
        ("postgres", format!("{} (Postgres {})", file.postgres, postgres.version())),
        ("pgwire", pgwire.map_or_else(|| "off".to_owned(), |at| format!("{at} (PostgreSQL protocol, for workspaces)"))),
        ("data", data.display().to_string()),
        ("project", file.project.clone()),
        ("key", file.project_key.clone()),
    ];
    cx.ui.ok(format!("Alluvium is ready after {:.1} s", began.elapsed().as_secs_f64()));
    if cx.ui.format == Format::Table {
        let text: String = rows.iter().map(|(name, value)| format!("  {name:<9} {value}\n")).collect();
        cx.ui.text(&text);
    } else {
        cx.ui.record(
            &rows
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        );
    }
    cx.ui.say(
        "Try next, in another terminal:\n  \
         alluvium command send storage CreateBucket '{\"project\": \"demo\", \"bucket\": \"in_c_shop\"}' --dry-run\n  \
         alluvium events tail 'ev.>'\n  \
         alluvium projections list\nCtrl-C stops everything.",
    );
}
