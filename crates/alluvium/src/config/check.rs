//! `alluvium config check`: everything that would go wrong later, each with its fix.

use std::collections::BTreeMap;

use alluvium_pgwire::Encryption;
use serde::Serialize;

use super::settings::OTHER_ENV;
use super::{Config, Loaded, Role, SETTINGS, Seconds};

/// The shortest admin key that is not trivially guessed, in characters.
const ADMIN_KEY_CHARS_MIN: usize = 16;
/// The shortest secret of objects that is not, in characters.
const S3_SECRET_CHARS_MIN: usize = 16;

/// Something that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub about: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl Finding {
    /// Something wrong, with its fix.
    pub fn new(about: impl Into<String>, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { about: about.into(), problem: problem.into(), fix: fix.into() }
    }
}

/// Checks a configuration that could be read, as `serve` would use it.
pub fn check(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let mut findings = Vec::new();
    servers(config, &mut findings);
    secrets(config, &mut findings);
    if config.roles.is_empty() {
        findings.push(Finding::new("roles", "no role is named, so nothing would run", "remove `roles`, or name some"));
    }
    peers(config, &mut findings);
    if config.host.parse::<std::net::IpAddr>().is_err() {
        let problem = format!("`{}` is not an address", config.host);
        findings.push(Finding::new("host", problem, "use 127.0.0.1, 0.0.0.0 or an address of this machine"));
    }
    if config.data_dir.exists() && !config.data_dir.is_dir() {
        let problem = format!("`{}` is not a directory", config.data_dir.display());
        findings.push(Finding::new("data_dir", problem, "name a directory"));
    }
    if config.traces.otlp_url.as_deref().is_some_and(|url| !url.starts_with("http://")) {
        let fix = "name a collector beside this process, such as http://127.0.0.1:4318, which may speak TLS further on";
        findings.push(Finding::new("traces.otlp_url", "spans are sent over plain HTTP only", fix));
    }
    if let Some(Err(problem)) = config.retention.keep.as_ref().map(|keep| keep.parse::<Seconds>()) {
        findings.push(Finding::new("retention.keep", problem, "set a duration, or remove it to keep all rows"));
    }
    if let Err(problem) = config.retention.undrop.parse::<Seconds>() {
        findings.push(Finding::new("retention.undrop", problem, "set a duration, such as 7d"));
    }
    if config.s3.secret_access_key.as_ref().is_some_and(|secret| secret.expose().len() < S3_SECRET_CHARS_MIN) {
        let advice = "set 16 characters or more, or remove it to have no such access key";
        findings.push(Finding::new("s3.secret_access_key", "it is too short to keep anybody out", advice));
    }
    if config.files.expiry_every_seconds == 0 {
        findings.push(Finding::new("files.expiry_every_seconds", "it would run all the time", "set 60 or so"));
    }
    if config.retention.every_seconds == 0 {
        findings.push(Finding::new("retention.every_seconds", "it would run all the time", "set 60 or more"));
    }
    if config.duckdb.threads == 0 {
        findings.push(Finding::new("duckdb.threads", "zero threads cannot work", "set 1 or more"));
    }
    pgwire(&config.pgwire, &mut findings);
    if config.postgres.connections_max < 2 {
        let fix = "set `postgres.connections_max` to 2 or more";
        findings.push(Finding::new("postgres.connections_max", "projections and reads need one each", fix));
    }
    if !(1..=100).contains(&config.rebuild.share_percent) {
        let problem = format!("`{}` percent of the time", config.rebuild.share_percent);
        findings.push(Finding::new("rebuild.share_percent", problem, "set 1 to 100"));
    }
    registry(&config.registry, &mut findings);
    findings
}

/// What sessions in workspaces need.
fn pgwire(pgwire: &super::Pgwire, findings: &mut Vec<Finding>) {
    if pgwire.enabled && pgwire.query_timeout_seconds == 0 {
        findings.push(Finding::new("pgwire.query_timeout_seconds", "no statement would be in time", "set 1 or more"));
    }
    if pgwire.enabled && pgwire.idle_timeout_seconds == 0 {
        findings.push(Finding::new("pgwire.idle_timeout_seconds", "no session would last", "set 1 or more"));
    }
    if pgwire.internal_secret.as_ref().is_some_and(|secret| secret.expose().len() < ADMIN_KEY_CHARS_MIN) {
        let problem = format!("the secret has fewer than {ADMIN_KEY_CHARS_MIN} characters");
        findings.push(Finding::new("pgwire.internal_secret", problem, "take `openssl rand -hex 24`, or remove it"));
    }
    match (&pgwire.tls_certificate, &pgwire.tls_key) {
        (Some(certificate), Some(key)) => {
            if let Err(problem) = Encryption::of_files(certificate, key, false) {
                findings.push(Finding::new("pgwire.tls_certificate", problem, "give PEM files that belong together"));
            }
        }
        (None, None) => {}
        _ => {
            let problem = "certificate and key go together";
            findings.push(Finding::new("pgwire.tls_certificate", problem, "set both, or neither"));
        }
    }
    if pgwire.enabled && pgwire.ssl_mode == super::SslMode::Require && pgwire.tls_certificate.is_none() {
        let fix = "set `pgwire.tls_certificate` and `pgwire.tls_key`, or `pgwire.ssl_mode` to prefer";
        findings.push(Finding::new("pgwire.ssl_mode", "there is no certificate to encrypt with", fix));
    }
}

/// What the schema registry's settings must be.
fn registry(registry: &super::Registry, findings: &mut Vec<Finding>) {
    if registry.default_level.parse::<alluvium_schemas::model::Level>().is_err() {
        let problem = format!("`{}` is no compatibility level", registry.default_level);
        findings.push(Finding::new("registry.default_level", problem, "set BACKWARD, FORWARD, FULL or NONE"));
    }
    let codes = registry.listeners.iter().map(|listener| listener.incompatible_code);
    for code in codes.chain([registry.incompatible_code]).filter(|code| ![409, 40901].contains(code)) {
        let problem = format!("{code} is no error code of an incompatible schema");
        findings.push(Finding::new("registry.incompatible_code", problem, "set 409 or 40901"));
    }
}

/// Environment variables that look like ours and set nothing: a typing error most often. No reason not to start, because
/// orchestrators put names of their own making into the environment.
pub fn unknown_names(env: &BTreeMap<String, String>) -> Vec<Finding> {
    let known = |name: &str| OTHER_ENV.contains(&name) || SETTINGS.iter().any(|setting| setting.env.contains(&name));
    env.keys()
        .filter(|name| name.starts_with("ALLUVIUM_") && !known(name))
        .map(|name| {
            let fix = "correct the name, or unset it; `alluvium config show` lists the names";
            Finding::new(name.as_str(), "this environment variable sets nothing", fix)
        })
        .collect()
}

fn servers(config: &Config, findings: &mut Vec<Finding>) {
    if config.nats.url.is_none() {
        let fix = "set `nats.url` or ALLUVIUM_NATS_URL; `alluvium dev` starts its own";
        findings.push(Finding::new("nats.url", "`serve` has no event log to connect to", fix));
    }
    if config.postgres.url.is_none() {
        let fix = "set `postgres.url` or ALLUVIUM_POSTGRES_URL; `alluvium dev` starts its own";
        findings.push(Finding::new("postgres.url", "`serve` has no Postgres to connect to", fix));
    }
    if !matches!(config.nats.replicas, 1 | 3 | 5) {
        let problem = format!("{} copies of a stream are not possible", config.nats.replicas);
        findings.push(Finding::new("nats.replicas", problem, "set 1, 3 or 5"));
    }
    let ways = [config.nats.user.is_some(), config.nats.token.is_some(), config.nats.creds_file.is_some()];
    if ways.iter().filter(|set| **set).count() > 1 {
        let problem = "more than one of user, token and creds_file is set";
        findings.push(Finding::new("nats", problem, "keep the one that the NATS server knows"));
    }
    if config.nats.tls_certificate.is_some() != config.nats.tls_key.is_some() {
        findings.push(Finding::new("nats.tls_certificate", "certificate and key go together", "set both, or neither"));
    }
    for (about, file) in [
        ("nats.creds_file", &config.nats.creds_file),
        ("nats.tls_ca", &config.nats.tls_ca),
        ("nats.tls_certificate", &config.nats.tls_certificate),
        ("nats.tls_key", &config.nats.tls_key),
    ] {
        if let Some(file) = file.as_ref().filter(|file| !file.is_file()) {
            findings.push(Finding::new(about, format!("`{}` does not exist", file.display()), "correct the path"));
        }
    }
}

/// What nodes that share the tables need.
fn peers(config: &Config, findings: &mut Vec<Finding>) {
    for (about, address) in [("peers.listen", &config.peers.listen), ("peers.address", &config.peers.address)] {
        let port = |address: &String| address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if let Some(address) = address.as_ref().filter(|address| port(address).is_none()) {
            findings.push(Finding::new(about, format!("`{address}` is not host:port"), "write it as 10.0.0.5:8090"));
        }
    }
    let any = |listen: &String| listen.starts_with("0.0.0.0:") || listen.starts_with("[::]:");
    if config.peers.listen.as_ref().is_some_and(any) && config.peers.address.is_none() {
        let problem = "other nodes cannot reach this one by the address it listens on";
        findings.push(Finding::new("peers.address", problem, "set the host:port by which they do"));
    }
    let runs = |role| config.roles.contains(&role);
    if config.peers.listen.is_none() && (runs(Role::Tables) || !runs(Role::Api)) {
        return;
    }
    if config.signing_key.is_none() {
        let problem = "nodes know each other by the signing key, and this one would make one of its own";
        findings.push(Finding::new("signing_key", problem, "give all nodes the same: `openssl rand -hex 32`"));
    }
    if config.blobs_dir.is_none() {
        let problem = "what one node takes in as a file, another loads into a table";
        findings.push(Finding::new("blobs_dir", problem, "name a directory that all nodes see"));
    }
}

fn secrets(config: &Config, findings: &mut Vec<Finding>) {
    if config.admin_key.as_ref().is_some_and(|key| key.expose().len() < ADMIN_KEY_CHARS_MIN) {
        let problem = format!("the key has fewer than {ADMIN_KEY_CHARS_MIN} characters");
        findings.push(Finding::new(
            "admin_key",
            problem,
            "take `openssl rand -hex 24`, or leave it out to have one made",
        ));
    }
    if config.signing_key.as_ref().is_some_and(|key| crate::secrets::parse_signing_key(key.expose()).is_none()) {
        let fix = "take `openssl rand -hex 32`, or leave it out to have one made";
        findings.push(Finding::new("signing_key", "it is not 64 hex digits", fix));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Overrides, load};
    use super::*;

    #[test]
    fn each_finding_has_a_fix() {
        let env = BTreeMap::from(
            [
                ("ALLUVIUM_PROT", "1"),
                ("ADMIN_API_KEY", "short"),
                ("ALLUVIUM_SIGNING_KEY", "zz"),
                ("ALLUVIUM_NATS_REPLICAS", "2"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mut findings = unknown_names(&env);
        findings.extend(check(&load(None, &env, &Overrides::default()).unwrap()));
        let about: Vec<&str> = findings.iter().map(|finding| finding.about.as_str()).collect();
        assert_eq!(about, ["ALLUVIUM_PROT", "nats.url", "postgres.url", "nats.replicas", "admin_key", "signing_key"]);
        assert!(findings.iter().all(|finding| !finding.fix.is_empty()));
    }
}
