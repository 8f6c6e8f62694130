//! From the first packet to the password.

use bytes::{BufMut as _, BytesMut};

use crate::io::Wire;
use crate::messages::{self, Greeting, Message};
use crate::server::put_welcome;
use crate::settings::PARAMETERS;
use crate::{Encryption, Failure};

/// How often a client may ask for encryption: once for each kind there is.
const ENCRYPTION_REQUESTS_MAX: usize = 2;
/// The step of a login that asks for a password.
const CLEARTEXT_PASSWORD: u32 = 3;

/// What somebody has connected for.
pub(crate) enum Wanted {
    Login { username: String, password: String },
    Cancel { process: u32, secret: u32 },
}

/// Hears what a client wants.
pub(crate) async fn greet(wire: &mut Wire, encryption: &Encryption) -> Result<Wanted, Failure> {
    let mut asked = 0;
    let (minor, parameters) = loop {
        match wire.greeting().await? {
            Greeting::Cancel { process, secret } => return Ok(Wanted::Cancel { process, secret }),
            Greeting::Startup { minor, parameters } => break (minor, parameters),
            Greeting::Tls | Greeting::Gss
                if asked == ENCRYPTION_REQUESTS_MAX || wire.has_more() || wire.is_encrypted =>
            {
                return Err(Failure::protocol("encryption is asked for once, and then waited for"));
            }
            kind @ (Greeting::Tls | Greeting::Gss) => {
                asked += 1;
                let acceptor = encryption.acceptor().filter(|_| kind == Greeting::Tls);
                wire.out.put_u8(if acceptor.is_some() { b'S' } else { b'N' });
                wire.flush().await?;
                if let Some(acceptor) = acceptor {
                    wire.encrypt(acceptor).await?;
                }
            }
        }
    };
    if encryption.is_required() && !wire.is_encrypted {
        return Err(Failure::fatal("28000", "encryption is required here: connect with sslmode=require or stricter"));
    }
    let unknown: Vec<&String> = parameters.keys().filter(|name| name.starts_with("_pq_.")).collect();
    if minor > 0 || !unknown.is_empty() {
        messages::put_version(&mut wire.out, &unknown);
    }
    if parameters.get("replication").is_some_and(|value| value != "false") {
        return Err(Failure::fatal("0A000", "nothing is replicated this way"));
    }
    let encoding = parameters.get("client_encoding").map(|name| name.trim_matches('\'').to_ascii_uppercase());
    if encoding.is_some_and(|name| !matches!(name.as_str(), "UTF8" | "UTF-8" | "UNICODE" | "AUTO" | "SQL_ASCII")) {
        return Err(Failure::fatal("0A000", "only UTF8 is spoken here"));
    }
    let username = parameters.get("user").cloned().unwrap_or_default();
    messages::put_authentication(&mut wire.out, CLEARTEXT_PASSWORD);
    wire.flush().await?;
    match wire.read().await? {
        Message::Password(password) => Ok(Wanted::Login { username, password }),
        _ => Err(Failure::protocol("a password is asked for")),
    }
}

/// Lets a client in.
pub(crate) fn welcome(out: &mut BytesMut, process: u32, secret: u32) {
    put_welcome(out, process, secret, PARAMETERS);
}
