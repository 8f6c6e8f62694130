//! Packets out of a socket and into it.

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::Failure;
use crate::messages::{self, Greeting, Message};

/// The largest message of a client, in bytes: a statement with its parameters.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// The largest message of who has not logged in yet, in bytes.
const GREETING_BYTES_MAX: usize = 10_000;
/// Bytes of answers that wait before they are sent.
const OUT_BYTES: usize = 64 << 10;
/// A packet's length, which counts itself.
const LENGTH_BYTES: usize = 4;

/// What bytes go through, encrypted or not.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// One client's connection.
pub(crate) struct Wire {
    socket: Box<dyn Socket>,
    /// Whether nobody on the way can read it.
    pub is_encrypted: bool,
    incoming: BytesMut,
    /// What is sent next.
    pub out: BytesMut,
    bytes_max: usize,
}

impl Wire {
    pub fn new(socket: TcpStream) -> Self {
        Self {
            socket: Box::new(socket),
            is_encrypted: false,
            incoming: BytesMut::new(),
            out: BytesMut::new(),
            bytes_max: GREETING_BYTES_MAX,
        }
    }

    /// Encrypts what comes from here on, as the client has been told.
    pub async fn encrypt(&mut self, acceptor: &TlsAcceptor) -> Result<(), Failure> {
        let bare = std::mem::replace(&mut self.socket, Box::new(tokio::io::empty()));
        // Who does not get through this cannot be told anything either.
        self.socket = Box::new(acceptor.accept(bare).await.map_err(|_| Failure::gone())?);
        self.is_encrypted = true;
        Ok(())
    }

    /// What comes next is of somebody who may ask.
    pub fn trusted(&mut self) {
        self.bytes_max = MESSAGE_BYTES_MAX;
    }

    /// The next first packet; there may be one for encryption before the real one.
    pub async fn greeting(&mut self) -> Result<Greeting, Failure> {
        loop {
            if let Some(body) = self.packet(0)? {
                return messages::greeting(body);
            }
            self.more().await?;
        }
    }

    /// Whether more came than was asked for: before encryption is answered, nothing else may be said.
    pub fn has_more(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// The next message. Dropped in between, nothing of it is lost.
    pub async fn read(&mut self) -> Result<Message, Failure> {
        loop {
            let kind = self.incoming.first().copied();
            if let (Some(kind), Some(body)) = (kind, self.packet(1)?) {
                return messages::message(kind, body);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.socket.read_buf(&mut self.incoming).await {
            Ok(0) | Err(_) => Err(Failure::gone()),
            Ok(_) => Ok(()),
        }
    }

    /// The body of a packet that is here as a whole, whose length stands at `at`.
    fn packet(&mut self, at: usize) -> Result<Option<Bytes>, Failure> {
        let Some(length) = self.incoming.get(at..at + LENGTH_BYTES) else { return Ok(None) };
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if !(LENGTH_BYTES..=self.bytes_max).contains(&length) {
            return Err(Failure::protocol(format!("a message has {LENGTH_BYTES} to {} bytes", self.bytes_max)));
        }
        if self.incoming.len() < at + length {
            return Ok(None);
        }
        self.incoming.advance(at + LENGTH_BYTES);
        Ok(Some(self.incoming.split_to(length - LENGTH_BYTES).freeze()))
    }

    /// Sends when much waits.
    pub async fn drain(&mut self) -> Result<(), Failure> {
        if self.out.len() >= OUT_BYTES { self.flush().await } else { Ok(()) }
    }

    pub async fn flush(&mut self) -> Result<(), Failure> {
        while !self.out.is_empty() {
            self.socket.write_buf(&mut self.out).await.map_err(|_| Failure::gone())?;
        }
        self.socket.flush().await.map_err(|_| Failure::gone())
    }

    /// The last message, as far as the client takes it.
    pub async fn farewell(mut self, failure: &Failure) {
        messages::put_failure(&mut self.out, failure);
        // Whoever is gone is not told.
        let _ = self.flush().await;
        let _ = self.socket.shutdown().await;
    }
}
