//! How processes of one user on one computer talk: the one that hosts, and those that ask it.
//!
//! Whoever holds a state directory, or one of the directories of `adit up`, listens on a socket in it that
//! only its user can open (a named pipe on Windows). What goes over it is one JSON object a line, with a
//! version; see [`Request`] and [`Reply`]. A connection may ask several things, one after the other.
//!
//! Nothing here decides what is hosted: the server hands each question to the process that runs it.

mod address;
mod client;
mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use client::{Client, is_served};
pub use server::{Answers, Asked, Server};
pub use wire::{Reply, Request, Status, VERSION};
