//! The management API as its clients see it: over a socket, with a plain HTTP client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
#[cfg(unix)]
mod handover;
mod peers;
mod ports;
mod requests;
mod service;
mod sharing;
mod sockets;
mod support;
mod tls;
mod tunnels;
