//! The desktop app by its elements, its menu and its notifications. One program, since each that draws is large.

#[cfg(not(any(windows, target_os = "macos")))]
mod bus;
mod common;

mod add_port;
mod asked;
mod controls;
mod events;
mod first_run;
mod keyboard;
mod log;
mod main_window;
mod never_blocks;
mod new_tunnel;
#[cfg(not(any(windows, target_os = "macos")))]
mod notifications_bus;
mod pictures;
mod places;
mod pulse;
mod requests;
mod settings;
mod sheet;
#[cfg(not(any(windows, target_os = "macos")))]
mod system;
#[cfg(not(any(windows, target_os = "macos")))]
mod tray;
#[cfg(not(any(windows, target_os = "macos")))]
mod tray_bus;
mod words;
