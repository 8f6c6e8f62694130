//! What the environment and the configuration file say.

use std::collections::BTreeMap;

use super::BusBuilder;
use crate::connect::Credentials;

/// A setting is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value cannot be used.
    #[error("{name}: {detail}")]
    Value {
        /// The variable or key.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read: {detail}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        detail: String,
    },
}

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// NATS JetStream.
    JetStream,
    /// Kafka.
    Kafka,
    /// In memory, for tests.
    Memory,
}

/// A value that cannot be used.
pub(super) fn wrong(name: &str, detail: impl Into<String>) -> ConfigError {
    ConfigError::Value { name: name.to_owned(), detail: detail.into() }
}

/// Whether a text may begin subjects.
fn is_subject(text: &str) -> bool {
    let token =
        |token: &str| !token.is_empty() && !token.contains(|each: char| each.is_whitespace() || "*>".contains(each));
    text.split('.').all(token)
}

impl std::str::FromStr for TransportKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "jetstream" => Ok(Self::JetStream),
            "kafka" => Ok(Self::Kafka),
            "memory" => Ok(Self::Memory),
            other => Err(format!("`{other}` is no transport; there are jetstream, kafka and memory")),
        }
    }
}

/// Where NATS is when nobody says.
const NATS_URL: &str = "nats://127.0.0.1:4222";

/// Which broker.
pub(super) const TRANSPORT: &str = "ALLUVIUM_MESSAGING_TRANSPORT";
/// The schema registry.
pub(super) const REGISTRY: &str = "SCHEMA_REGISTRY_URL";
/// What the subjects of answers begin with.
const INBOX_PREFIX: &str = "ALLUVIUM_NATS_INBOX_PREFIX";
/// The JetStream domain.
const DOMAIN: &str = "ALLUVIUM_NATS_DOMAIN";

/// Names of the environment that say something, and the key of `[messaging]` that says the same.
const NAMES: [(&str, &str); 12] = [
    (TRANSPORT, "transport"),
    ("NATS_URL", "nats_url"),
    ("NATS_CREDS", "nats_creds"),
    ("NATS_NKEY", "nats_nkey"),
    ("NATS_USER", "nats_user"),
    ("NATS_PASSWORD", "nats_password"),
    ("NATS_TOKEN", "nats_token"),
    ("NATS_CA", "nats_ca"),
    ("NATS_CERT", "nats_cert"),
    ("NATS_KEY", "nats_key"),
    (INBOX_PREFIX, "nats_inbox_prefix"),
    (DOMAIN, "nats_domain"),
];

/// Fills in what the builder was not told.
pub(super) fn complete(builder: &mut BusBuilder) -> Result<(), ConfigError> {
    let mut said: BTreeMap<&'static str, String> = BTreeMap::new();
    if let Some(path) = &builder.file {
        let failed = |detail: String| ConfigError::File { path: path.display().to_string(), detail };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let file: toml::Table = text.parse().map_err(|error: toml::de::Error| failed(error.message().to_owned()))?;
        let section = file.get("messaging").and_then(toml::Value::as_table);
        for (name, key) in NAMES {
            if let Some(value) = section.and_then(|section| section.get(key)) {
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                said.insert(name, text);
            }
        }
    }
    if builder.env {
        for (name, _) in NAMES {
            if let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) {
                said.insert(name, value);
            }
        }
    }
    apply(builder, &said)?;
    #[cfg(feature = "registry")]
    if builder.env && builder.codecs.source.is_none() {
        builder.codecs.source = registry()?;
    }
    Ok(())
}

/// The registry that the environment names.
#[cfg(feature = "registry")]
fn registry() -> Result<Option<std::sync::Arc<dyn crate::wire::SchemaSource>>, ConfigError> {
    use crate::registry::{RegistryClient, RegistryConfig, RegistryTarget};
    let target = RegistryConfig::from_env().map_err(|error| wrong(&error.setting, error.reason))?;
    match target {
        None => Ok(None),
        Some(RegistryTarget::Http(config)) => {
            let client = RegistryClient::new(config).map_err(|error| wrong(REGISTRY, error.to_string()))?;
            Ok(Some(std::sync::Arc::new(client)))
        }
        Some(RegistryTarget::InProcess) => {
            Err(wrong(REGISTRY, "the registry of this process is given to the builder (`.registry(…)`)"))
        }
    }
}

fn apply(builder: &mut BusBuilder, said: &BTreeMap<&'static str, String>) -> Result<(), ConfigError> {
    let get = |name: &str| said.get(name).cloned();
    if builder.kind.is_none()
        && let Some(kind) = get(TRANSPORT)
    {
        builder.kind = Some(kind.parse().map_err(|detail: String| wrong(TRANSPORT, detail))?);
    }
    let built_here = match builder.kind {
        None | Some(TransportKind::JetStream) => true,
        Some(TransportKind::Kafka) => cfg!(feature = "kafka"),
        Some(TransportKind::Memory) => false,
    };
    if builder.transport.is_none() && !built_here {
        let detail =
            "this transport is given to the builder ready-made (`.transport(…)`), or needs the feature `kafka`";
        return Err(wrong(TRANSPORT, detail));
    }
    let nats = &mut builder.nats;
    if nats.url.is_empty() {
        nats.url = get("NATS_URL").unwrap_or_else(|| NATS_URL.to_owned());
    }
    if matches!(nats.credentials, Credentials::None) {
        nats.credentials = match (get("NATS_CREDS"), get("NATS_NKEY"), get("NATS_USER"), get("NATS_TOKEN")) {
            (Some(file), ..) => Credentials::File(file.into()),
            (_, Some(seed), ..) => Credentials::Nkey(seed),
            (_, _, Some(user), _) => Credentials::UserPassword(user, get("NATS_PASSWORD").unwrap_or_default()),
            (.., Some(token)) => Credentials::Token(token),
            _ => Credentials::None,
        };
    }
    if nats.tls_ca.is_none() {
        nats.tls_ca = get("NATS_CA").map(Into::into);
    }
    if nats.inbox_prefix.is_none() {
        nats.inbox_prefix = get(INBOX_PREFIX);
    }
    if let Some(prefix) = nats.inbox_prefix.as_deref().filter(|prefix| !is_subject(prefix)) {
        return Err(wrong(INBOX_PREFIX, format!("`{prefix}` is no beginning of a subject")));
    }
    if get(DOMAIN).is_some() {
        // Said, not passed over: streams would be looked for in the wrong place.
        let detail = "other JetStream domains are not spoken to; connect to a server of the domain itself";
        return Err(wrong(DOMAIN, detail));
    }
    if nats.tls_certificate.is_none() {
        nats.tls_certificate = match (get("NATS_CERT"), get("NATS_KEY")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            (certificate, _) => {
                let name = if certificate.is_some() { "NATS_KEY" } else { "NATS_CERT" };
                return Err(wrong(name, "certificate and key go together"));
            }
        };
    }
    Ok(())
}

/// The name of this machine.
pub(super) fn machine() -> String {
    let name = std::env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
        lines.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    #[test]
    fn what_the_builder_says_comes_first() {
        let mut builder = BusBuilder::default().nats("nats://a");
        apply(&mut builder, &said(&[("NATS_URL", "nats://b"), ("NATS_USER", "u"), ("NATS_PASSWORD", "p")])).unwrap();
        assert_eq!(builder.nats.url, "nats://a");
        assert!(matches!(&builder.nats.credentials, Credentials::UserPassword(user, _) if user == "u"));
        let mut builder = BusBuilder::default();
        apply(&mut builder, &said(&[])).unwrap();
        assert_eq!(builder.nats.url, NATS_URL);
    }

    #[test]
    fn half_a_certificate_and_an_unknown_transport_are_refused() {
        let refused = |lines: &[(&'static str, &str)]| apply(&mut BusBuilder::default(), &said(lines)).unwrap_err();
        assert!(refused(&[("NATS_CERT", "c.pem")]).to_string().contains("NATS_KEY"));
        assert!(refused(&[("ALLUVIUM_MESSAGING_TRANSPORT", "amqp")]).to_string().contains("amqp"));
    }

    #[test]
    fn the_file_is_read_below_the_environment() {
        let path = std::env::temp_dir().join(format!("alluvium-messaging-{}.toml", std::process::id()));
        std::fs::write(&path, "[messaging]\nnats_url = \"nats://file\"\nnats_token = \"t\"\n").unwrap();
        let mut builder = BusBuilder::default().file(&path);
        complete(&mut builder).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(builder.nats.url, "nats://file");
        assert!(matches!(builder.nats.credentials, Credentials::Token(_)));
    }
}
