//! The application without any of its faces: where tunnels live and who is signed in, what is kept
//! in files and how, and who may do a thing on this computer.
//!
//! The command line and the desktop app stand on it; nothing in here prints, draws or parses
//! arguments.

pub mod access;
pub mod autostart;
pub mod cause;
pub mod claim;
pub mod command;
pub mod condition;
pub mod control;
pub mod controller;
pub mod credentials;
pub mod default_tunnels;
pub mod desk;
pub mod doctor;
pub mod durable;
pub mod effect;
pub mod embedded;
pub mod environment;
pub mod event;
pub mod face;
pub mod failure;
pub mod form;
pub mod history;
pub mod journal;
pub mod known;
pub mod lines;
pub mod local;
pub mod login;
pub mod manage;
pub mod message;
pub mod microsoft;
pub mod moment;
pub mod name;
pub mod persist;
pub mod place;
pub mod place_key;
pub mod placement;
pub mod places;
pub mod port;
pub mod preferences;
pub mod profile;
pub mod reach;
pub mod relay_url;
pub mod removal;
pub mod run;
pub mod running;
pub mod sample;
#[cfg(windows)]
pub mod sender;
pub mod service;
pub mod settings;
pub mod setup;
pub mod state;
pub mod status;
pub mod traffic;
pub mod tunnel_key;
pub mod unit;
pub mod update;
pub mod view;
pub mod words;
