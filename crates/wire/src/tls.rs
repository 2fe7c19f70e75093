//! TLS on either side, with the primitives of aws-lc-rs named explicitly: nothing here depends on
//! a process-wide default.

mod client;
mod server;

pub use client::{Client, Distrust, Error};
pub use server::{FileError, Server};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// The only application protocol spoken over TLS here.
const HTTP_1_1: &[u8] = b"http/1.1";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
