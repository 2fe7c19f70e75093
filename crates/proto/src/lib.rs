//! The decisions of Adit: the Dev Tunnels wire protocol, contracts and keep-alive policy, without any IO.

pub mod access;
pub mod backoff;
pub mod change;
pub mod constraints;
pub mod contracts;
pub mod deadline;
pub mod health;
pub mod host;
pub mod id;
pub mod registry;
pub mod relay;
pub mod renewal;
pub mod span;
pub mod ssh;
pub mod token;
