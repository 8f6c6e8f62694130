//! What became of a command: the one message on `out.<tenant>.<command id>`. JSON, so that people can read it.

use serde::{Deserialize, Serialize};

use crate::{Position, Problem};

/// The outcome of one command. First write wins; the same id and body always give this same outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command's id.
    pub command_id: String,
    /// `storage.CreateBucket`
    pub command: String,
    /// Hex hash of the command's subject and body.
    pub body_hash: String,
    /// What was decided.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Accepted, or rejected with a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Verdict {
    /// On the log.
    Accepted {
        /// Where; reads that must show it wait for this.
        position: Position,
        /// Types of the events, in order.
        events: Vec<String>,
        /// What the caller may want to know at once (ids, counts); `null` when nothing.
        #[serde(default)]
        result: serde_json::Value,
    },
    /// Nothing changed.
    Rejected {
        /// Why, and what to do.
        problem: Problem,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_expect() {
        let outcome = Outcome {
            command_id: "1".into(),
            command: "storage.CreateBucket".into(),
            body_hash: "ab".into(),
            verdict: Verdict::Rejected { problem: Problem::new("storage.bucket_exists", 409, "exists") },
        };
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(json["status"], "rejected");
        assert_eq!(json["problem"]["code"], "storage.bucket_exists");
        assert_eq!(serde_json::from_value::<Outcome>(json).unwrap(), outcome);
    }
}
