//! Subjects, built and taken apart in one place.

use crate::Token;

/// How many partitions aggregates are spread over; fixed for ever, because it is part of every event's subject.
pub const PARTITIONS: u32 = 256;

/// `cmd.<tenant>.<context>.<Command>`
pub fn command(tenant: &Token, context: &str, command: &str) -> String {
    format!("cmd.{tenant}.{context}.{command}")
}

/// `ev.<tenant>.<context>.<partition>.<aggregate>.<id>`: the one concrete subject of an aggregate.
pub fn event(tenant: &Token, context: &str, aggregate: &str, id: &Token) -> String {
    format!("ev.{tenant}.{context}.{:03}.{aggregate}.{id}", partition(id.as_str()))
}

/// `rows.<tenant>.<project>.<bucket>.<table>`
pub fn rows(tenant: &Token, project: &Token, bucket: &Token, table: &Token) -> String {
    format!("rows.{tenant}.{project}.{bucket}.{table}")
}

/// `out.<tenant>.<command id>`
pub fn outcome(tenant: &Token, command_id: &Token) -> String {
    format!("out.{tenant}.{command_id}")
}

/// `dlq.<tenant>.<context>.<what>.<sequence>`: one subject per dead letter, so that none is kept twice.
pub fn dead_letter(tenant: &Token, context: &str, what: &str, seq: u64) -> String {
    format!("dlq.{tenant}.{context}.{what}.{seq}")
}

/// FNV-1a 32 of the aggregate's id, mod [`PARTITIONS`].
pub fn partition(aggregate_id: &str) -> u32 {
    let hash =
        aggregate_id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % PARTITIONS
}

/// What a subject of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the subject's parts, drawn at the builders above")]
pub enum Parsed {
    /// A command for a context.
    Command { tenant: Token, context: String, command: String },
    /// A commit of an aggregate.
    Event { tenant: Token, context: String, aggregate: String, id: Token },
    /// Rows for a table.
    Rows { tenant: Token, project: Token, bucket: Token, table: Token },
}

/// Takes a subject apart; `None` when it is not one of ours.
pub fn parse(subject: &str) -> Option<Parsed> {
    let parts: Vec<&str> = subject.split('.').collect();
    let token = |at: usize| Token::parse(parts[at]).ok();
    match (parts[0], parts.len()) {
        ("cmd", 4) => {
            Some(Parsed::Command { tenant: token(1)?, context: parts[2].to_owned(), command: parts[3].to_owned() })
        }
        ("ev", 6) => {
            let id = token(5)?;
            (parts[3] == format!("{:03}", partition(id.as_str()))).then_some(())?;
            Some(Parsed::Event { tenant: token(1)?, context: parts[2].to_owned(), aggregate: parts[4].to_owned(), id })
        }
        ("rows", 5) => {
            Some(Parsed::Rows { tenant: token(1)?, project: token(2)?, bucket: token(3)?, table: token(4)? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_parses() {
        let t = |text| Token::encode(text).unwrap();
        let subject = event(&t("default"), "storage", "project", &t("nyc.flights"));
        assert_eq!(
            parse(&subject),
            Some(Parsed::Event {
                tenant: t("default"),
                context: "storage".into(),
                aggregate: "project".into(),
                id: t("nyc.flights")
            })
        );
        assert!(matches!(parse(&rows(&t("a"), &t("b"), &t("c"), &t("d e"))), Some(Parsed::Rows { .. })));
        assert!(matches!(parse("cmd.default.storage.CreateBucket"), Some(Parsed::Command { .. })));
    }

    #[test]
    fn foreign_subjects_are_none() {
        for subject in ["", "ev", "ev.a.storage.999.project.x", "rows.a.b.c", "rows.a.b.c.d.e", "cmd.a b.c.d"] {
            assert_eq!(parse(subject), None, "{subject}");
        }
    }

    #[test]
    fn the_partition_never_changes() {
        // Published values of FNV-1a 32: "" = 811c9dc5, "a" = e40c292c, "foobar" = bf9cf968.
        assert_eq!((partition(""), partition("a"), partition("foobar")), (0xc5, 0x2c, 0x68));
    }
}
