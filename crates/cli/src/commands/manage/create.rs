//! `adit create`: a tunnel that stays, to be hosted now or later.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::service::full_id;
use adit_proto::contracts::Tunnel;
use adit_tunnel::management::{Locator, Management, Want};
use adit_wire::clock;
use jiff::Timestamp;

use super::define::NewTunnel;
use super::foreign;
use super::show::print_tunnel;
use super::target::On;
use crate::context::Context;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A tunnel made here has no ports yet: `adit port create -p 3000` adds one, `adit host` serves it.
It becomes the default tunnel, the one that other commands mean when none is named.

Examples:
  adit create                        an id is made up
  adit create shop -e 7d -l web v1   gone 7 days after its last use; found by its labels
  adit create -a -j                  open to everybody for 8 hours; the answer as JSON")]
pub(crate) struct Args {
    /// The tunnel's id; made up where none is given.
    #[arg(value_name = "ID")]
    id: Option<Locator>,

    #[command(flatten)]
    define: NewTunnel,

    #[command(flatten)]
    foreign: foreign::Audience,

    #[command(flatten)]
    on: On,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    args.foreign.refuse()?;
    let id = requested(args.id)?;
    let service = args.on.open(context)?;
    let now = clock::wall();
    let tunnel = Tunnel { tunnel_id: id.clone(), ..define(args.define, now) };
    let made = service.rest.create(&tunnel, Want::PORTS).await.map_err(|error| {
        let id = id.map(|id| format!(" {id}")).unwrap_or_default();
        Failure::service(format_args!("create the tunnel{id}"), &error)
    })?;
    let id = full_id(&made)?;
    context.profile.default_tunnels()?.put(service.relay, id)?;
    print_tunnel(made, context)
}

/// The definition of a new tunnel.
pub(crate) fn define(define: NewTunnel, now: Timestamp) -> Tunnel {
    Tunnel {
        labels: define.new.labels(),
        access_control: Some(define.access().to_contract(now)),
        custom_expiration: define.expiration.map(|expiration| expiration.0),
        description: define.new.description,
        options: define.new.forwarding.options(),
        ..Tunnel::default()
    }
}

fn requested(id: Option<Locator>) -> Outcome<Option<String>> {
    match id {
        Some(Locator { id, cluster: Some(cluster) }) => {
            let message =
                format!("`{id}.{cluster}` names a cluster, which is the relay's to choose");
            Err(Failure::new(Code::Usage, message).hint(format!("write: adit create {id}")))
        }
        Some(Locator { id, cluster: None }) => Ok(Some(id.to_string())),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn defined(line: &str) -> serde_json::Value {
        let words = std::iter::once("create").chain(line.split_whitespace());
        let args = Line::try_parse_from(words).unwrap().args;
        serde_json::to_value(define(args.define, Timestamp::UNIX_EPOCH)).unwrap()
    }

    #[test]
    fn what_is_not_said_is_left_to_the_relay() {
        assert_eq!(defined("shop"), json!({"accessControl": {"entries": []}}));
    }

    #[test]
    fn each_flag_has_its_place() {
        let line = "shop -a -e 30d -d text -l a b --host-header unchanged --origin-header unchanged \
             --request-timeout 0";
        assert_eq!(
            defined(line),
            json!({
                "description": "text", "labels": ["a", "b"], "customExpiration": 2_592_000,
                "options": {"isHostHeaderUnchanged": true, "isOriginHeaderUnchanged": true,
                    "requestTimeoutSeconds": 0},
                "accessControl": {"entries": [{"type": "Anonymous", "subjects": [],
                    "scopes": ["connect"], "expiration": "1970-01-01T08:00:00Z"}]},
            })
        );
    }

    #[test]
    fn the_cluster_of_a_new_tunnel_is_not_for_the_user_to_say() {
        assert_eq!(requested(None), Ok(None));
        assert_eq!(requested("shop".parse().ok()), Ok(Some("shop".to_owned())));
        let failure = requested("shop.usw2".parse().ok()).unwrap_err();
        assert!(failure.to_string().contains("adit create shop"), "{failure}");
    }
}
