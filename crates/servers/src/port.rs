//! Ports that stay ours while a server restarts.

use std::net::{Ipv4Addr, TcpListener};

use crate::{Error, Result, random};

/// Below the range from which Linux takes ports for outgoing connections, so that nothing grabs the port of a server
/// while it is down.
const PORT_MIN: u16 = 20_000;
const PORTS: u16 = 12_000;
const TRIES_MAX: usize = 100;

/// Picks a port on 127.0.0.1 that nothing listens on now. Who uses it must still be ready to find it taken.
pub fn pick_port() -> Result<u16> {
    let mut port = PORT_MIN;
    for _ in 0..TRIES_MAX {
        port = PORT_MIN + u16::from_le_bytes(random()?) % PORTS;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(Error::PortTaken { port })
}

/// Whether nothing listens on `port` of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
