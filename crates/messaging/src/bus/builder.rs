//! Building a bus.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    Bus,
    config::{self, ConfigError, TransportKind},
};
use crate::{
    connect::{ConnectConfig, ConnectError, Credentials, connect},
    profile::Profile,
    transport::{SubscribeError, Transport, jetstream::JetStream},
    wire::{CodecConfig, Codecs, Register, SchemaSource, SourceError, Wire},
};

/// How long broker and registry may take to answer when a bus is built, in seconds.
const CONNECT_SECONDS: u64 = 5;

/// A bus could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A setting is not what it should be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// NATS cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker does not answer.
    #[error(transparent)]
    Broker(#[from] SubscribeError),
    /// The schema registry does not answer.
    #[error("the schema registry does not answer")]
    Registry(#[source] SourceError),
    /// Nobody answered in time.
    #[error("no connection after {0:?}")]
    Timeout(Duration),
}

impl BuildError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "messaging.configuration",
            Self::Connect(_) | Self::Timeout(_) => "messaging.connection",
            Self::Registry(_) => "messaging.registry",
            Self::Broker(error) => error.code(),
        }
    }

    /// Whether trying again may help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Config(_) => false,
            Self::Connect(_) | Self::Timeout(_) => true,
            Self::Registry(error) => error.retryable(),
            Self::Broker(error) => error.retryable(),
        }
    }
}

/// What answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is wrong with the broker.
    pub transport: Result<(), String>,
    /// What is wrong with the schema registry; `None` where there is none.
    pub registry: Option<Result<(), String>>,
}

impl Health {
    /// Whether all is well.
    pub fn is_good(&self) -> bool {
        self.transport.is_ok() && self.registry.as_ref().is_none_or(Result::is_ok)
    }
}

/// Says where a bus connects and how. What is said here comes before the environment, which comes before `[messaging]` of the
/// configuration file.
#[derive(Default)]
pub struct BusBuilder {
    pub(super) transport: Option<Arc<dyn Transport>>,
    pub(super) kind: Option<TransportKind>,
    pub(super) nats: ConnectConfig,
    pub(super) profile: Option<Profile>,
    pub(super) tenant: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) lazy: bool,
    pub(super) env: bool,
    pub(super) file: Option<PathBuf>,
    pub(super) codecs: CodecConfig,
    pub(super) wire: Option<Wire>,
}

impl BusBuilder {
    /// Over NATS at these addresses, separated by commas.
    #[must_use]
    pub fn nats(mut self, url: impl Into<String>) -> Self {
        self.nats.url = url.into();
        self.kind = Some(TransportKind::JetStream);
        self
    }

    /// How to prove who we are to NATS.
    #[must_use]
    pub fn nats_credentials(mut self, credentials: Credentials) -> Self {
        self.nats.credentials = credentials;
        self
    }

    /// What the subjects begin with on which answers come; `_INBOX` when nothing is said.
    #[must_use]
    pub fn nats_inbox_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.nats.inbox_prefix = Some(prefix.into());
        self
    }

    /// Over a broker that is connected already.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The settings of publishing, and of loops that say nothing else.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Whose dead letters these are; `default` when nothing is said.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The name of this process for people; the machine's when nothing is said.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// How long broker and registry may take to answer.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The format of types that name none; `confluent` on Kafka and `single_object` elsewhere when nothing is said.
    #[must_use]
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = Some(wire);
        self
    }

    /// The schema registry.
    #[must_use]
    pub fn registry(mut self, registry: Arc<dyn SchemaSource>) -> Self {
        self.codecs.source = Some(registry);
        self
    }

    /// What producing may do to the registry.
    #[must_use]
    pub fn register(mut self, register: Register) -> Self {
        self.codecs.register = register;
        self
    }

    /// How messages are encoded and decoded, all of it.
    #[must_use]
    pub fn codecs(mut self, codecs: CodecConfig) -> Self {
        self.codecs = codecs;
        self
    }

    /// Does not wait for the broker: what is sent before it is there waits.
    #[must_use]
    pub fn lazy(mut self, lazy: bool) -> Self {
        self.lazy = lazy;
        self
    }

    /// Reads the environment for what is not said here.
    #[must_use]
    pub fn env(mut self) -> Self {
        self.env = true;
        self
    }

    /// Reads `[messaging]` of a TOML file for what neither this nor the environment says.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    #[cfg(feature = "kafka")]
    fn kafka(&self, settings: &crate::profile::PublishSettings) -> Result<Arc<dyn Transport>, BuildError> {
        use crate::transport::kafka::{Kafka, KafkaConfig};
        let vars = if self.env { std::env::vars().collect() } else { Vec::new() };
        Ok(Arc::new(Kafka::new(KafkaConfig::from_vars(vars), settings.clone())?))
    }

    #[cfg(not(feature = "kafka"))]
    #[expect(clippy::unused_self, reason = "its twin with the feature uses it")]
    fn kafka(&self, _: &crate::profile::PublishSettings) -> Result<Arc<dyn Transport>, BuildError> {
        Err(config::wrong(config::TRANSPORT, "this build does not have the feature `kafka`").into())
    }

    /// Connects, and checks that broker and registry answer.
    pub async fn build(mut self) -> Result<Bus, BuildError> {
        config::complete(&mut self)?;
        let timeout = self.connect_timeout.unwrap_or(Duration::from_secs(CONNECT_SECONDS));
        let settings = self.profile.take().unwrap_or_default().settings();
        let instance = self.instance.take().unwrap_or_else(config::machine);
        let transport: Arc<dyn Transport> = if let Some(transport) = self.transport.take() {
            transport
        } else if self.kind == Some(TransportKind::Kafka) {
            self.kafka(&settings.publish)?
        } else {
            self.nats.name.clone_from(&instance);
            self.nats.retry_first = self.lazy;
            let connected = tokio::time::timeout(timeout, connect(&self.nats)).await;
            let client = connected.map_err(|_| BuildError::Timeout(timeout))??;
            Arc::new(JetStream::new(client, settings.publish.clone()).await?)
        };
        if !self.lazy {
            transport.ping(timeout).await?;
        }
        let tenant = self.tenant.take().unwrap_or_else(|| alluvium_kernel::DEFAULT_TENANT.to_owned());
        let kafka = transport.capabilities().system == "kafka";
        if let Some(wire) = self.wire.or(kafka.then_some(Wire::Confluent)) {
            self.codecs.wire = wire;
        }
        if self.codecs.wire.needs_registry() && self.codecs.source.is_none() {
            let detail = format!("{} needs a schema registry; name one or choose another wire", self.codecs.wire);
            return Err(config::wrong(config::REGISTRY, detail).into());
        }
        if let Some(registry) = self.codecs.source.as_ref().filter(|_| !self.lazy) {
            let answered = tokio::time::timeout(timeout, registry.ping()).await;
            answered.map_err(|_| BuildError::Timeout(timeout))?.map_err(BuildError::Registry)?;
        }
        Ok(Bus::over(transport, settings, tenant, instance, Codecs::new(self.codecs)))
    }
}
