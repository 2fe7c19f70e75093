//! Starts the desktop app.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;

use adit_app::environment::Environment;
use adit_desktop::options::Options;
use adit_desktop::{headless, shell};
use clap::Parser as _;

fn main() -> ExitCode {
    let environment = Environment::read();
    let given: Vec<_> = std::env::args_os().collect();
    if let Some(code) = headless::run(&environment, &given) {
        return code;
    }
    let options = Options::parse_from(given);
    let ended = match options.demo {
        Some(scene) => shell::play(scene, options.minimised),
        None => shell::run(environment, options.minimised),
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
