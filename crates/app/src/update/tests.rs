//! Stories about what the application decides.

mod changes;
mod hosting;
mod manage;
mod notices;
mod places;
mod random;
mod traffic;
