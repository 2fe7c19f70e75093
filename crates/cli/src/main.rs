//! The `adit` command: reads its arguments, runs one command, and says how it ended.
//!
//! Nothing is decided here about tunnels: the engines are in `adit_tunnel`, the relay in
//! `adit_relay`. Here is what people and scripts see of them.

mod args;
mod check;
mod commands;
mod context;
mod headless;
mod logging;
mod manager;
mod output;
mod project;
mod report;
mod screen;
mod signal;

use std::process::ExitCode;

use adit_app::environment::Environment;
use adit_app::failure::{Code, Failure, Outcome};

use crate::args::Cli;
use crate::context::Context;

fn main() -> ExitCode {
    let environment = Environment::read();
    let args = match headless::args(std::env::args_os().collect(), &environment) {
        Ok(args) => args,
        Err(failure) => {
            screen::report(&failure, false);
            return failure.exit();
        }
    };
    let cli = match args::parse(args) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let json = cli.json;
    match run(cli, environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::report(&failure, json);
            failure.exit()
        }
    }
}

fn run(cli: Cli, environment: Environment) -> Outcome {
    logging::start(cli.verbose, &environment)?;
    let context = Context::new(cli.json, environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))?;
    let outcome = runtime.block_on(async {
        let outcome = commands::run(cli, context).await;
        output::finish().await;
        outcome
    });
    // What may still wait is a read of standard input, which nothing can call off.
    runtime.shutdown_background();
    outcome
}
