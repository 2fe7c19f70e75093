//! Runs the black-box suite. `--long` for the long form, `--only PART` for scenarios whose name contains it,
//! `--list` for their names. Writes `target/suite/report.md` and `report.json`; the exit code says whether all
//! held.

use std::path::PathBuf;
use std::process::ExitCode;

use adit_e2e::suite::{self, Options};

fn main() -> ExitCode {
    let mut options = Options { long: false, only: None, out: PathBuf::from("target/suite") };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.len()) {
            ("--long", _) => options.long = true,
            ("--only", 1..) => options.only = args.next(),
            ("--list", _) => {
                suite::names().for_each(|name| println!("{name}"));
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("usage: adit-suite [--long] [--only PART] [--list]");
                return ExitCode::from(64);
            }
        }
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(suite::run(&options)) {
        Ok(report) => {
            let (held, failed) = report.counts();
            println!("suite: {held} passed, {failed} failed");
            if failed == 0 && held > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("the reports cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}
