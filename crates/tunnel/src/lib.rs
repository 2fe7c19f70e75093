//! Hosts tunnels and connects to them: the host engine, the client and the management API.

pub mod client;
mod events;
pub mod forward;
pub mod host;
pub mod inspect;
pub mod management;
mod probe;
mod socket;
pub mod told;

pub use socket::SocketError;

/// A number for back-off and the like.
fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system's randomness is always there");
    u64::from_le_bytes(bytes)
}
