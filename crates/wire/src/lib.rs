//! Moves the bytes of Adit: websockets, session pumps, TLS, time and tasks.

pub mod change;
pub mod channel;
pub mod clock;
pub mod file;
pub mod handshake;
pub mod http;
pub mod net;
pub mod pump;
pub mod task;
pub mod tls;
pub mod ws;
