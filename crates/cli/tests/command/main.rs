//! The `adit` command from outside: the real binary, real processes, files in folders of the
//! test's own, and any free port.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod beside_the_app;
mod devtunnel;
mod grammar;
mod headless;
mod here;
mod microsoft;
mod on_a_relay;
mod secrets;
mod sharing;
mod sign_in;
mod status;
mod support;
mod web;
