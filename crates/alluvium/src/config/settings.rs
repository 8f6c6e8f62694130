//! Every setting, once.

/// What an environment variable's text becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Text,
    /// A whole number.
    Number,
    /// `true`/`1`/`yes` or `false`/`0`/`no`.
    Switch,
    /// Separated by commas.
    List,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its path in the file, e.g. `nats.url`.
    pub path: &'static str,
    /// Names in the environment; the first that is set counts.
    pub env: &'static [&'static str],
    /// What its text becomes.
    pub kind: Kind,
    /// What it is for.
    pub doc: &'static str,
}

const fn setting(path: &'static str, env: &'static [&'static str], kind: Kind, doc: &'static str) -> Setting {
    Setting { path, env, kind, doc }
}

/// All settings. The unprefixed names are those of the storage surface's drop-in deployments.
pub const SETTINGS: &[Setting] = &[
    setting("host", &["ALLUVIUM_HOST", "HOST"], Kind::Text, "address to listen on"),
    setting("port", &["ALLUVIUM_PORT", "PORT"], Kind::Number, "port to listen on"),
    setting("data_dir", &["ALLUVIUM_DATA_DIR", "DATA_DIR"], Kind::Text, "table files, blobs and secrets"),
    setting("blobs_dir", &["ALLUVIUM_BLOBS_DIR"], Kind::Text, "content of files, the same directory for all nodes"),
    setting("roles", &["ALLUVIUM_ROLES"], Kind::List, "api, commands, projections, tables"),
    setting("admin_key", &["ALLUVIUM_ADMIN_KEY", "ADMIN_API_KEY"], Kind::Text, "the installation's admin key"),
    setting("signing_key", &["ALLUVIUM_SIGNING_KEY"], Kind::Text, "64 hex digits shared by all processes"),
    setting("drain_seconds", &["ALLUVIUM_DRAIN_SECONDS"], Kind::Number, "for running requests at a stop"),
    setting("start_wait_seconds", &["ALLUVIUM_START_WAIT_SECONDS"], Kind::Number, "for NATS and Postgres at a start"),
    setting("nats.url", &["ALLUVIUM_NATS_URL"], Kind::Text, "nats://host:port[,…]"),
    setting("nats.user", &["ALLUVIUM_NATS_USER"], Kind::Text, "user name"),
    setting("nats.password", &["ALLUVIUM_NATS_PASSWORD"], Kind::Text, "password of the user"),
    setting("nats.token", &["ALLUVIUM_NATS_TOKEN"], Kind::Text, "a shared token"),
    setting("nats.creds_file", &["ALLUVIUM_NATS_CREDS_FILE"], Kind::Text, "a .creds file"),
    setting("nats.tls", &["ALLUVIUM_NATS_TLS"], Kind::Switch, "refuse to speak without TLS"),
    setting("nats.tls_ca", &["ALLUVIUM_NATS_TLS_CA"], Kind::Text, "certificate authority to trust"),
    setting("nats.tls_certificate", &["ALLUVIUM_NATS_TLS_CERTIFICATE"], Kind::Text, "client certificate"),
    setting("nats.tls_key", &["ALLUVIUM_NATS_TLS_KEY"], Kind::Text, "client key"),
    setting("nats.replicas", &["ALLUVIUM_NATS_REPLICAS"], Kind::Number, "copies of each stream: 1, 3 or 5"),
    setting(
        "nats.group_commit",
        &["ALLUVIUM_NATS_GROUP_COMMIT"],
        Kind::Switch,
        "store commits that wait at the same moment together; for one server that syncs each message",
    ),
    setting("postgres.url", &["ALLUVIUM_POSTGRES_URL", "DATABASE_URL"], Kind::Text, "postgres://user:password@host/db"),
    setting("postgres.connections_max", &["ALLUVIUM_POSTGRES_CONNECTIONS_MAX"], Kind::Number, "of this process"),
    setting(
        "duckdb.memory_limit",
        &["ALLUVIUM_DUCKDB_MEMORY_LIMIT", "DUCKDB_MEMORY_LIMIT"],
        Kind::Text,
        "memory of the table engine",
    ),
    setting("peers.listen", &["ALLUVIUM_PEERS_LISTEN"], Kind::Text, "host:port for other nodes that share the tables"),
    setting("peers.address", &["ALLUVIUM_PEERS_ADDRESS"], Kind::Text, "host:port by which they reach it"),
    setting("duckdb.threads", &["ALLUVIUM_DUCKDB_THREADS", "DUCKDB_THREADS"], Kind::Number, "of the table engine"),
    setting("retention.keep", &["ALLUVIUM_RETENTION_KEEP"], Kind::Text, "how far back tables stay readable, e.g. 7d"),
    setting(
        "retention.messages_min",
        &["ALLUVIUM_RETENTION_MESSAGES_MIN"],
        Kind::Number,
        "messages of a table before another checkpoint is made",
    ),
    setting(
        "retention.every_seconds",
        &["ALLUVIUM_RETENTION_EVERY_SECONDS"],
        Kind::Number,
        "how often rows are purged",
    ),
    setting(
        "retention.undrop",
        &["ALLUVIUM_RETENTION_UNDROP"],
        Kind::Text,
        "how long what was dropped can be had back",
    ),
    setting(
        "files.expiry_every_seconds",
        &["ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS"],
        Kind::Number,
        "how often files past their time are let go",
    ),
    setting("s3.access_key_id", &["ALLUVIUM_S3_ACCESS_KEY_ID", "S3_ACCESS_KEY_ID"], Kind::Text, "opens all objects"),
    setting(
        "s3.secret_access_key",
        &["ALLUVIUM_S3_SECRET_ACCESS_KEY", "S3_SECRET_ACCESS_KEY"],
        Kind::Text,
        "its secret; none: no such access key",
    ),
    setting("s3.base_url", &["ALLUVIUM_S3_BASE_URL", "BASE_URL"], Kind::Text, "what signed links begin with"),
    setting(
        "share_enforcement",
        &["ALLUVIUM_SHARE_ENFORCEMENT", "SHARE_ENFORCEMENT"],
        Kind::Text,
        "strict, or open: buckets are linked without being shared first",
    ),
    setting(
        "workspaces.host",
        &["ALLUVIUM_WORKSPACES_HOST", "WORKSPACE_HOST"],
        Kind::Text,
        "host that clients of workspaces are told",
    ),
    setting(
        "workspaces.port",
        &["ALLUVIUM_WORKSPACES_PORT", "WORKSPACE_PORT"],
        Kind::Number,
        "port that clients of workspaces are told",
    ),
    setting(
        "workspaces.memory_limit",
        &["ALLUVIUM_WORKSPACES_MEMORY_LIMIT", "PGWIRE_SESSION_MEMORY_LIMIT"],
        Kind::Text,
        "memory of the engine of one workspace",
    ),
    setting(
        "pipelines.file_dirs",
        &["ALLUVIUM_PIPELINES_FILE_DIRS"],
        Kind::List,
        "directories whose files connectors read and write",
    ),
    setting(
        "pipelines.secret_dirs",
        &["ALLUVIUM_PIPELINES_SECRET_DIRS"],
        Kind::List,
        "directories whose files are secrets for connectors",
    ),
    setting(
        "pipelines.kubernetes_secrets_dir",
        &["ALLUVIUM_PIPELINES_KUBERNETES_SECRETS_DIR"],
        Kind::Text,
        "where secrets of Kubernetes are mounted",
    ),
    setting("pgwire.enabled", &["ALLUVIUM_PGWIRE_ENABLED"], Kind::Switch, "whether anybody can log in to workspaces"),
    setting(
        "pgwire.host",
        &["ALLUVIUM_PGWIRE_HOST", "PGWIRE_HOST"],
        Kind::Text,
        "address where clients log in to workspaces; `host` when not set",
    ),
    setting(
        "pgwire.port",
        &["ALLUVIUM_PGWIRE_PORT", "PGWIRE_PORT"],
        Kind::Number,
        "port where they do; 0 for any, 5433 when not set and free",
    ),
    setting(
        "pgwire.internal_listen",
        &["ALLUVIUM_PGWIRE_INTERNAL_LISTEN", "PGWIRE_INTERNAL_LISTEN"],
        Kind::Text,
        "host:port of the control routes of sessions, or off",
    ),
    setting(
        "pgwire.internal_secret",
        &["ALLUVIUM_PGWIRE_INTERNAL_SECRET", "PGWIRE_INTERNAL_SECRET"],
        Kind::Text,
        "opens the control routes of sessions",
    ),
    setting(
        "pgwire.connections_max",
        &["ALLUVIUM_PGWIRE_CONNECTIONS_MAX", "PGWIRE_MAX_CONNECTIONS_TOTAL"],
        Kind::Number,
        "sessions in workspaces at once",
    ),
    setting(
        "pgwire.connections_per_workspace",
        &["ALLUVIUM_PGWIRE_CONNECTIONS_PER_WORKSPACE", "PGWIRE_MAX_CONNECTIONS_PER_WORKSPACE"],
        Kind::Number,
        "sessions in one workspace at once",
    ),
    setting(
        "pgwire.idle_timeout_seconds",
        &["ALLUVIUM_PGWIRE_IDLE_TIMEOUT_SECONDS", "PGWIRE_IDLE_TIMEOUT_SECONDS"],
        Kind::Number,
        "how long a session may say nothing",
    ),
    setting(
        "pgwire.query_timeout_seconds",
        &["ALLUVIUM_PGWIRE_QUERY_TIMEOUT_SECONDS", "PGWIRE_QUERY_TIMEOUT_SECONDS"],
        Kind::Number,
        "how long one statement of a session may take",
    ),
    setting(
        "pgwire.ssl_mode",
        &["ALLUVIUM_PGWIRE_SSL_MODE", "PGWIRE_SSL_MODE"],
        Kind::Text,
        "disable, prefer or require encryption",
    ),
    setting(
        "pgwire.tls_certificate",
        &["ALLUVIUM_PGWIRE_TLS_CERTIFICATE"],
        Kind::Text,
        "certificates of sessions in workspaces, PEM",
    ),
    setting("pgwire.tls_key", &["ALLUVIUM_PGWIRE_TLS_KEY"], Kind::Text, "key of that certificate, PEM"),
    setting("workspaces.threads", &["ALLUVIUM_WORKSPACES_THREADS"], Kind::Number, "of the engine of one workspace"),
    setting(
        "rebuild.events_per_second",
        &["ALLUVIUM_REBUILD_EVENTS_PER_SECOND"],
        Kind::Number,
        "at most so many in a rebuild, 0 is without limit",
    ),
    setting(
        "rebuild.share_percent",
        &["ALLUVIUM_REBUILD_SHARE_PERCENT"],
        Kind::Number,
        "of the time that a rebuild may take, of 100",
    ),
    setting("registry.listen", &["ALLUVIUM_REGISTRY_LISTEN"], Kind::Text, "host:port of the schema registry, or off"),
    setting("registry.dialect", &["ALLUVIUM_REGISTRY_DIALECT"], Kind::Text, "confluent or karapace"),
    setting(
        "registry.incompatible_code",
        &["ALLUVIUM_REGISTRY_INCOMPATIBLE_CODE"],
        Kind::Number,
        "of an incompatible schema: 409 or 40901",
    ),
    setting("registry.schema_text", &["ALLUVIUM_REGISTRY_SCHEMA_TEXT"], Kind::Text, "submitted or java"),
    setting(
        "registry.listeners",
        &["ALLUVIUM_REGISTRY_LISTENERS"],
        Kind::List,
        "further ones, each host:port dialect code",
    ),
    setting(
        "registry.default_level",
        &["ALLUVIUM_REGISTRY_DEFAULT_LEVEL"],
        Kind::Text,
        "compatibility where no scope sets one",
    ),
    setting("registry.mode_changes", &["ALLUVIUM_REGISTRY_MODE_CHANGES"], Kind::Switch, "whether modes may be set"),
    setting("registry.open", &["ALLUVIUM_REGISTRY_OPEN"], Kind::Switch, "whether the registry asks for no key"),
    setting("log.filter", &["ALLUVIUM_LOG_FILTER", "RUST_LOG"], Kind::Text, "e.g. info,alluvium_eventlog=debug"),
    setting("log.format", &["ALLUVIUM_LOG_FORMAT"], Kind::Text, "text or json"),
    setting(
        "traces.otlp_url",
        &["ALLUVIUM_TRACES_OTLP_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        Kind::Text,
        "a collector, e.g. http://127.0.0.1:4318",
    ),
    setting("traces.sample_percent", &["ALLUVIUM_TRACES_SAMPLE_PERCENT"], Kind::Number, "traces that are kept, of 100"),
];

/// Names of the environment that begin like ours and are no settings: they belong to the command line and to set-up.
pub const OTHER_ENV: &[&str] = &[
    "ALLUVIUM_BINARY",
    "ALLUVIUM_CI_TARGET",
    "ALLUVIUM_EARLIER_BINARY",
    "ALLUVIUM_CONFIG",
    "ALLUVIUM_SERVER",
    "ALLUVIUM_KEY",
    "ALLUVIUM_PROJECT",
    "ALLUVIUM_NATS",
    "ALLUVIUM_OUTPUT",
    "ALLUVIUM_CACHE",
    "ALLUVIUM_CACHE_DIR",
    "ALLUVIUM_NATS_SERVER",
    "ALLUVIUM_POSTGRES_BIN",
    "ALLUVIUM_SETUP_NO_SYSTEM_POSTGRES",
];
