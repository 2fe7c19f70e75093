//! Starts the desktop app.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;
use std::rc::Rc;

use adit_app::words::Language;
use adit_desktop::options::Options;
use adit_desktop::outside::Desktop;
use adit_desktop::window::Window;
use adit_desktop::{demo, desk};
use clap::Parser as _;
use jiff::tz::TimeZone;
use slint::ComponentHandle as _;

fn main() -> ExitCode {
    let options = Options::parse();
    let Some(scene) = options.demo else {
        eprintln!("error: the window shows only a scripted world so far: adit-desktop --demo");
        return ExitCode::FAILURE;
    };
    match show(demo::Demo::new(scene).desk()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the window cannot be shown: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(desk: desk::Desk) -> Result<(), slint::PlatformError> {
    let window =
        Window::new(desk, Rc::new(Desktop::default()), TimeZone::system(), Language::English)?;
    slint::spawn_local(window.clone().follow()).map_err(|error| error.to_string())?;
    window.keep_told();
    window.app().run()
}
