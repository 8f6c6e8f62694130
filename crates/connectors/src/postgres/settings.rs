//! How Postgres connectors are configured.

use serde::Deserialize;

use super::uri;
use crate::config::Wrong;
use crate::secret::Secret;

/// TLS to a Postgres. Files are of the server, below directories that are allowed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Whom to trust: certificates, PEM.
    pub ssl_ca_pem: Option<Secret>,
    /// Or the file they are in.
    pub ssl_ca_location: Option<String>,
    /// Who we are: a certificate, PEM.
    pub ssl_client_pem: Option<Secret>,
    /// Or the file it is in.
    pub ssl_client_location: Option<String>,
    /// The key of that certificate, PEM.
    pub ssl_client_key: Option<Secret>,
    /// Or the file it is in.
    pub ssl_client_key_location: Option<String>,
    /// A file with our certificate and those that vouch for it.
    pub ssl_certificate_chain_location: Option<String>,
    /// Whether the certificate must be for the host; it must without.
    pub verify_hostname: Option<bool>,
}

impl Tls {
    /// Whether anything of it is given that makes no sense without TLS.
    pub(super) fn is_given(&self) -> bool {
        self.ssl_ca_pem.is_some()
            || self.ssl_ca_location.is_some()
            || self.ssl_client_pem.is_some()
            || self.ssl_client_location.is_some()
            || self.ssl_certificate_chain_location.is_some()
    }

    fn check(&self) -> Result<(), Wrong> {
        let pairs = [
            ("ssl_ca_location", self.ssl_ca_pem.is_some() && self.ssl_ca_location.is_some()),
            ("ssl_client_location", self.ssl_client_pem.is_some() && self.ssl_client_location.is_some()),
            ("ssl_client_key_location", self.ssl_client_key.is_some() && self.ssl_client_key_location.is_some()),
        ];
        match pairs.iter().find(|(_, are_both)| *are_both) {
            Some((member, _)) => Err(Wrong::new(*member, "the same is given as PEM, too")),
            None => Ok(()),
        }
    }
}

/// `postgres_input`.
#[derive(Clone, Debug, Deserialize)]
pub struct InputConfig {
    /// The Postgres.
    pub uri: Secret,
    /// The query whose rows come.
    pub query: String,
    /// TLS.
    #[serde(flatten)]
    pub tls: Tls,
}

/// What becomes of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// The table has the rows of the view.
    #[default]
    Materialized,
    /// The table has the changes of the view, one after the other.
    Cdc,
}

/// `postgres_output`.
#[derive(Clone, Debug, Deserialize)]
pub struct OutputConfig {
    /// The Postgres.
    pub uri: Secret,
    /// The table: `table`, `schema.table`, parts in double quotes if they must be.
    pub table: String,
    /// What becomes of changes.
    #[serde(default)]
    pub mode: WriteMode,
    /// The column that says what became of a row: `i`, `u`, `d`.
    #[serde(default = "op_column")]
    pub cdc_op_column: String,
    /// The column that says when.
    #[serde(default = "ts_column")]
    pub cdc_ts_column: String,
    /// Rows to a statement.
    #[serde(default)]
    pub max_records_in_buffer: Option<usize>,
    /// Bytes to a statement.
    #[serde(default = "buffer_bytes")]
    pub max_buffer_size_bytes: usize,
    /// Whether a row that is there already stays as it is when one of its key comes.
    #[serde(default)]
    pub on_conflict_do_nothing: bool,
    /// Taken for clients' sake.
    #[serde(default = "one", rename = "threads")]
    _threads: u64,
    /// Columns of the table that the view does not have. They are left as they are.
    #[serde(default, rename = "extra_columns")]
    _extra_columns: Vec<String>,
    /// TLS.
    #[serde(flatten)]
    pub tls: Tls,
}

fn op_column() -> String {
    "__feldera_op".to_owned()
}

fn ts_column() -> String {
    "__feldera_ts".to_owned()
}

fn buffer_bytes() -> usize {
    1 << 20
}

fn one() -> u64 {
    1
}

impl InputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        uri::read(self.uri.expose()).map_err(|reason| Wrong::new("uri", reason))?;
        if self.query.trim().is_empty() {
            return Err(Wrong::new("query", "it is empty"));
        }
        self.tls.check()
    }
}

impl OutputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        uri::read(self.uri.expose()).map_err(|reason| Wrong::new("uri", reason))?;
        self.target().map(drop)?;
        if self.mode == WriteMode::Cdc && self.on_conflict_do_nothing {
            return Err(Wrong::new(
                "on_conflict_do_nothing",
                "it does not go with the mode `cdc`, which only adds rows",
            ));
        }
        for (member, value) in [
            ("max_records_in_buffer", self.max_records_in_buffer),
            ("max_buffer_size_bytes", Some(self.max_buffer_size_bytes)),
        ] {
            if value == Some(0) {
                return Err(Wrong::new(member, "it is 0 and must be at least 1"));
            }
        }
        for (member, name) in [("cdc_op_column", &self.cdc_op_column), ("cdc_ts_column", &self.cdc_ts_column)] {
            if name.is_empty() || name.contains('\0') {
                return Err(Wrong::new(member, "it is no name of a column"));
            }
        }
        self.tls.check()
    }

    /// The table as it stands in statements.
    pub(super) fn target(&self) -> Result<String, Wrong> {
        let wrong =
            || Wrong::new("table", format!("{:?} is no name of a table: `table` or `schema.table`", self.table));
        let mut parts = Vec::new();
        let mut rest = self.table.trim();
        loop {
            let (part, behind) = if let Some(quoted) = rest.strip_prefix('"') {
                let (name, behind) = quoted.split_once('"').ok_or_else(wrong)?;
                (format!("\"{name}\""), behind)
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
            let is_good = if part.starts_with('"') {
                part.len() > 2 && !part.contains('\0')
            } else {
                part.bytes().all(is_plain) && part.bytes().next().is_some_and(|first| !first.is_ascii_digit())
            };
            if !is_good {
                return Err(wrong());
            }
            parts.push(part);
            match behind.strip_prefix('.') {
                Some(next) if parts.len() < 3 => rest = next,
                None if behind.is_empty() => return Ok(parts.join(".")),
                _ => return Err(wrong()),
            }
        }
    }
}
