//! The application with its files, its relay and its services, and no window.

mod world;

mod controller;
mod detail;
mod here;
mod manage;
mod setup;
