//! Options of librdkafka that a user gave: which are taken, and which never.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use serde::Deserialize;
use serde_json::Value;

use crate::config::Wrong;
use crate::context::Context;
use crate::error::Error;
use crate::secret::hide;

/// Options that would load or run programs on the server.
const NEVER: [&str; 6] = [
    "plugin.library.paths",
    "ssl.engine.location",
    "ssl.engine.id",
    "ssl.providers",
    "sasl.kerberos.kinit.cmd",
    "ssl_engine_callback_data",
];
/// Options that name files of the server.
const FILES: [&str; 9] = [
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.keystore.location",
    "ssl.crl.location",
    "https.ca.location",
    "sasl.kerberos.keytab",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
];
/// What turns the checking of certificates off, and where.
const UNCHECKED: [(&str, &[&str]); 2] = [
    ("enable.ssl.certificate.verification", &["false", "f", "0"]),
    ("ssl.endpoint.identification.algorithm", &["none"]),
];

/// Options of librdkafka. Values are not shown: any may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Options(pub(super) BTreeMap<String, String>);

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut options = BTreeMap::new();
        for (name, value) in BTreeMap::<String, Value>::deserialize(deserializer)? {
            let value = match value {
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => return Err(D::Error::custom(format!("`{name}` is not a text"))),
            };
            options.insert(name, value);
        }
        Ok(Self(options))
    }
}

impl Options {
    /// These, and others over them.
    #[must_use]
    pub fn with(&self, over: &Self) -> Self {
        let mut all = self.clone();
        all.0.extend(over.0.clone());
        all
    }

    /// Whether none of them is one that is never taken.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        for (name, value) in &self.0 {
            if NEVER.contains(&name.as_str()) {
                return Err(Wrong::new(name, "this option would run programs on the server and is not taken"));
            }
            if UNCHECKED.iter().any(|(option, off)| option == name && off.contains(&value.to_lowercase().as_str())) {
                return Err(Wrong::new(name, "certificates are always checked; name yours by `ssl.ca.pem`"));
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(Wrong::new(name, "it has a zero byte"));
            }
        }
        if !self.0.contains_key("bootstrap.servers") && !self.0.contains_key("metadata.broker.list") {
            return Err(Wrong::new("bootstrap.servers", "it is missing"));
        }
        Ok(())
    }

    /// The configuration of a client, with what is ours over what was given.
    ///
    /// # Errors
    ///
    /// An option names a file that is not allowed, or librdkafka does not take it.
    pub(super) fn client(
        &self,
        connector: &str,
        context: &Context,
        level: Option<LogLevel>,
        ours: &[(&str, &str)],
    ) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new();
        config.set("client.id", "alluvium");
        config.set_log_level(level.unwrap_or(LogLevel::Warning).into());
        for (name, value) in &self.0 {
            if FILES.contains(&name.as_str()) {
                let real = context.readable(connector, value)?;
                config.set(name, real.to_string_lossy());
            } else {
                config.set(name, value);
            }
        }
        for (name, value) in ours {
            config.set(*name, *value);
        }
        config.create_native_config().map_err(|error| self.refused(connector, &error))?;
        Ok(config)
    }

    /// An option that librdkafka does not take.
    pub(super) fn refused(&self, connector: &str, error: &KafkaError) -> Error {
        match error {
            KafkaError::ClientConfig(_, reason, name, _) => {
                Error::member(connector, format!("transport.config.{name}"), self.hide(reason))
            }
            KafkaError::ClientCreation(reason) if reason.contains("SSL") || reason.contains("SASL") => {
                let reason = format!("{}; this server may have been built without TLS to Kafka", self.hide(reason));
                Error::member(connector, "transport.config", reason)
            }
            other => Error::member(connector, "transport.config", self.hide(&other.to_string())),
        }
    }

    /// A text without the values of options, which may be secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        let is_secret = |name: &str| {
            ["password", "secret", "jaas", "pem", "token", "config"].iter().any(|part| name.contains(part))
        };
        hide(text, self.0.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.as_str()))
    }
}

/// What librdkafka tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// It cannot go on.
    Emerg,
    /// Somebody must act.
    Alert,
    /// Something broke.
    Critical,
    /// Errors.
    Error,
    /// Warnings.
    Warning,
    /// What is unusual.
    Notice,
    /// What happens.
    Info,
    /// Everything.
    Debug,
}

impl From<LogLevel> for RDKafkaLogLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Emerg => Self::Emerg,
            LogLevel::Alert => Self::Alert,
            LogLevel::Critical => Self::Critical,
            LogLevel::Error => Self::Error,
            LogLevel::Warning => Self::Warning,
            LogLevel::Notice => Self::Notice,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}
