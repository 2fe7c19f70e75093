//! Starts the desktop app.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::io::Write as _;
use std::process::ExitCode;

use adit_app::environment::Environment;
use adit_app::failure::{Failure, Outcome};
use adit_desktop::manual::Page;
use adit_desktop::options::Options;
use adit_desktop::ticks::{Ticks, Told};
use adit_desktop::{headless, manual, shell};
use clap::Parser as _;

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
        (None, Some(scene)) => shell::play(scene, options.minimised),
        (None, None) => shell::run(environment, options.minimised),
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

/// Prints what a package has besides the program.
fn print(page: Page) -> Outcome {
    manual::write(page, &mut std::io::stdout().lock()).map_err(|error| Failure::output(&error))
}

/// Nobody may read it any more, which ends nothing.
fn tell_tick(told: Told) {
    let _ = writeln!(std::io::stdout(), "{told}");
}
