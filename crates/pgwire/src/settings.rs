//! What clients set and ask about their session. Nothing of it reaches the engine.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Failure;

/// What clients are told when they are let in.
pub(crate) const PARAMETERS: &[(&str, &str)] = &[
    ("server_version", "9.3.duckdb"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
    ("TimeZone", "UTC"),
];

/// What may be set, with the values that it may have where not any: others would be promises that nobody keeps.
const SETTABLE: &[(&str, &str, &[&str])] = &[
    ("application_name", "", &[]),
    ("bytea_output", "hex", &["hex"]),
    ("client_encoding", "UTF8", &["utf8", "utf-8", "unicode"]),
    ("client_min_messages", "notice", &[]),
    ("datestyle", "ISO", &["iso", "iso, mdy", "iso,mdy", "iso, ymd", "iso, dmy"]),
    ("default_transaction_isolation", "repeatable read", &[]),
    ("default_transaction_read_only", "off", &["off", "false", "0"]),
    ("extra_float_digits", "3", &[]),
    ("idle_in_transaction_session_timeout", "0", &[]),
    ("intervalstyle", "postgres", &["postgres"]),
    ("lock_timeout", "0", &[]),
    ("standard_conforming_strings", "on", &["on", "true", "1"]),
    ("statement_timeout", "0", &[]),
    ("timezone", "UTC", &["utc", "gmt", "etc/utc", "z", "0"]),
    ("transaction_isolation", "repeatable read", &[]),
];
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// What one session has set.
#[derive(Debug, Default)]
pub(crate) struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// `SET [SESSION | LOCAL] name {= | TO} value`, as it was written.
    pub fn set(&mut self, sql: &str) -> Result<(), Failure> {
        let rest = sql.trim().trim_end_matches(';').trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let rest = after_word(after_word(rest, "session"), "local").trim_start();
        if ["characteristics", "transaction"].iter().any(|word| after_word(rest, word) != rest) {
            // Every transaction is what they ask for: of one set of versions.
            return Ok(());
        }
        let rest = match after_word(rest, "time") {
            same if same == rest => rest.to_owned(),
            zone => format!("timezone = {}", after_word(zone.trim_start(), "zone").trim()),
        };
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        let (name, value) = rest.split_at(end);
        let value = value.trim_start();
        let value = value.strip_prefix('=').unwrap_or_else(|| after_word(value, "to")).trim();
        let value = value.trim_matches(|quote| quote == '\'' || quote == '"');
        let known = SETTABLE.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let Some((name, standard, values)) = known else {
            return Err(Failure::error("42501", format!("{name} cannot be set here")));
        };
        if value.eq_ignore_ascii_case("default") {
            self.0.insert(name, (*standard).to_owned());
            return Ok(());
        }
        let allowed = values.is_empty() || values.iter().any(|allowed| allowed.eq_ignore_ascii_case(value));
        if value.is_empty() || value.len() > VALUE_BYTES_MAX || !allowed {
            return Err(Failure::error("22023", format!("{name} cannot be {value:?} here")));
        }
        if *name == "statement_timeout" && duration(value).is_none() {
            return Err(Failure::error("22023", format!("statement_timeout cannot be {value:?}: write milliseconds")));
        }
        self.0.insert(name, value.to_owned());
        Ok(())
    }

    /// The value that `SHOW name` asks for; `None` for what is not known here.
    pub fn show(&self, name: &str) -> Option<String> {
        let same = |known: &str| known.eq_ignore_ascii_case(name);
        let set = SETTABLE.iter().find(|(known, ..)| same(known));
        let set = set.map(|(known, standard, _)| self.0.get(known).cloned().unwrap_or_else(|| (*standard).to_owned()));
        set.or_else(|| Some(PARAMETERS.iter().find(|(known, _)| same(known))?.1.to_owned()))
    }

    /// How long a statement may take, where the client wants less than it could have.
    pub fn timeout(&self) -> Option<Duration> {
        self.0.get("statement_timeout").and_then(|value| duration(value)).filter(|limit| !limit.is_zero())
    }

    /// As at the beginning.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What follows a word; the same where something else stands there.
fn after_word<'a>(text: &'a str, word: &str) -> &'a str {
    let trimmed = text.trim_start();
    match trimmed.get(..word.len()) {
        Some(found)
            if found.eq_ignore_ascii_case(word)
                && !trimmed[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_') =>
        {
            &trimmed[word.len()..]
        }
        _ => text,
    }
}

/// Milliseconds, or a number with its unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(factor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_the_list_can_be_set_and_shown() {
        let mut settings = Settings::default();
        for sql in [
            "SET application_name = 'a b'",
            "set session statement_timeout to '2s'",
            "SET TIME ZONE 'UTC'",
            "SET LOCAL DateStyle = ISO",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET client_encoding TO DEFAULT;",
        ] {
            assert_eq!(settings.set(sql), Ok(()), "{sql}");
        }
        assert_eq!(settings.show("Application_Name").as_deref(), Some("a b"));
        assert_eq!(settings.show("server_version").as_deref(), Some("9.3.duckdb"));
        assert_eq!((settings.show("memory_limit"), settings.timeout()), (None, Some(Duration::from_secs(2))));
    }

    #[test]
    fn nothing_else_can_be_set() {
        for (sql, code) in [
            ("SET memory_limit = '99GB'", "42501"),
            ("SET enable_external_access TO true", "42501"),
            ("SET search_path = x", "42501"),
            ("SET", "42501"),
            ("SET timezone = 'Europe/Prague'", "22023"),
            ("SET statement_timeout = 'soon'", "22023"),
            ("SET client_encoding = 'LATIN1'", "22023"),
        ] {
            assert_eq!(Settings::default().set(sql).unwrap_err().code, code, "{sql}");
        }
    }
}
