//! Stories about what the application decides.

mod changes;
mod hosting;
mod places;
mod random;
mod traffic;
