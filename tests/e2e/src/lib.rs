//! What the black-box tests have in common: peers that run as child processes, a proxy that makes
//! faults, a local server whose bytes can be checked, and deadlines.
//!
//! Nothing here sleeps and hopes: a test waits for what it expects, and fails with its name when
//! that takes longer than [`deadline::PATIENCE`].

pub mod adit;
pub mod browser;
pub mod curl;
pub mod deadline;
pub mod faultproxy;
pub mod lines;
pub mod origin;
pub mod peer;
pub mod relay;
pub mod stage;
pub mod suite;
