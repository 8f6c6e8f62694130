//! Looking after the topics of the broker in memory.

use std::sync::{Arc, Weak};

use alluvium_kernel::BoxFuture;

use super::{
    Inner, Like,
    log::{Topic, subject_matches},
    source,
};
use crate::transport::{Admin, AdminError, Browse, Lag, Position, Stored, TopicInfo, TopicSpec};

pub(crate) struct MemoryAdmin(pub(super) Weak<Inner>);

impl MemoryAdmin {
    fn inner(&self) -> Result<Arc<Inner>, AdminError> {
        self.0.upgrade().ok_or_else(|| AdminError::NotFound("the broker".into()))
    }
}

fn info(name: &str, topic: &Topic) -> TopicInfo {
    let messages: usize = topic.partitions.iter().map(|all| all.iter().flatten().count()).sum();
    TopicInfo {
        name: name.to_owned(),
        subjects: topic.subjects.clone(),
        partitions: topic.partitions.len() as u32,
        replicas: 1,
        messages: Some(messages as u64),
        bytes: None,
        sequences: Some((1, topic.partitions.iter().map(Vec::len).max().unwrap_or(0) as u64)),
    }
}

impl Admin for MemoryAdmin {
    fn create(&self, spec: TopicSpec) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            inner.state().create(inner.like, spec);
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let state = inner.state();
            Ok(state.topics.iter().map(|(name, topic)| info(name, topic)).collect())
        })
    }

    fn describe(&self, name: String) -> BoxFuture<'_, Result<TopicInfo, AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let state = inner.state();
            state.topics.get(&name).map(|topic| info(&name, topic)).ok_or(AdminError::NotFound(name))
        })
    }

    fn delete(&self, name: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let mut state = inner.state();
            state.groups.retain(|(topic, _), _| *topic != name);
            state.topics.remove(&name).map(drop).ok_or(AdminError::NotFound(name))
        })
    }

    fn lag(&self, name: String, group: String) -> BoxFuture<'_, Result<Lag, AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            source::lag(&inner, &name, &group).ok_or_else(|| AdminError::NotFound(format!("{group} of {name}")))
        })
    }

    fn browse(&self, what: Browse) -> BoxFuture<'_, Result<Vec<Stored>, AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let state = inner.state();
            let topic = state.topics.get(&what.name).ok_or_else(|| AdminError::NotFound(what.name.clone()))?;
            let wanted = |stored: &&Stored| {
                stored.position.number() >= what.from
                    && (inner.like != Like::JetStream || subject_matches(&what.filter, &stored.subject))
            };
            let only = what.partition.and_then(|only| usize::try_from(only).ok());
            let partitions = topic.partitions.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at));
            let all = partitions.flat_map(|(_, all)| all).flatten();
            Ok(all.filter(wanted).take(what.messages_max).cloned().collect())
        })
    }

    fn remove(&self, position: Position) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let inner = self.inner()?;
            let missing = || AdminError::NotFound(position.to_string());
            let (name, partition, at) = match &position {
                Position::Stream { stream, seq } => (stream, 0, seq.checked_sub(1).ok_or_else(missing)?),
                Position::Partition { .. } => {
                    return Err(AdminError::Unsupported { what: "removing single messages", transport: "kafka" });
                }
            };
            let mut state = inner.state();
            let topic = state.topics.get_mut(name.as_ref()).ok_or_else(missing)?;
            let place = topic.partitions[partition].get_mut(at as usize).ok_or_else(missing)?;
            place.take().map(drop).ok_or_else(missing)
        })
    }
}
