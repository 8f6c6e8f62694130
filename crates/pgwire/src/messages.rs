//! The messages of the protocol: read with every length checked against what is there, and written.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::Failure;
use crate::types::Oid;

/// What a first packet asks for, by its version.
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// The part of a version that has to fit.
const MAJOR: u32 = 3;

/// The first packet of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// For encryption by TLS.
    Tls,
    /// For encryption by GSSAPI.
    Gss,
    /// To end what another connection does.
    Cancel { process: u32, secret: u32 },
    /// To speak the protocol, at this minor version.
    Startup { minor: u32, parameters: BTreeMap<String, String> },
}

/// What a client says after that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Password(String),
    Query(String),
    Parse { name: String, sql: String, kinds: Vec<Oid> },
    Bind(Bind),
    Describe(Named),
    Execute { portal: String, rows_max: u32 },
    Close(Named),
    Flush,
    Sync,
    Terminate,
}

/// A prepared statement with values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub portal: String,
    pub statement: String,
    pub formats: Vec<i16>,
    pub values: Vec<Option<Bytes>>,
    pub answer_formats: Vec<i16>,
}

/// Something that was named before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Statement(String),
    Portal(String),
}

/// The body of a first packet.
pub(crate) fn greeting(body: Bytes) -> Result<Greeting, Failure> {
    let mut body = Body(body);
    let code = body.u32()?;
    match code {
        SSL => return Ok(Greeting::Tls),
        GSS => return Ok(Greeting::Gss),
        CANCEL => return Ok(Greeting::Cancel { process: body.u32()?, secret: body.u32()? }),
        _ if code >> 16 != MAJOR => {
            return Err(Failure::fatal(
                "0A000",
                format!("protocol {}.{} is not spoken here", code >> 16, code & 0xffff),
            ));
        }
        _ => {}
    }
    let mut parameters = BTreeMap::new();
    loop {
        let name = body.text()?;
        if name.is_empty() {
            return Ok(Greeting::Startup { minor: code & 0xffff, parameters });
        }
        parameters.insert(name, body.text()?);
    }
}

/// A message by its kind and body.
pub(crate) fn message(kind: u8, body: Bytes) -> Result<Message, Failure> {
    let mut body = Body(body);
    let message = match kind {
        b'p' => Message::Password(body.text()?),
        b'Q' => Message::Query(body.text()?),
        b'P' => {
            let (name, sql) = (body.text()?, body.text()?);
            let kinds = body.u16()?;
            Message::Parse { name, sql, kinds: (0..kinds).map(|_| body.u32()).collect::<Result<_, _>>()? }
        }
        b'B' => Message::Bind(Bind {
            portal: body.text()?,
            statement: body.text()?,
            formats: body.formats()?,
            values: body.values()?,
            answer_formats: body.formats()?,
        }),
        b'D' => Message::Describe(body.named()?),
        b'E' => Message::Execute { portal: body.text()?, rows_max: body.u32()? },
        b'C' => Message::Close(body.named()?),
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'd' | b'c' | b'f' => return Err(Failure::protocol("nobody has asked for a copy")),
        other => return Err(Failure::protocol(format!("no message has the kind {other}"))),
    };
    if body.0.is_empty() { Ok(message) } else { Err(Failure::protocol("a message is longer than what it holds")) }
}

struct Body(Bytes);

impl Body {
    fn need(&self, bytes: usize) -> Result<(), Failure> {
        if self.0.len() < bytes { Err(Failure::protocol("a message is shorter than what it holds")) } else { Ok(()) }
    }

    fn u16(&mut self) -> Result<u16, Failure> {
        self.need(2)?;
        Ok(self.0.get_u16())
    }

    fn u32(&mut self) -> Result<u32, Failure> {
        self.need(4)?;
        Ok(self.0.get_u32())
    }

    fn text(&mut self) -> Result<String, Failure> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let end = end.ok_or_else(|| Failure::protocol("a text in a message has no end"))?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        String::from_utf8(text.to_vec()).map_err(|_| Failure::fatal("22021", "a text in a message is not UTF-8"))
    }

    fn formats(&mut self) -> Result<Vec<i16>, Failure> {
        let count = self.u16()?;
        (0..count).map(|_| self.u16().map(u16::cast_signed)).collect()
    }

    fn values(&mut self) -> Result<Vec<Option<Bytes>>, Failure> {
        let count = self.u16()?;
        (0..count)
            .map(|_| {
                let Ok(length) = usize::try_from(self.u32()?.cast_signed()) else { return Ok(None) };
                self.need(length)?;
                Ok(Some(self.0.split_to(length)))
            })
            .collect()
    }

    fn named(&mut self) -> Result<Named, Failure> {
        self.need(1)?;
        match self.0.get_u8() {
            b'S' => self.text().map(Named::Statement),
            b'P' => self.text().map(Named::Portal),
            _ => Err(Failure::protocol("only statements and portals have names")),
        }
    }
}

/// A message of ours, whose body `write` puts behind the length.
fn put(out: &mut BytesMut, kind: u8, write: impl FnOnce(&mut BytesMut)) {
    out.put_u8(kind);
    let at = out.len();
    out.put_u32(0);
    write(out);
    // Bodies are bounded by the messages that cause them, far below what four bytes hold.
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.put_u8(0);
}

/// A message that has nothing in it.
pub(crate) fn put_empty(out: &mut BytesMut, kind: u8) {
    put(out, kind, |_| {});
}

pub(crate) const PARSED: u8 = b'1';
pub(crate) const BOUND: u8 = b'2';
pub(crate) const CLOSED: u8 = b'3';
pub(crate) const NO_DATA: u8 = b'n';
pub(crate) const SUSPENDED: u8 = b's';
pub(crate) const EMPTY_QUERY: u8 = b'I';

/// A step of the login: 0 is its end, 3 asks for a password.
pub(crate) fn put_authentication(out: &mut BytesMut, step: u32) {
    put(out, b'R', |out| out.put_u32(step));
}

/// What the client may count on.
pub(crate) fn put_parameter(out: &mut BytesMut, name: &str, value: &str) {
    put(out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    });
}

/// What ends this connection's statements.
pub(crate) fn put_key(out: &mut BytesMut, process: u32, secret: u32) {
    put(out, b'K', |out| {
        out.put_u32(process);
        out.put_u32(secret);
    });
}

/// The newest version that is spoken, and what is not understood.
pub(crate) fn put_version(out: &mut BytesMut, unknown: &[&String]) {
    put(out, b'v', |out| {
        out.put_u32(0);
        out.put_u32(u32::try_from(unknown.len()).unwrap_or(u32::MAX));
        unknown.iter().for_each(|name| put_text(out, name));
    });
}

pub(crate) fn put_ready(out: &mut BytesMut, status: u8) {
    put(out, b'Z', |out| out.put_u8(status));
}

pub(crate) fn put_complete(out: &mut BytesMut, tag: &str) {
    put(out, b'C', |out| put_text(out, tag));
}

pub(crate) fn put_failure(out: &mut BytesMut, failure: &Failure) {
    let severity = if failure.fatal { "FATAL" } else { "ERROR" };
    put(out, b'E', |out| {
        for (field, text) in [(b'S', severity), (b'V', severity), (b'C', failure.code), (b'M', &failure.message)] {
            out.put_u8(field);
            put_text(out, text);
        }
        out.put_u8(0);
    });
}

/// Types of a statement's parameters.
pub(crate) fn put_params(out: &mut BytesMut, kinds: &[Oid]) {
    put(out, b't', |out| {
        out.put_u16(u16::try_from(kinds.len()).unwrap_or(u16::MAX));
        kinds.iter().for_each(|kind| out.put_u32(*kind));
    });
}

/// A column as it is announced.
pub(crate) struct Field<'a> {
    pub name: &'a str,
    pub kind: Oid,
    pub size: i16,
    pub format: i16,
}

/// The columns of rows that follow.
pub(crate) fn put_fields(out: &mut BytesMut, fields: &[Field<'_>]) {
    put(out, b'T', |out| {
        out.put_u16(u16::try_from(fields.len()).unwrap_or(u16::MAX));
        for field in fields {
            put_text(out, field.name);
            // Of no table that the client could look up.
            out.put_u32(0);
            out.put_u16(0);
            out.put_u32(field.kind);
            out.put_i16(field.size);
            out.put_i32(-1);
            out.put_i16(field.format);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: u8, body: &[u8]) -> Result<Message, Failure> {
        message(kind, Bytes::copy_from_slice(body))
    }

    #[test]
    fn messages_are_read() {
        let bind = read(b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\x01").unwrap();
        let expected = Bind {
            portal: "p".into(),
            statement: "s".into(),
            formats: vec![1],
            values: vec![Some(Bytes::from_static(b"x")), None],
            answer_formats: vec![1],
        };
        assert_eq!(bind, Message::Bind(expected));
        let parse = read(b'P', b"\0SELECT 1\0\0\x01\0\0\0\x17").unwrap();
        assert_eq!(parse, Message::Parse { name: String::new(), sql: "SELECT 1".into(), kinds: vec![23] });
        assert_eq!(read(b'D', b"Sx\0"), Ok(Message::Describe(Named::Statement("x".into()))));
        let startup = greeting(Bytes::from_static(b"\0\x03\0\0user\0me\0\0")).unwrap();
        let parameters = BTreeMap::from([("user".to_owned(), "me".to_owned())]);
        assert_eq!(startup, Greeting::Startup { minor: 0, parameters });
    }

    /// Lengths and counts that say more than is there, and the other way round.
    #[test]
    fn broken_messages_are_refused() {
        let bodies: [&[u8]; 9] = [
            b"",
            b"\0",
            b"x",
            b"\xff\0",
            b"\0\0\xff\xff",
            b"\0\0\0\0\0\x01\x7f\xff\xff\xff",
            b"Zx\0",
            b"x\0\0\0\0\0\0\0\0\0",
            b"\0\0\0\x01",
        ];
        for kind in 0..=255 {
            for body in bodies {
                if let Ok(message) = read(kind, body) {
                    let whole = match message {
                        Message::Query(text) | Message::Password(text) => body.len() == text.len() + 1,
                        Message::Flush | Message::Sync | Message::Terminate => body.is_empty(),
                        _ => false,
                    };
                    assert!(whole, "kind {kind} is read from {body:?}");
                }
            }
        }
        for body in [&b"\0\x03\0\0user"[..], b"\0\x03\0\0user\0", b"\0\x02\0\0\0", b"", b"\x04\xd2\x16\x2e\0\0"] {
            assert!(greeting(Bytes::copy_from_slice(body)).is_err(), "{body:?}");
        }
    }
}
