//! How CSV is configured.

use super::CHUNK_RECORDS_DEFAULT;
use super::members::{Members, only_for};
use crate::error::FormatError;

pub(super) const MEMBERS: &[&str] = &[
    "delimiter",
    "headers",
    "quote",
    "escape",
    "double_quote",
    "quoting",
    "comment",
    "flexible",
    "trim",
    "buffer_size_records",
];

/// CSV as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvConfig {
    /// What is between fields.
    pub delimiter: u8,
    /// Input only: whether the first record names the columns. The columns are those of the table in their order anyway.
    pub headers: bool,
    /// What is around fields.
    pub quote: u8,
    /// Input only: what stands before a quote in a field.
    pub escape: Option<u8>,
    /// Input only: whether two quotes in a field are one.
    pub double_quote: bool,
    /// Input only: whether quotes mean anything.
    pub quoting: bool,
    /// Input only: what begins a line that is no record.
    pub comment: Option<u8>,
    /// Input only: whether records may have different numbers of fields.
    pub flexible: bool,
    /// Input only: where blanks around fields are dropped.
    pub trim: Trim,
    /// Output only: how many records a chunk has at most.
    pub buffer_size_records: Option<u64>,
    /// Members that were given and are for input only.
    input_only: Option<&'static str>,
}

/// Where blanks around fields are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trim {
    /// Nowhere.
    #[default]
    None,
    /// In the first record, if it names the columns.
    Headers,
    /// In the other records.
    Fields,
    /// In all records.
    All,
}

impl Default for CsvConfig {
    fn default() -> Self {
        Self {
            delimiter: b',',
            headers: false,
            quote: b'"',
            escape: None,
            double_quote: true,
            quoting: true,
            comment: None,
            flexible: true,
            trim: Trim::None,
            buffer_size_records: None,
            input_only: None,
        }
    }
}

impl CsvConfig {
    pub(super) fn read(members: Members<'_>) -> Result<Self, FormatError> {
        let default = Self::default();
        let (headers, quote, escape) = (members.flag("headers")?, members.byte("quote")?, members.byte("escape")?);
        let (double_quote, quoting) = (members.flag("double_quote")?, members.flag("quoting")?);
        let (comment, flexible) = (members.byte("comment")?, members.flag("flexible")?);
        let choices = [("none", Trim::None), ("headers", Trim::Headers), ("fields", Trim::Fields), ("all", Trim::All)];
        let trim = members.choice("trim", &choices)?;
        let input_only = [
            ("headers", headers.is_some()),
            ("quote", quote.is_some()),
            ("escape", escape.is_some()),
            ("double_quote", double_quote.is_some()),
            ("quoting", quoting.is_some()),
            ("comment", comment.is_some()),
            ("flexible", flexible.is_some()),
            ("trim", trim.is_some()),
        ];
        let made = Self {
            delimiter: members.byte("delimiter")?.unwrap_or(default.delimiter),
            headers: headers.unwrap_or(default.headers),
            quote: quote.unwrap_or(default.quote),
            escape,
            double_quote: double_quote.unwrap_or(default.double_quote),
            quoting: quoting.unwrap_or(default.quoting),
            comment,
            flexible: flexible.unwrap_or(default.flexible),
            trim: trim.unwrap_or(default.trim),
            buffer_size_records: members.count("buffer_size_records")?,
            input_only: input_only.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name),
        };
        made.check()?;
        Ok(made)
    }

    /// One character means one thing.
    fn check(&self) -> Result<(), FormatError> {
        let same = |member: &str, value: u8, other: &str| FormatError::Invalid {
            member: member.to_owned(),
            value: format!("'{}'", char::from(value)),
            wanted: format!("not the same as '{other}'"),
        };
        let quote = self.quoting.then_some(self.quote);
        if quote == Some(self.delimiter) {
            return Err(same("quote", self.quote, "delimiter"));
        }
        if self.escape == Some(self.delimiter) {
            return Err(same("escape", self.delimiter, "delimiter"));
        }
        match self.comment {
            Some(comment) if comment == self.delimiter => Err(same("comment", comment, "delimiter")),
            Some(comment) if quote == Some(comment) => Err(same("comment", comment, "quote")),
            _ => Ok(()),
        }
    }

    /// As it is for input.
    pub(crate) fn input(&self) -> Result<&Self, FormatError> {
        only_for(self.buffer_size_records.is_some(), "buffer_size_records", "output")?;
        Ok(self)
    }

    /// What is between fields of output, and how many records a chunk has at most.
    pub(crate) fn output(&self) -> Result<(u8, u64), FormatError> {
        if let Some(member) = self.input_only {
            only_for(true, member, "input")?;
        }
        if self.delimiter == b'"' {
            return Err(FormatError::Invalid {
                member: "delimiter".to_owned(),
                value: "'\"'".to_owned(),
                wanted: "not what fields are quoted with".to_owned(),
            });
        }
        Ok((self.delimiter, self.buffer_size_records.unwrap_or(CHUNK_RECORDS_DEFAULT)))
    }
}
