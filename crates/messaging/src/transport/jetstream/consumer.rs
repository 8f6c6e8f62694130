//! The durable consumer behind a group: made once, kept in step with the profile, never made again behind its back.

use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, Config, DeliverPolicy, ReplayPolicy},
    context::ConsumerInfoErrorKind,
    stream::ConsumerErrorKind,
};

use super::source::is_gone;
use crate::{
    direct,
    error::Error,
    tail::FILTERS_MAX,
    transport::{StartFrom, SubscribeError, SubscribeSpec},
};

/// The group's name as JetStream takes it.
pub(crate) fn durable_name(group: &str) -> String {
    group
        .chars()
        .map(|each| if each.is_whitespace() || matches!(each, '.' | '*' | '>' | '/' | '\\') { '_' } else { each })
        .collect()
}

/// The subjects that a subscription reads.
pub(super) fn filters(spec: &SubscribeSpec) -> Vec<String> {
    if spec.filters.is_empty() { vec![spec.topic.to_string()] } else { spec.filters.clone() }
}

/// Makes the consumer, or brings the one that is there in step with the profile. Where a group begins counts only when it is new.
pub(super) async fn ensure(
    js: &jetstream::Context,
    stream: &str,
    name: &str,
    spec: &SubscribeSpec,
) -> Result<(), SubscribeError> {
    let trying = || format!("making consumer {name} of {stream}");
    let filters = filters(spec);
    if filters.len() > FILTERS_MAX {
        return Err(SubscribeError::Settings(format!("{} filters, the limit is {FILTERS_MAX}", filters.len())));
    }
    let settings = &spec.settings;
    if let Some(mut config) = config(js, stream, name).await.map_err(|error| of_error(trying(), &error))? {
        let found = if config.filter_subjects.is_empty() {
            vec![config.filter_subject.clone()]
        } else {
            config.filter_subjects.clone()
        };
        if found != filters {
            return Err(SubscribeError::Settings(format!(
                "consumer {name} of {stream} reads {found:?}, this subscription {filters:?}: use another group"
            )));
        }
        if config.ack_wait == settings.ack_wait && config.max_ack_pending == settings.max_ack_pending {
            return Ok(());
        }
        config.ack_wait = settings.ack_wait;
        config.max_ack_pending = settings.max_ack_pending;
        return js.create_consumer_on_stream(config, stream).await.map(drop).map_err(|error| refused(trying(), &error));
    }
    let mut config = Config {
        durable_name: Some(name.to_owned()),
        name: Some(name.to_owned()),
        deliver_policy: start(&spec.from, settings.from_earliest)?,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        max_ack_pending: settings.max_ack_pending,
        // Counted by the kit, which puts a poisonous message aside with a reason.
        max_deliver: -1,
        replay_policy: ReplayPolicy::Instant,
        ..Config::default()
    };
    match filters.as_slice() {
        [one] => config.filter_subject.clone_from(one),
        _ => config.filter_subjects = filters,
    }
    js.create_consumer_on_stream(config, stream).await.map(drop).map_err(|error| refused(trying(), &error))
}

fn start(from: &StartFrom, earliest: bool) -> Result<DeliverPolicy, SubscribeError> {
    Ok(match from {
        StartFrom::Stored if earliest => DeliverPolicy::All,
        StartFrom::Earliest => DeliverPolicy::All,
        StartFrom::Stored | StartFrom::Latest => DeliverPolicy::New,
        StartFrom::Seq(seq) => DeliverPolicy::ByStartSequence { start_sequence: (*seq).max(1) },
        StartFrom::Time(time) => DeliverPolicy::ByStartTime {
            start_time: async_nats::datetime::DateTime::from_unix_timestamp_nanos(i128::from(time.micros()) * 1_000)
                .map_err(|_| SubscribeError::Settings(format!("{time} is no time to begin at")))?,
        },
        StartFrom::Offsets(_) => {
            return Err(SubscribeError::Settings("offsets are Kafka's; JetStream begins at a sequence".into()));
        }
    })
}

/// The first sequence for a reader without a group.
pub(super) async fn first_sequence(
    js: &jetstream::Context,
    stream: &str,
    spec: &SubscribeSpec,
) -> Result<u64, SubscribeError> {
    let of_error = |error: Error| of_error(format!("asking about stream {stream}"), &error);
    Ok(match &spec.from {
        StartFrom::Earliest => 1,
        StartFrom::Stored if spec.settings.from_earliest => 1,
        StartFrom::Seq(seq) => (*seq).max(1),
        StartFrom::Stored | StartFrom::Latest => direct::extent(js, stream).await.map_err(of_error)?.last + 1,
        StartFrom::Time(time) => match direct::leader_since(js, stream, *time).await.map_err(of_error)? {
            Some(seq) => seq,
            None => direct::extent(js, stream).await.map_err(of_error)?.last + 1,
        },
        StartFrom::Offsets(_) => start(&spec.from, true).map(|_| 1)?,
    })
}

/// The consumer's settings on the server; `None` when it is not there.
pub(crate) async fn config(js: &jetstream::Context, stream: &str, name: &str) -> Result<Option<Config>, Error> {
    Ok(info(js, stream, name).await?.map(|info| info.config))
}

pub(super) async fn info(
    js: &jetstream::Context,
    stream: &str,
    name: &str,
) -> Result<Option<jetstream::consumer::Info>, Error> {
    let trying = || format!("asking about consumer {name} of {stream}");
    let handle = js.get_stream_no_info(stream).await.map_err(|error| Error::malformed(trying(), error))?;
    match handle.consumer_info(name).await {
        Ok(info) => Ok(Some(info)),
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::NotFound => Ok(None),
            ConsumerInfoErrorKind::JetStream(cause) => {
                let error = Error::refused(trying(), &cause);
                if error.is_no_consumer() { Ok(None) } else { Err(error) }
            }
            _ => Err(Error::unknown(trying(), error)),
        },
    }
}

/// Whether the consumer is there. An absent stream counts as an absent consumer.
pub(super) async fn exists(js: &jetstream::Context, stream: &str, name: &str) -> Result<bool, Error> {
    match info(js, stream, name).await {
        Ok(info) => Ok(info.is_some()),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Messages that the group has not settled.
pub(super) async fn behind(js: &jetstream::Context, stream: &str, name: &str) -> Result<u64, Error> {
    let info = info(js, stream, name).await?;
    Ok(info.map_or(0, |info| info.num_pending + info.num_ack_pending as u64))
}

fn of_error(trying: String, error: &Error) -> SubscribeError {
    if error.is_no_stream() {
        return SubscribeError::NoSource(trying);
    }
    SubscribeError::Unreachable { trying, detail: error.to_string() }
}

fn refused(trying: String, error: &jetstream::stream::ConsumerError) -> SubscribeError {
    match error.kind() {
        ConsumerErrorKind::JetStream(cause) => SubscribeError::Refused { trying, detail: cause.to_string() },
        _ => SubscribeError::Unreachable { trying, detail: error.to_string() },
    }
}
