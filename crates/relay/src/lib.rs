//! The self-hosted relay of Adit: management API, relay sockets and HTTP edge.

pub mod auth;
pub mod body;
pub mod config;
pub mod directory;
pub mod edge;
pub mod hub;
pub mod record;
pub mod seams;
pub mod store;
mod switch;
pub mod ws;
