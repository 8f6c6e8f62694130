//! One connection to a broker, and everything typed that goes over it. A cheap clone; two buses share nothing.

mod builder;
mod config;
mod produce;
mod subscribe;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use alluvium_kernel::Timestamp;

pub use builder::{BuildError, BusBuilder, Health};
pub use config::{ConfigError, TransportKind};
pub use produce::{Batch, BatchReceipt, ProduceOpts};
pub use subscribe::{ConsumeError, OnPoison, Received, SubscribeOpts, Subscription, Unsettled, View};

use crate::{
    model::{Message, Vars},
    profile::Settings,
    transport::{
        Admin, AdminError, Capabilities, FlushError, Outgoing, Pending, PublishError, Receipt, TopicSpec, Transport,
    },
    wire::Codecs,
};

/// One connection to a broker. A cheap clone.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    transport: Arc<dyn Transport>,
    settings: Settings,
    tenant: String,
    instance: String,
    codecs: Codecs,
    vars: Vars,
}

/// The moment that it is.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as i64)
}

/// RFC 3339 in UTC with six digits, without what a general formatter costs: it is written for every message.
pub(crate) fn stamp(time: Timestamp) -> String {
    const DAY_SECONDS: i64 = 86_400;
    let (seconds, micros) = (time.micros().div_euclid(1_000_000), time.micros().rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
    if !(0..2_932_896).contains(&days) {
        return time.to_rfc3339();
    }
    // Days since 0000-03-01, taken apart by the Gregorian calendar's 400 years.
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (at, digits, value) in
        [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second), (20, 6, micros)]
    {
        let mut value = value;
        for place in (at..at + digits).rev() {
            text[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

impl fmt::Debug for Bus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bus")
            .field("transport", &self.system())
            .field("profile", &self.0.settings.name)
            .finish_non_exhaustive()
    }
}

impl Bus {
    /// Says where to connect and how.
    pub fn builder() -> BusBuilder {
        BusBuilder::default()
    }

    /// Connects as the environment says; see `docs/messaging.md` for the variables.
    pub async fn from_env() -> Result<Self, BuildError> {
        Self::builder().env().build().await
    }

    fn over(
        transport: Arc<dyn Transport>,
        settings: Settings,
        tenant: String,
        instance: String,
        codecs: Codecs,
    ) -> Self {
        let vars = Vars::tenant(&tenant);
        Self(Arc::new(Inner { transport, settings, tenant, instance, codecs, vars }))
    }

    /// Encodes and decodes.
    pub fn codecs(&self) -> &Codecs {
        &self.0.codecs
    }

    /// Values of placeholders in subjects that no field gives.
    pub fn vars(&self) -> &Vars {
        &self.0.vars
    }

    /// Whether broker and schema registry answer within `within`.
    pub async fn health(&self, within: Duration) -> Health {
        let registry = async {
            let source = self.codecs().config().source.as_ref()?;
            Some(match tokio::time::timeout(within, source.ping()).await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {within:?}")),
            })
        };
        let (transport, registry) = tokio::join!(self.0.transport.ping(within), registry);
        Health { transport: transport.map_err(|error| error.to_string()), registry }
    }

    /// The broker, for what the kit does not cover.
    pub fn transport(&self) -> &dyn Transport {
        self.0.transport.as_ref()
    }

    /// Topics and what they hold.
    pub fn admin(&self) -> &dyn Admin {
        self.0.transport.admin()
    }

    /// What the broker can.
    pub fn capabilities(&self) -> Capabilities {
        self.0.transport.capabilities()
    }

    /// The broker's name in metrics and traces.
    pub fn system(&self) -> &'static str {
        self.capabilities().system
    }

    /// Every setting that it was built with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Whose dead letters these are.
    pub fn tenant(&self) -> &str {
        &self.0.tenant
    }

    /// This process, as dead letters name it.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    /// What a position is called in traces.
    pub(crate) fn position_attribute(&self) -> &'static str {
        if self.system() == "kafka" { "messaging.kafka.offset" } else { "alluvium.stream.sequence" }
    }

    /// Makes what a type needs and is missing: its stream or topic, and the stream of dead letters.
    pub async fn ensure<M: Message>(&self) -> Result<(), AdminError> {
        let meta = M::meta();
        let spec = TopicSpec {
            topic: meta.topic.to_owned(),
            stream: meta.stream.map(ToOwned::to_owned),
            subjects: vec![meta.filter.to_owned()],
            ..TopicSpec::default()
        };
        self.admin().create(spec).await?;
        if self.capabilities().watermark {
            // Kafka has a topic of dead letters for each group, made when the first one comes.
            return Ok(());
        }
        let dead = crate::dead_letter::STREAM.to_owned();
        let spec = TopicSpec { topic: dead, subjects: vec!["dlq.>".to_owned()], ..TopicSpec::default() };
        self.admin().create(spec).await
    }

    /// Sends bytes as they are: waits for a place in the window, then gives what resolves with the acknowledgement.
    pub async fn send(&self, message: Outgoing) -> Result<Pending, PublishError> {
        self.0.transport.publish(message).await
    }

    /// Sends bytes as they are and waits for the acknowledgement.
    pub async fn deliver(&self, message: Outgoing) -> Result<Receipt, PublishError> {
        self.send(message).await?.await
    }

    /// Waits until everything sent before the call is settled.
    pub async fn flush(&self, within: Duration) -> Result<(), FlushError> {
        self.0.transport.flush(within).await
    }

    /// Flushes and closes.
    pub async fn close(&self, within: Duration) -> Result<(), FlushError> {
        let flushed = self.flush(within).await;
        self.0.transport.close().await;
        flushed
    }

    /// Told of messages that failed and for which nobody waited.
    pub fn on_delivery_error(&self, hook: impl Fn(&str, &PublishError) + Send + Sync + 'static) {
        self.0.transport.on_delivery_error(Arc::new(hook));
    }

    /// One that leads to a broker of its own, in memory.
    #[cfg(test)]
    pub(crate) fn detached() -> Self {
        Self::over(
            Arc::new(crate::transport::memory::MemoryBroker::jetstream()),
            crate::profile::Profile::Base.settings(),
            "default".into(),
            "test".into(),
            Codecs::new(crate::wire::CodecConfig::default()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_general_formatter_writes_them() {
        let mut micros = 0_i64;
        while micros < 250_000_000_000_000_000 {
            let time = Timestamp::from_micros(micros);
            assert_eq!(stamp(time), time.to_rfc3339().replace("+00:00", "Z"));
            micros += 71_234_567_891_011;
        }
        assert_eq!(stamp(Timestamp::from_micros(-1)), "1969-12-31T23:59:59.999999+00:00");
    }
}
