//! The public HTTP side of the relay: a visitor's request to a tunnel's port.

pub mod headers;
pub mod options;
pub mod pages;
pub mod problem;
pub mod route;
