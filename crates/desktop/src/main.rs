//! Starts the desktop app.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::io::Write as _;
use std::process::ExitCode;
use std::rc::Rc;

use adit_app::environment::Environment;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::words::Language;
use adit_desktop::demo::{Demo, Scene};
use adit_desktop::manual::Page;
use adit_desktop::options::Options;
use adit_desktop::outside::Desktop;
use adit_desktop::ticks::{Ticks, Told};
use adit_desktop::window::Window;
use adit_desktop::{headless, manual, shell};
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
    let _ticks = options.ticks.then(|| Ticks::start(tell_tick));
    let ended = match (options.print, options.demo) {
        (Some(page), _) => print(page),
        (None, Some(scene)) => play(scene),
        (None, None) => shell::run(environment),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            if let Some(hint) = &failure.hint {
                eprintln!("hint: {hint}");
            }
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

/// Prints what a package has besides the program.
fn print(page: Page) -> Outcome {
    manual::write(page, &mut std::io::stdout().lock()).map_err(|error| Failure::output(&error))
}

/// Nobody may read it any more, which ends nothing.
fn tell_tick(told: Told) {
    let _ = writeln!(std::io::stdout(), "{told}");
}
