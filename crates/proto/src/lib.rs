//! The decisions of Adit: the Dev Tunnels wire protocol, contracts and keep-alive policy, without any IO.
pub mod relay;
pub mod ssh;
