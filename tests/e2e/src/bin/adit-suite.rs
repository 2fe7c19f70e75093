//! Runs the black-box suite. `--long` for the long form, `--only PART` for scenarios whose name contains it,
//! `--table PAGE` to put what was measured into that page of the documents, `--list` for the names. Writes
//! `target/suite/report.md` and `report.json`; the exit code says whether all were run and held.

use std::path::PathBuf;
use std::process::ExitCode;

use adit_e2e::suite::{self, Counts, Options};

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: adit-suite [--long] [--only PART | --table PAGE] [--list]");
        return ExitCode::from(64);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(suite::run(&options)) {
        Ok(report) => {
            let Counts { held, failed, skipped } = report.counts();
            let took = report.took.as_secs();
            println!("suite: {held} passed, {failed} failed, {skipped} skipped, in {took} s");
            if report.held() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("the reports cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the arguments say; `None` if they make no sense. `--list` ends the process.
fn options() -> Option<Options> {
    let out = PathBuf::from("target/suite");
    let mut options = Options { long: false, only: None, out, table: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--long" => options.long = true,
            "--only" => options.only = Some(args.next()?),
            "--table" => options.table = Some(args.next()?.into()),
            "--list" => {
                suite::names().for_each(|name| println!("{name}"));
                std::process::exit(0);
            }
            _ => return None,
        }
    }
    // A table of some scenarios would pass for one of all.
    (options.only.is_none() || options.table.is_none()).then_some(options)
}
