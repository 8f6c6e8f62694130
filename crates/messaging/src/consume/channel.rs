//! What a loop reads.

use std::sync::Arc;

use crate::model::Message;

/// What a loop reads.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The logical name.
    pub topic: Arc<str>,
    /// Subjects on JetStream, wildcards allowed; the topic when empty.
    pub filters: Vec<String>,
    /// The stream on JetStream.
    pub stream: Option<Arc<str>>,
    /// Which token of the subject (from 0) is the partition, on JetStream.
    pub partition_token: Option<usize>,
}

impl Channel {
    /// A topic by its name.
    pub fn new(topic: impl Into<Arc<str>>) -> Self {
        Self { topic: topic.into(), filters: Vec::new(), stream: None, partition_token: None }
    }

    /// The channel of a type.
    pub fn of<M: Message>() -> Self {
        let meta = M::meta();
        let stream = meta.stream.map(Into::into);
        Self { topic: meta.topic.into(), filters: vec![meta.filter.to_owned()], stream, partition_token: None }
    }
}
