//! What of the `devtunnel` command's grammar is understood, and what is refused.

use clap::Parser;

use crate::args::{self, Cli};

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("adit").chain(line.split_whitespace()))
}

#[test]
fn what_scripts_of_the_devtunnel_command_write_is_understood() {
    for line in [
        "user show -j",
        "user login",
        "user login -g -d",
        "user logout --json --nologo",
        "list -j",
        "list --labels web api --limit 3",
        "list --all-labels web api -j",
        "show shop -j",
        "show",
        "create shop -a -e 30d -d text --host-header unchanged --origin-header unchanged \
         --request-timeout 100 -j",
        "create --allow-anonymous --labels a b --json --nologo",
        "create --tags my-web-app v1",
        "update shop --expiration 10d -j",
        "update shop -d text --add-labels a --remove-labels",
        "update --remove-tags",
        "delete shop -f -j",
        "delete shop --force --json --nologo",
        "delete-all",
        "port create shop -p 3000 --protocol http -d text --host-header unchanged -j",
        "port create shop --port-number 3000 --labels a b",
        "port add -p 3000",
        "port list shop",
        "port show shop -p 3000",
        "port update -p 3000 --description text",
        "port delete shop -p 3000 -j",
        "access create shop --anonymous -j",
        "access create shop --port 3000 --anonymous",
        "access create shop --port-number 3000 --deny --anonymous --json --nologo",
        "access create shop -a --expiration 2h",
        "access create shop --tenant",
        "access create shop --org contoso",
        "access create shop -r owner/repo",
        "access create shop --user ann bob --group team --scopes connect host",
        "access list shop --port-number 3000 -j",
        "access delete shop --anonymous",
        "access reset shop -p 3000",
        "token shop --scopes host -j",
        "token shop --scope connect",
        "token shop --scopes connect host -p 3000",
        "show shop --access-token -",
        "set shop",
        "unset",
        "limits -j",
        "clusters --ping",
        "ping",
        "ping https://shop-3000.relay.example.com -i 100 -c 2",
        "echo http --port 8080 --interface 127.0.0.1",
        "echo tcp -p 8080 -I ::1",
        "host",
        "host -p 3000",
        "host -p 3000 5000 --allow-anonymous",
        "host -p 8443 --protocol https --expiration 2d",
        "host shop --host-header unchanged --origin-header unchanged",
        "host shop --port-numbers 3978 --protocol https --allow-anonymous",
        "connect",
    ] {
        if let Err(error) = read(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_a_relay_cannot_do_is_refused() {
    for line in [
        "create UPPER",
        "create shop -e 31d",
        "create shop --protocol http",
        "port create shop",
        "port create shop -p 70000",
        "port create shop -p 22 --protocol tcp",
        "access create shop --scopes create",
        "access create shop --anonymous --expiration never",
        "access delete shop --index 1 --anonymous",
        "token shop",
        "token shop --scopes shost",
        "set",
        "list --labels a --all-labels b",
        "ping tcp://127.0.0.1:1",
        "echo https",
        "echo udp",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}

/// Every command of these, and every flag that is shown in its help.
#[test]
fn the_document_lists_every_command_and_flag() {
    fn check(path: &str, of: &clap::Command, document: &str) {
        assert!(document.contains(&format!("`{path}")), "docs/devtunnel-commands.md lacks {path}");
        for flag in of.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let Some(long) = flag.get_long() else { continue };
            assert!(document.contains(&format!("--{long}")), "it lacks --{long} of {path}");
        }
        for command in of.get_subcommands() {
            check(&format!("{path} {}", command.get_name()), command, document);
        }
    }
    let document = include_str!("../../../../../docs/devtunnel-commands.md");
    let all = args::command();
    for command in all.get_subcommands().filter(|command| command.is_hide_set()) {
        check(command.get_name(), command, document);
    }
}
