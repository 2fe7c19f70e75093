//! Stories about what the application decides.

mod changes;
mod errands;
mod hosting;
mod notices;
mod places;
mod random;
mod traffic;
