//! What Slint makes of the `.slint` files beside this one; nothing is written here by hand.
//!
//! A crate of its own, and not a member of the workspace, because the code is many times what all others have
//! together: so it is compiled once, without debug information, and lints and documentation pass it by.

#![allow(missing_docs, clippy::all)]

slint::include_modules!();
