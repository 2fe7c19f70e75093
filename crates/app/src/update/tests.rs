//! Stories about what the application decides.

mod changes;
mod errands;
mod hosting;
mod manage;
mod meanwhile;
mod notices;
mod places;
mod random;
mod setup;
mod traffic;
