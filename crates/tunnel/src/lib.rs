//! Hosts tunnels and connects to them: the host engine, the client and the management API.

pub mod forward;
pub mod inspect;
pub mod management;
