//! `adit completions`: what a shell needs to complete the command line.

use adit_app::failure::{Failure, Outcome};
use clap_complete::Shell;

use crate::args;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  adit completions bash > ~/.local/share/bash-completion/completions/adit
  adit completions fish > ~/.config/fish/completions/adit.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "adit", &mut script);
    use std::io::Write;
    std::io::stdout().write_all(&script).map_err(|error| Failure::output(&error))
}
