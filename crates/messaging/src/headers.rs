//! Headers of a message, whatever broker carries it: names with byte values, in the order in which they were written.

use std::borrow::Cow;

use bytes::Bytes;

/// JetStream's message id, which its window of duplicates looks at.
pub const NATS_MESSAGE_ID: &str = "Nats-Msg-Id";
/// The message id where the broker has no name of its own for it, and the original one on dead letters.
pub const MESSAGE_ID: &str = "Alv-Id";
/// Full Avro name of the message's type.
pub const TYPE: &str = "Alv-Type";
/// The schema it was written with: `id:<n>` or `sha256:<first 32 hex>`.
pub const SCHEMA: &str = "Alv-Schema";
/// The key; base64 under this name with `-bin` when it is no UTF-8.
pub const KEY: &str = "Alv-Key";
/// When it happened, RFC 3339.
pub const TIME: &str = "Alv-Time";
/// `1`: a tombstone, on brokers that know no absent payload.
pub const TOMBSTONE: &str = "Alv-Tombstone";
/// Which attempt this is, on retry topics.
pub const ATTEMPT: &str = "Alv-Attempt";
/// Not to be handled before this moment (RFC 3339), on retry topics.
pub const NOT_BEFORE: &str = "Alv-Not-Before";
/// How often a dead letter was replayed.
pub const REPLAY: &str = "Alv-Replay";
/// `avro/binary` or `application/json`.
pub const CONTENT_TYPE: &str = "content-type";
/// W3C trace context.
pub const TRACE_PARENT: &str = "traceparent";
/// W3C trace state.
pub const TRACE_STATE: &str = "tracestate";
/// W3C baggage.
pub const BAGGAGE: &str = "baggage";
/// Beginning of the names that are the kit's own.
pub const RESERVED_PREFIX: &str = "Alv-";
/// End of the name of a header whose value is base64, on brokers that carry text only.
pub const BINARY_SUFFIX: &str = "-bin";

/// How long a header's name may be, in bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 256;

/// A header that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The name has other characters than `[A-Za-z0-9-_.]`, none, or too many.
    #[error("`{0}` is no header name: 1 to {HEADER_NAME_BYTES_MAX} of A-Z a-z 0-9 - _ .")]
    Name(String),
    /// The name is one of the kit's own.
    #[error("header `{0}` is written by the kit; choose a name that does not begin with {RESERVED_PREFIX} or Nats-")]
    Reserved(String),
}

/// Names and values, in order. Names are looked up as they are written, case included.
///
/// ```
/// use alluvium_messaging::Headers;
/// let mut headers = Headers::new();
/// headers.insert("origin", "web");
/// assert_eq!(headers.get_str("origin"), Some("web"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(Cow<'static, str>, Bytes)>);

impl Headers {
    /// None yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// None yet, with room for `count`.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// The last value of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_bytes(name).map(AsRef::as_ref)
    }

    /// The last value of this name, as cheap to clone as it is kept.
    pub fn get_bytes(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().rev().find(|(each, _)| each == name).map(|(_, value)| value)
    }

    /// The last value of this name, when it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// Sets the value of a name, in the place of an earlier one. The name is looked at when the message is published.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        let (name, value) = (name.into(), value.into());
        if let Some((_, old)) = self.0.iter_mut().find(|(each, _)| *each == name) {
            *old = value;
        } else {
            self.0.push((name, value));
        }
    }

    /// Adds a value, besides earlier ones of the name.
    pub fn append(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// Takes out every value of a name; gives the last.
    pub fn remove(&mut self, name: &str) -> Option<Bytes> {
        let value = self.get_bytes(name).cloned();
        if value.is_some() {
            self.0.retain(|(each, _)| each != name);
        }
        value
    }

    /// Keeps what `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Bytes) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The same, with what is known of the names' lifetime.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &(Cow<'static, str>, Bytes)> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of `others`, each in the place of an earlier one of its name.
    pub fn extend(&mut self, others: Self) {
        for (name, value) in others.0 {
            self.insert(name, value);
        }
    }

    /// Bytes of all names and values.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Whether every name can be written.
    pub fn check(&self) -> Result<(), HeaderError> {
        self.0.iter().try_for_each(|(name, _)| check_name(name))
    }
}

impl FromIterator<(String, Bytes)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Bytes)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect())
    }
}

/// Whether a name can be written.
pub fn check_name(name: &str) -> Result<(), HeaderError> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > HEADER_NAME_BYTES_MAX || !name.bytes().all(good) {
        return Err(HeaderError::Name(name.chars().take(HEADER_NAME_BYTES_MAX).collect()));
    }
    Ok(())
}

/// Whether a user of the kit may write a header of this name.
pub fn check_user_name(name: &str) -> Result<(), HeaderError> {
    check_name(name)?;
    let begins = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if begins(RESERVED_PREFIX) || begins("Nats-") { Err(HeaderError::Reserved(name.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_and_order_is_kept() {
        let mut headers = Headers::new();
        headers.insert("b", "1");
        headers.append("a", "2");
        headers.append("b", "3");
        assert_eq!(headers.get_str("b"), Some("3"));
        assert_eq!(headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "a", "b"]);
        assert_eq!(headers.remove("b").as_deref(), Some(&b"3"[..]));
        assert_eq!((headers.len(), headers.get("b"), headers.bytes()), (1, None, 2));
        headers.insert("a", vec![0xff]);
        assert_eq!((headers.get("a"), headers.get_str("a")), (Some(&[0xff][..]), None));
    }

    #[test]
    fn names_that_would_break_a_message_are_refused() {
        for bad in ["", "a b", "a:b", "a\r\nb", "ü", &"x".repeat(HEADER_NAME_BYTES_MAX + 1)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for reserved in ["Alv-Key", "alv-x", "Nats-Msg-Id", "NATS-TTL"] {
            assert!(check_name(reserved).is_ok() && check_user_name(reserved).is_err(), "{reserved}");
        }
        assert!(check_user_name("__value_schema_id").is_ok());
    }
}
