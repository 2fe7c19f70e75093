//! What the flags of the `devtunnel host` command do before anything is hosted: they make a tunnel for
//! this run, or bring one that exists to what they say.

use adit_app::access::Access;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::Place;
use adit_app::service::full_id;
use adit_proto::contracts::{AccessControl, Protocol, Tunnel, TunnelPort};
use adit_tunnel::management::{Locator, Management, Want, access};
use adit_wire::clock;
use jiff::Timestamp;

use crate::commands::manage::create::define;
use crate::commands::manage::define::{NewTunnel, Speaks};
use crate::commands::manage::foreign;
use crate::commands::manage::target::default_on;
use crate::context::Context;
use crate::screen::remark;
use crate::signal::Requests;

/// What is to be hosted besides tunnels that are as they should be.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct With {
    /// Local ports, separated by spaces: of a new tunnel that goes away at the end, or to add to the
    /// one that is named.
    #[arg(
        short = 'p',
        long = "port-numbers",
        visible_alias = "port",
        alias = "port-number",
        value_name = "PORT",
        num_args = 1..,
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    ports: Vec<u16>,

    /// What the servers on these ports speak: http, https or auto, which finds out.
    #[arg(long, requires = "ports")]
    protocol: Option<Speaks>,

    #[command(flatten)]
    define: NewTunnel,

    #[command(flatten)]
    foreign: foreign::Audience,

    #[command(flatten)]
    token: foreign::HostToken,
}

/// What to host.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) tunnels: Vec<Locator>,
    /// Whether it was made for this run.
    temporary: bool,
}

/// A tunnel that nobody removed goes away by itself after this time without a host, the shortest
/// that there is.
const TEMPORARY_SECONDS: u32 = 3600;

/// Brings everything to what is asked for.
pub(super) async fn prepare(
    service: &dyn Management,
    tunnels: Vec<Locator>,
    with: With,
    place: &str,
    context: &Context,
) -> Outcome<Prepared> {
    with.check(tunnels.len())?;
    if tunnels.is_empty() && !with.ports.is_empty() {
        let made = service.create(&with.made(clock::wall()), Want::NOTHING).await;
        let made = made.map_err(|error| Failure::service("make a tunnel", &error))?;
        let id = full_id(&made)?;
        if !context.json {
            remark(format!("{id} is temporary: it is deleted when this ends"));
        }
        return Ok(Prepared { tunnels: vec![id.into()], temporary: true });
    }
    let tunnels = match tunnels.is_empty() {
        true => vec![default_at(place, context)?],
        false => tunnels,
    };
    if let ([tunnel], false) = (&tunnels[..], with.is_nothing()) {
        with.adjust(service, tunnel).await?;
    }
    Ok(Prepared { tunnels, temporary: false })
}

/// The tunnel that is meant where none is named.
fn default_at(place: &str, context: &Context) -> Outcome<Locator> {
    match place.parse() {
        Ok(Place::Relay(relay)) => default_on(&relay, context),
        _ => Err(Failure::new(
            Code::Usage,
            format!("no tunnel is given, and `{place}` has no default"),
        )
        .hint("name one: adit host <tunnel>")),
    }
}

impl Prepared {
    /// Takes back what was made for this run, and passes on how that ended.
    pub(super) async fn take_back(self, service: &dyn Management, ended: Outcome) -> Outcome {
        let in_haste = ended.as_ref().is_err_and(|failure| failure.code == Code::Interrupted);
        let [tunnel] = &self.tunnels[..] else { return ended };
        if !self.temporary || in_haste {
            return ended;
        }
        let removed = async { Ok(service.delete(tunnel).await) };
        if let Err(error) = Requests::listen()?.unless(removed).await? {
            let failure = Failure::service(format_args!("remove the tunnel {tunnel}"), &error);
            remark(format!("{}; the relay removes it when it has expired", failure.message));
        }
        ended
    }
}

impl With {
    /// Whether these flags can be meant with so many tunnels.
    fn check(&self, tunnels: usize) -> Outcome {
        self.foreign.refuse()?;
        self.token.refuse()?;
        if tunnels > 1 && !self.is_nothing() {
            let message =
                format!("flags that change a tunnel are for one, and {tunnels} are named");
            return Err(Failure::new(Code::Usage, message)
                .hint("change each with `adit update` and `adit port create`, then host them"));
        }
        Ok(())
    }

    fn is_nothing(&self) -> bool {
        let NewTunnel { new, expiration, anonymous } = &self.define;
        let is_defined = expiration.is_some() || anonymous.is_some();
        self.ports.is_empty() && !is_defined && new.clone().change().is_nothing()
    }

    /// A new tunnel for this run.
    fn made(&self, now: Timestamp) -> Tunnel {
        let tunnel = define(self.define.clone(), now);
        Tunnel {
            ports: Some(self.ports.iter().map(|number| self.port(*number)).collect()),
            custom_expiration: tunnel.custom_expiration.or(Some(TEMPORARY_SECONDS)),
            ..tunnel
        }
    }

    fn port(&self, port_number: u16) -> TunnelPort {
        TunnelPort { port_number, protocol: self.protocol(), ..TunnelPort::default() }
    }

    fn protocol(&self) -> Option<Protocol> {
        self.protocol.clone().map(|Speaks(protocol)| protocol)
    }

    /// Brings a tunnel that exists to what is asked for. What is not named stays.
    async fn adjust(&self, service: &dyn Management, at: &Locator) -> Outcome {
        let failure = |error| Failure::service(format_args!("set up the tunnel {at}"), &error);
        let known = service.get(at, Want::PORTS).await.map_err(failure)?;
        if let Some(changed) = self.changed(&known, clock::wall()) {
            service.update(&changed, Want::NOTHING).await.map_err(failure)?;
        }
        for number in &self.ports {
            let port = self.port(*number);
            match known.port(*number) {
                None => service.create_port(at, &port).await.map(drop).map_err(failure)?,
                Some(known) if port.protocol.is_some() && known.protocol != port.protocol => {
                    service.update_port(at, &port).await.map(drop).map_err(failure)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What changes in a tunnel that exists, besides its ports.
    fn changed(&self, known: &Tunnel, now: Timestamp) -> Option<Tunnel> {
        let NewTunnel { new, expiration, .. } = &self.define;
        let change = new.clone().change();
        let opened = self.define.access();
        if change.is_nothing() && expiration.is_none() && opened == Access::Private {
            return None;
        }
        let open = |known: AccessControl| {
            let new = opened.to_contract(now).entries.into_iter();
            let entries = new.fold(known.entries, |all, entry| access::with(all, entry, now));
            AccessControl { entries }
        };
        let access_control = match opened {
            Access::Private => None,
            Access::Anonymous(_) => Some(open(known.access_control.clone().unwrap_or_default())),
        };
        Some(Tunnel {
            custom_expiration: expiration.map(|expiration| expiration.0),
            access_control,
            ..change.of_tunnel(known)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        with: With,
    }

    fn with(line: &str) -> With {
        let words = std::iter::once("host").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}")).with
    }

    fn made(line: &str) -> Value {
        serde_json::to_value(with(line).made(Timestamp::UNIX_EPOCH)).unwrap()
    }

    #[test]
    fn ports_alone_make_a_private_tunnel_that_does_not_last() {
        for line in ["-p 3000 5000", "-p 3000 -p 5000", "--port-numbers 3000,5000"] {
            assert_eq!(
                made(line),
                json!({"accessControl": {"entries": []}, "customExpiration": 3600,
                    "ports": [{"portNumber": 3000}, {"portNumber": 5000}]}),
                "{line}"
            );
        }
    }

    #[test]
    fn the_flags_of_the_official_command_have_their_places() {
        let tunnel = made("-p 8443 --protocol https --allow-anonymous --expiration 2d -l a b");
        assert_eq!(tunnel["ports"], json!([{"portNumber": 8443, "protocol": "https"}]));
        assert_eq!(tunnel["customExpiration"], 172_800);
        assert_eq!(tunnel["labels"], json!(["a", "b"]));
        let entry = &tunnel["accessControl"]["entries"][0];
        assert_eq!(entry["expiration"], "1970-01-01T08:00:00Z");
    }

    #[test]
    fn a_tunnel_that_exists_is_changed_only_where_it_is_said() {
        let known: Tunnel = serde_json::from_value(json!({
            "tunnelId": "shop", "clusterId": "loc1", "labels": ["a"],
            "accessControl": {"entries": [
                {"type": "Users", "subjects": ["u"], "scopes": ["connect"]}]},
        }))
        .unwrap();
        let changed = |line: &str| with(line).changed(&known, Timestamp::UNIX_EPOCH);
        assert_eq!(changed("-p 3000"), None);
        let headers = changed("--host-header unchanged --origin-header unchanged").unwrap();
        assert!(headers.access_control.is_none() && headers.labels.is_none());
        assert!(headers.options.unwrap().is_host_header_unchanged.unwrap());
        let opened = changed("-a").unwrap().access_control.unwrap().entries;
        assert_eq!(opened.len(), 2);
        assert_eq!(opened[0].subjects, ["u"]);
    }

    #[test]
    fn flags_that_change_a_tunnel_are_for_one() {
        assert_eq!(with("").check(2), Ok(()));
        assert_eq!(with("-a").check(1), Ok(()));
        assert_eq!(with("-a").check(2).unwrap_err().code, Code::Usage);
        assert_eq!(with("--tenant").check(1).unwrap_err().code, Code::Usage);
        let failure = with("-t -").check(1).unwrap_err();
        assert!(failure.to_string().contains("adit login"), "{failure}");
    }
}
