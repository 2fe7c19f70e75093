//! `adit manual`: the man pages, for packages.

use std::path::PathBuf;

use adit_app::durable::cannot;
use adit_app::failure::Outcome;

use crate::args;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to put them; it is made if it is not there.
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Outcome {
    // The help leaves out the words of `devtunnel`, to be short; they have their pages all the same.
    let command = args::command().mut_subcommands(|command| command.hide(false));
    std::fs::create_dir_all(&args.directory)
        .and_then(|()| clap_mangen::generate_to(command, &args.directory))
        .map_err(|error| cannot("write the man pages to", &args.directory, &error))
}
