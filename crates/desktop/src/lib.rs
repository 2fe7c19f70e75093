//! The desktop app: a window over the application.
//!
//! Nothing is decided here. [`adit_app`] folds all it knows into a [`View`](adit_app::view::View); the adapters turn
//! that into what the interface shows, and what people do into [commands](adit_app::command::Command). The interface
//! itself is in `ui/`, a crate of its own; `README.md` says where a screen, a dialog and a text go.

pub mod adapter;
pub mod around;
pub mod demo;
pub mod desk;
pub mod headless;
pub mod login;
pub mod manual;
pub mod notify;
pub mod options;
pub mod outside;
pub mod shell;
pub mod system;
pub mod ticks;
pub mod tray;
pub mod window;

use adit_desktop_ui as ui;
pub use adit_desktop_ui::*;
