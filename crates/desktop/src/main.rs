//! Starts the desktop app.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;
use std::rc::Rc;

use adit_app::environment::Environment;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::words::Language;
use adit_desktop::demo::{Demo, Scene};
use adit_desktop::options::Options;
use adit_desktop::outside::Desktop;
use adit_desktop::window::Window;
use adit_desktop::{headless, shell};
use clap::Parser as _;
use jiff::tz::TimeZone;
use slint::ComponentHandle as _;

fn main() -> ExitCode {
    let environment = Environment::read();
    let given: Vec<_> = std::env::args_os().collect();
    if let Some(code) = headless::run(&environment, &given) {
        return code;
    }
    let options = Options::parse_from(given);
    let ended = match options.demo {
        Some(scene) => play(scene),
        None => shell::run(environment),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            shell::tell(&failure);
            failure.exit()
        }
    }
}

/// Shows a scripted world.
fn play(scene: Scene) -> Outcome {
    let failed = |error: slint::PlatformError| {
        Failure::caused(Code::Internal, "the window cannot be shown", &error)
    };
    let desk = Demo::new(scene).desk();
    let window =
        Window::new(desk, Rc::new(Desktop::default()), TimeZone::system(), Language::English)
            .map_err(failed)?;
    slint::spawn_local(window.clone().follow())
        .map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))?;
    window.keep_told();
    window.app().run().map_err(failed)
}
