//! Stories about what the application decides.

mod changes;
mod hosting;
mod notices;
mod places;
mod random;
mod setup;
mod traffic;
