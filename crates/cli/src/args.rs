//! The grammar of the command line. What each command takes is declared beside what it does.

use std::ffi::OsString;
use std::process::ExitCode;

use adit_app::failure::{Code, Failure};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    completions, connect, host, login, logout, manage, manual, place, relay, sample, service,
    share, status, tell, up,
};
use crate::screen::report;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "adit",
    version,
    about = "Put a port of this computer at a URL, and keep it there.",
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP,
    propagate_version = true,
    disable_help_subcommand = false,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Print results, events and errors as JSON.
    #[arg(short, long, global = true)]
    pub(crate) json: bool,

    /// Log more to standard error; -vv and -vvv still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Print no banner; there is none, and scripts of the `devtunnel` command ask for that.
    #[arg(long, global = true, hide = true)]
    nologo: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put local ports at URLs until Ctrl-C.
    Up(up::Args),
    /// Serve tunnels that exist, until Ctrl-C.
    Host(host::Args),
    /// Bring a tunnel's ports to this computer, until Ctrl-C.
    Connect(connect::Args),
    /// Make a link that lets whoever has it visit a private tunnel, for a time.
    Share(share::Args),
    /// Show what is hosted on this computer, and whether its URLs work.
    Status(status::Args),
    /// End the hosting of tunnels, whichever process does it.
    Stop(tell::StopArgs),
    /// Try a tunnel's connection now instead of after its pause.
    Retry(tell::OneArgs),
    /// Take a tunnel from the host that took it; its connections there are cut.
    TakeOver(tell::OneArgs),
    /// Look at everything that tunnels need, and say what mends what is wrong.
    Doctor,
    /// Host tunnels as a service of this user, from login on.
    Service(service::Args),
    /// Run a relay, or manage its users.
    Relay(relay::Args),
    /// Sign in to a relay, or to Microsoft Dev Tunnels.
    Login(login::Args),
    /// Sign out of a relay, or of Microsoft Dev Tunnels.
    Logout(logout::Args),
    /// Show where tunnels live now and which relays know you.
    Whoami,
    /// Choose where tunnels live from now on.
    Use(place::Args),
    /// Serve a sample page, to have something to put at a URL.
    Sample(sample::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Write the man pages to a directory.
    Manual(manual::Args),
    /// Tunnels on a relay, in the words of the `devtunnel` command.
    #[command(flatten)]
    Manage(manage::Command),
}

const AFTER_HELP: &str = "\
Examples:
  adit up 3000                        http://localhost:3000 at a URL, no account needed
  adit up 3000 --lan --anonymous      the same, for a phone on the same Wi-Fi
  adit login https://cp.example.com   sign in to a relay; then `adit up 3000` uses it

Tunnels on a relay, in the words of the `devtunnel` command:
  create list show update delete delete-all   port   access   token   set unset
  user   limits   clusters   ping   echo
`adit --help` says more about how far a URL reaches; `adit help up` about one command.";

const AFTER_LONG_HELP: &str = "\
Examples:
  adit up 3000                        http://localhost:3000 at a URL, no account needed
  adit up 3000 8443:https             two ports; the second speaks TLS
  adit up 3000 --lan --anonymous      for a phone on the same Wi-Fi, for 8 hours
  adit login https://cp.example.com   sign in to a relay; then `adit up 3000` uses it
  adit up 3000 --name shop            the same URL each time, on that relay
  adit share shop --for 2h            a link that opens it to who has no account, for 2 hours
  adit connect quiet-fox-4k9x2bd      a tunnel's ports as ports of this computer
  adit relay                          run a relay of your own

How far a URL reaches:
  Without a relay (--on here) a trial relay runs inside `adit up`. Its URLs reach this
  computer only; with --lan the local network too. With a relay they reach as far as the
  relay does: a relay on the internet makes URLs on the internet. Each URL is printed with
  its reach. A tunnel on a relay is private, for your own key and tokens, unless --anonymous
  opens it to everybody who knows the URL, for a time, or `adit share` to who has a link.

Tunnels on a relay, in the words of the `devtunnel` command (see docs/devtunnel-commands.md):
  adit create shop                    a tunnel that stays; it becomes the default one
  adit port create -p 3000            a port of the default tunnel
  adit access create --anonymous      open to everybody, for 8 hours
  adit host                           serve it
  create       make a tunnel                 port         its ports: create list show update delete
  list         your tunnels                  access       who may visit: create list delete reset
  show         a tunnel with its ports       token        an access token to hand on
  update       change it                     set, unset   the tunnel meant where none is named
  delete       delete it                     user         login, logout, show
  delete-all   delete all of yours           limits, clusters, ping, echo   look around, and test

Where tunnels live:
  --on, else ADIT_ON, else `where` in ./adit.toml, else `adit use`, else the only relay you
  are signed in to, else here.

Files:
  configuration and keys   ~/.config/adit, or ADIT_CONFIG
  state                    ~/.local/state/adit, or ADIT_STATE_DIR
  data of a relay          ~/.local/share/adit/relay, or ADIT_DATA_DIR
  The paths are those of Linux; other systems have theirs. ADIT_API_KEY is used before any
  stored key.

Exit codes:
  0 done   1 conflict or any other failure   2 not found   5 already running   64 usage
  69 unreachable   77 sign-in or access   130 interrupted";

/// Reads the command line.
///
/// # Errors
/// With the code to exit with, when there is nothing to do: help was printed, or the arguments make
/// no sense, which has been said.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Cli, ExitCode> {
    let args = args.into_iter().map(|word| if word == "-?" { "--help".into() } else { word });
    let args: Vec<OsString> = args.collect();
    let json = wants_json(&args);
    let error = match Cli::try_parse_from(args) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if json && !is_answer {
        let failure = usage(&error);
        report(&failure, true);
        return Err(failure.exit());
    }
    // Prints to standard output what was asked for, and errors to standard error. If that is gone
    // there is nobody to tell.
    let _ = error.print();
    Err(if is_answer { ExitCode::SUCCESS } else { Code::Usage.exit().into() })
}

/// The grammar, for completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Whether JSON was asked for, as far as can be told from arguments that may make no sense.
fn wants_json(args: &[OsString]) -> bool {
    let words = args.iter().skip(1).map_while(|word| word.to_str().filter(|word| *word != "--"));
    let is_json = |word: &str| {
        word == "--json"
            || word.strip_prefix('-').is_some_and(|flags| {
                flags.contains('j') && flags.bytes().all(|flag| flag == b'j' || flag == b'v')
            })
    };
    words.into_iter().any(is_json)
}

fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
        lines.join(" ")
    });
    let first = paragraphs.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(&first);
    Failure::new(Code::Usage, message).hint("see: adit --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("adit").chain(line.split_whitespace()))
    }

    #[test]
    fn the_grammar_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn what_people_write_is_understood() {
        for line in [
            "up",
            "up 3000",
            "up 3000 3001:https --on here --lan --anonymous --qr",
            "up 3000 --anonymous=90m --name shop --on https://cp.x.example --show-query",
            "up --json 3000",
            "-j up 3000",
            "up 3000 -j -vv",
            "host quiet-fox-4k9x2bd.loc1 calm-brook-4k9x2bd.loc1 --json",
            "host shop --on cp.x.example",
            "host shop.euw --on microsoft --renew",
            "up 3000:https --on microsoft --name shop --replace-ports",
            "login microsoft --github --device-code",
            "logout microsoft",
            "use microsoft",
            "connect quiet-fox-4k9x2bd.loc1",
            "relay",
            "relay --config relay.toml",
            "relay user add ann --group team --group ops",
            "relay user add ann --config relay.toml",
            "relay user list",
            "relay user revoke ann",
            "login https://cp.x.example",
            "logout",
            "logout https://cp.x.example",
            "whoami",
            "use here",
            "use https://cp.x.example",
            "status",
            "status --watch --json",
            "share",
            "share shop --port 5173 --for 2d",
            "share shop --on cp.x.example --json",
            "share shop --list",
            "share shop --revoke all",
            "stop shop quiet-fox-4k9x2bd.loc1",
            "stop --all",
            "retry shop",
            "take-over shop",
            "doctor --json",
            "service install shop --print",
            "service uninstall",
            "service status",
            "sample",
            "sample 3000",
            "completions bash",
            "manual target/man",
        ] {
            if let Err(error) = read(line) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "down",
            "up 0",
            "up 65536",
            "up 3000:tcp",
            "up http://localhost:3000",
            "up 3000 --anonymous=soon",
            "up 3000 --name Shop!",
            "up 3000 --on nowhere",
            "host no.such.id",
            "host -p 0",
            "host --protocol https",
            "host -p 22 --protocol ssh",
            "connect UPPER",
            "relay user",
            "relay user add",
            "login",
            "login ftp://x.example",
            "use",
            "stop",
            "stop shop --all",
            "take-over",
            "share shop --port 0",
            "share shop --for 31d",
            "share shop --list --port 1",
            "share shop --list --revoke all",
            "share shop --revoke",
            "sample 0",
            "completions tcsh",
            "whoami extra",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    /// Where other users of the computer could read it. A dash is none: it stands for standard input.
    #[test]
    fn no_flag_takes_a_key() {
        fn visit(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let is_dash = argument.get_value_names().is_some_and(|names| names == ["-"]);
                let is_secret = ["key", "token", "password"].iter().any(|it| name.contains(it));
                assert!(!is_secret || is_dash, "{name}");
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&command());
    }

    #[test]
    fn the_help_names_every_command() {
        let (short, long) =
            (command().render_help().to_string(), command().render_long_help().to_string());
        for of in command().get_subcommands() {
            let is_apart = |char: char| !char.is_ascii_alphanumeric() && char != '-';
            let named = |help: &str| help.split(is_apart).any(|word| word == of.get_name());
            assert!(named(&short) && named(&long), "{}", of.get_name());
        }
    }

    #[test]
    fn a_script_is_told_in_json_even_of_arguments_that_make_no_sense() {
        let wants = |line: &str| {
            wants_json(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
        };
        for line in ["adit --json up 0", "adit up 0 -j", "adit -vj up", "adit -jv nonsense"] {
            assert!(wants(line), "{line}");
        }
        for line in ["adit up 0", "adit up -- --json", "adit --jason", "json"] {
            assert!(!wants(line), "{line}");
        }
        let failure = usage(&read("up 65536").unwrap_err());
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.message.contains("65536") && !failure.message.contains('\n'), "{failure}");
    }

    #[test]
    fn the_first_help_fits_on_a_screen() {
        let help = command().render_help().to_string();
        let lines = help.lines().count();
        assert!(lines <= 40, "{lines} lines:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
