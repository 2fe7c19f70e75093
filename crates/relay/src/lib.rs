//! The self-hosted relay of Adit: management API, relay sockets and HTTP edge.

mod admin;
mod api;
pub mod auth;
pub mod body;
pub mod config;
pub mod course;
pub mod directory;
pub mod edge;
pub mod front;
pub mod handover;
pub mod hub;
pub mod metrics;
pub mod record;
pub mod seams;
pub mod server;
pub mod sharing;
pub mod store;
mod switch;
pub mod ws;

pub use server::Server;
