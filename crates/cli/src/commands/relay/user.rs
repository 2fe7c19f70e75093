//! `adit relay user`: the users of a relay, changed in its data directory.

use std::path::{Path, PathBuf};

use adit_app::failure::{Code, Failure, Outcome};
use adit_relay::auth::users::{self, UsersError};
use adit_relay::record::User;
use adit_wire::{clock, task};
use serde_json::{Value, json};

use crate::context::Context;
use crate::screen::{print_line, remark};

/// What to do with users.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Add a user and print its API key, which is shown only this once.
    Add {
        /// Letters, digits and `.-_@`.
        name: String,
        /// A group that the user belongs to; may be given several times.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// List users.
    List,
    /// Take a user's key and tokens away; its tunnels stay.
    Revoke {
        /// The user.
        name: String,
    },
}

pub(crate) async fn run(command: Command, data_dir: PathBuf, context: &Context) -> Outcome {
    let json = context.json;
    let work = move || match command {
        Command::Add { name, groups } => add(&data_dir, &name, &groups, json),
        Command::List => list(&data_dir, json),
        Command::Revoke { name } => revoke(&data_dir, &name, json),
    };
    task::blocking("users", work).await
}

fn add(data_dir: &Path, name: &str, groups: &[String], json: bool) -> Outcome {
    let added = users::add(data_dir, name, groups, clock::wall());
    let (user, key) = added.map_err(|error| failure(&error, data_dir))?;
    if json {
        let mut line = describe(&user);
        line["key"] = key.expose().into();
        return print_line(&line.to_string());
    }
    remark(format!("{name} signs in with this key; it is shown only this once:"));
    print_line(key.expose())
}

fn list(data_dir: &Path, json: bool) -> Outcome {
    for user in users::list(data_dir).map_err(|error| failure(&error, data_dir))? {
        if json {
            print_line(&describe(&user).to_string())?;
        } else {
            let state = if user.active { "" } else { "   revoked" };
            let groups = match user.groups.is_empty() {
                true => String::new(),
                false => format!("   in {}", user.groups.join(", ")),
            };
            print_line(&format!("{}{groups}{state}", user.name))?;
        }
    }
    Ok(())
}

fn revoke(data_dir: &Path, name: &str, json: bool) -> Outcome {
    let user = users::revoke(data_dir, name, clock::wall());
    let user = user.map_err(|error| failure(&error, data_dir))?;
    if json {
        return print_line(&describe(&user).to_string());
    }
    print_line(&format!("{name} is revoked: the key and all tokens made with it are void."))
}

fn describe(user: &User) -> Value {
    json!({
        "name": user.name,
        "id": user.id,
        "groups": user.groups,
        "active": user.active,
        "created": user.created,
    })
}

fn failure(error: &UsersError, data_dir: &Path) -> Failure {
    let code = match error {
        UsersError::Name | UsersError::Group => Code::Usage,
        UsersError::Exists(_) => Code::Conflict,
        UsersError::Unknown(_) => Code::NotFound,
        UsersError::Random => Code::Internal,
        UsersError::Store(_) | UsersError::Directory(_) => Code::Storage,
    };
    let what = format!("the relay's data in {}", data_dir.display());
    let failure = Failure::caused(code, what, error);
    match error {
        UsersError::Unknown(_) => failure.hint("see: adit relay user list"),
        _ => failure,
    }
}
