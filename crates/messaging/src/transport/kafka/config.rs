//! How to reach a Kafka cluster, and how the settings of a profile become properties of librdkafka.

use std::{collections::BTreeMap, fmt};

use rdkafka::{ClientConfig, error::KafkaError};

use crate::transport::SubscribeError;

/// How long a topic that the cluster does not know yet is waited for before publishing to it fails, in milliseconds.
const TOPIC_UNKNOWN_MS: u32 = 5_000;
/// Begins the names of environment variables that set any property: `KAFKA_OPTS__SOCKET_TIMEOUT_MS`.
const ENV_PROPERTY_PREFIX: &str = "KAFKA_OPTS__";
/// Environment variables and the properties they set.
const ENV_PROPERTIES: [(&str, &str); 9] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "bootstrap.servers"),
    ("KAFKA_SECURITY_PROTOCOL", "security.protocol"),
    ("KAFKA_SASL_MECHANISM", "sasl.mechanism"),
    ("KAFKA_SASL_USERNAME", "sasl.username"),
    ("KAFKA_SASL_PASSWORD", "sasl.password"),
    ("KAFKA_SSL_CA_LOCATION", "ssl.ca.location"),
    ("KAFKA_SSL_CERTIFICATE_LOCATION", "ssl.certificate.location"),
    ("KAFKA_SSL_KEY_LOCATION", "ssl.key.location"),
    ("KAFKA_SSL_KEY_PASSWORD", "ssl.key.password"),
];

/// Where a cluster is and how to get in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaConfig {
    properties: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// The brokers to begin with, separated by commas.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self::default().with("bootstrap.servers", bootstrap_servers)
    }

    /// From environment variables: `KAFKA_BOOTSTRAP_SERVERS` and its kin, and `KAFKA_OPTS__<PROPERTY>` for everything else
    /// that librdkafka knows (`.` written `_`).
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut config = Self::default();
        for (name, value) in vars {
            if let Some((_, property)) = ENV_PROPERTIES.iter().find(|(each, _)| *each == name) {
                config.properties.insert((*property).to_owned(), value);
            } else if let Some(property) = name.strip_prefix(ENV_PROPERTY_PREFIX) {
                config.properties.insert(property.to_ascii_lowercase().replace('_', "."), value);
            }
        }
        config
    }

    /// The same with a property of librdkafka; it wins over what a profile says.
    #[must_use]
    pub fn with(mut self, property: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.insert(property.into(), value.into());
        self
    }

    pub(super) fn remove(&mut self, property: &str) {
        self.properties.remove(property);
    }

    /// A property set here.
    pub fn get(&self, property: &str) -> Option<&str> {
        self.properties.get(property).map(String::as_str)
    }

    /// Everything a client needs: what the transport itself asks for, then the profile, then what was set here.
    pub(super) fn client(&self, profile: &BTreeMap<String, String>) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "alluvium");
        config.set_log_level(rdkafka::config::RDKafkaLogLevel::Warning);
        for (name, value) in profile.iter().chain(&self.properties) {
            config.set(name, value);
        }
        config
    }

    /// The configuration of a producer.
    pub(super) fn producer(&self, profile: &BTreeMap<String, String>) -> ClientConfig {
        let mut all = BTreeMap::from([
            // Keys go where the Java client puts them.
            ("partitioner".to_owned(), "murmur2_random".to_owned()),
            ("topic.metadata.propagation.max.ms".to_owned(), TOPIC_UNKNOWN_MS.to_string()),
        ]);
        all.extend(profile.clone());
        self.client(&all)
    }

    /// What librdkafka makes of a profile's properties: read back from its own configuration, so that no line is inert.
    pub fn effective(&self, profile: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, SubscribeError> {
        let native = self.client(profile).create_native_config().map_err(|error| refused(&error))?;
        profile.keys().map(|name| Ok((name.clone(), native.get(name).map_err(|error| refused(&error))?))).collect()
    }
}

/// Properties whose values are nobody's business.
fn is_secret(property: &str) -> bool {
    ["password", "secret", "jaas", "key.pem", "sasl.oauthbearer.config"].iter().any(|part| property.contains(part))
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.properties.iter().map(|(name, value)| (name, if is_secret(name) { "…" } else { value }));
        out.debug_map().entries(shown).finish()
    }
}

/// A configuration librdkafka does not take. The value is left out: it may be a secret.
pub(super) fn refused(error: &KafkaError) -> SubscribeError {
    match error {
        KafkaError::ClientConfig(_, detail, name, value) => {
            let detail = if is_secret(name) { detail.replace(value.as_str(), "…") } else { detail.clone() };
            SubscribeError::Settings(format!("Kafka property {name}: {detail}"))
        }
        KafkaError::ClientCreation(detail) if detail.contains("OpenSSL") || detail.contains("SSL") => {
            SubscribeError::Settings(format!("{detail}; TLS and SCRAM need a build with the feature kafka-tls"))
        }
        other => SubscribeError::Settings(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{PROFILES, Profile};

    #[test]
    fn variables_become_properties_and_secrets_are_not_shown() {
        let vars = [
            ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092"),
            ("KAFKA_SASL_PASSWORD", "open sesame"),
            ("KAFKA_OPTS__SOCKET_TIMEOUT_MS", "1234"),
            ("PATH", "/bin"),
        ];
        let config = KafkaConfig::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(config.get("bootstrap.servers"), Some("a:9092,b:9092"));
        assert_eq!(config.get("socket.timeout.ms"), Some("1234"));
        let shown = format!("{config:?}");
        assert!(shown.contains("a:9092") && !shown.contains("sesame") && !shown.contains("/bin"), "{shown}");
    }

    #[test]
    fn librdkafka_takes_every_line_of_every_profile() {
        let config = KafkaConfig::new("localhost:1");
        for profile in &PROFILES {
            let settings = profile.settings();
            for lines in [&settings.consume.kafka, &settings.publish.kafka] {
                let effective = config.effective(lines).unwrap();
                for (name, value) in lines {
                    // librdkafka tells some values by their older names.
                    let older = match value.as_str() {
                        "all" => "-1",
                        "earliest" => "smallest",
                        "latest" => "largest",
                        other => other,
                    };
                    let told = effective[name].as_str();
                    assert!(told == value || told == older, "{} {name}: {value} became {told}", profile.name());
                }
            }
        }
        let wrong = Profile::custom(&Profile::Base).kafka("no.such.property", "1").settings();
        assert!(config.effective(&wrong.publish.kafka).is_err());
    }
}
