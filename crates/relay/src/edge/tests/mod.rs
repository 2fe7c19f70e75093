//! Visits, told as stories: raw bytes on both sides of a real edge.

mod access;
mod detection;
mod exchange;
mod faults;
mod leaving;
mod local;
mod looks;
mod reuse;
mod sharing;
mod support;
mod talk;
mod upgrade;
