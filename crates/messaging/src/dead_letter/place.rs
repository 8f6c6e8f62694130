//! Where dead letters lie.

use super::{Filter, kafka_topic};
use crate::{
    Bus,
    transport::{AdminError, Position},
};

/// Offsets fit below these bits of a letter's number, and its partition above them: a number that JSON keeps exactly.
const OFFSET_BITS: u32 = 40;

/// Where dead letters lie, and beside them what people did to them.
pub(super) enum Place {
    /// All of them in one stream.
    Stream,
    /// On Kafka those of one topic and group in a topic of their own.
    Topic(String),
}

impl Place {
    /// Where those lie that the filter means.
    pub(super) fn of(bus: &Bus, filter: &Filter) -> Result<Self, AdminError> {
        if !bus.capabilities().watermark {
            return Ok(Self::Stream);
        }
        if let (Some(topic), Some(group)) = (&filter.topic, &filter.group) {
            return Ok(Self::Topic(kafka_topic(topic, group)));
        }
        let what = "looking for dead letters without naming a topic and a group";
        Err(AdminError::Unsupported { what, transport: bus.system() })
    }
}

/// The number of a letter.
pub(super) fn number(position: &Position) -> u64 {
    match position {
        Position::Stream { seq, .. } => *seq,
        Position::Partition { partition, .. } => {
            (u64::from(partition.unsigned_abs()) << OFFSET_BITS) | position.number()
        }
    }
}

/// The first offset of a partition that has one of these letters; 0 when none is named, `None` when all are elsewhere.
pub(super) fn first_offset(ids: &[u64], partition: i32) -> Option<u64> {
    if ids.is_empty() {
        return Some(0);
    }
    let here = ids.iter().filter(|id| **id >> OFFSET_BITS == u64::from(partition.unsigned_abs()));
    here.map(|id| id & ((1 << OFFSET_BITS) - 1)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_on_kafka_has_one_number() {
        let at = |partition, offset| number(&Position::Partition { topic: "t".into(), partition, offset });
        assert_eq!((at(0, 7), at(2, 7)), (7, (2 << 40) + 7));
        let ids = [at(0, 9), at(0, 7), at(2, 3)];
        assert_eq!([0, 1, 2].map(|partition| first_offset(&ids, partition)), [Some(7), None, Some(3)]);
        assert_eq!(first_offset(&[], 5), Some(0));
    }
}
