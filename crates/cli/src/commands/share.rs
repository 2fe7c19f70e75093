//! `adit share`: a link that lets whoever has it visit a private tunnel, for a time.

use adit_app::access::Open;
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::place::{Because, Place};
use adit_proto::contracts::TunnelLink;
use adit_tunnel::management::{Error, Link, Locator, Management, Rest};
use adit_wire::clock;
use serde_json::json;

use super::manage::target::Target;
use crate::context::Context;
use crate::screen::{print_line, remark};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever has the link can open the tunnel in a browser, without an account, until it ends or you
revoke it; keep it like a key. It is shown once. The tunnel stays closed to everybody else, and the
link lets nobody do more than visit.

Examples:
  adit share shop                        every port of it, for 8 hours
  adit share shop --port 5173 --for 2d
  adit share shop --list
  adit share shop --revoke k3x9vq2mpa    or: --revoke all")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// The only port that the link opens; all of the tunnel's without it.
    #[arg(
        short,
        long,
        alias = "port-number",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    port: Option<u16>,

    /// How long the link works, from 1m to 30d.
    #[arg(long = "for", value_name = "TIME", default_value = Open::DEFAULT)]
    time: Open,

    /// Show which links there are; what they are made of is not known any more.
    #[arg(long, conflicts_with_all = ["port", "time", "revoke"])]
    list: bool,

    /// End a link, by what `--list` calls it, or `all`: who came by it is let in no more, and open WebSockets end.
    #[arg(long, value_name = "LINK", conflicts_with_all = ["port", "time"])]
    revoke: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let (place, because) = args.target.place(context)?;
    check(&place, because)?;
    let (service, at) = args.target.open(context).await?;
    let of = Of { rest: service.rest, at };
    match args.revoke {
        Some(link) => of.revoke(&link, context).await,
        None if args.list => of.list(context).await,
        None => of.share(args.port, args.time, context).await,
    }
}

/// The tunnel whose links these are.
struct Of {
    rest: Rest,
    at: Locator,
}

impl Of {
    async fn share(&self, port: Option<u16>, time: Open, context: &Context) -> Outcome {
        let at = &self.at;
        let made = self.rest.create_link(at, port, time.end(clock::wall())).await;
        let link = made.map_err(|error| self.failure("make a link to", &error))?;
        if context.json {
            return print(&shape(&link));
        }
        let url = link.url.as_ref().map_or("", |url| url.expose());
        context.screen.line(url)?;
        remark(format!("opens {}; end it with: adit share {at} --revoke {}", said(&link), link.id));
        Ok(())
    }

    async fn list(&self, context: &Context) -> Outcome {
        let links = self.links().await?;
        if context.json {
            let links: Vec<TunnelLink> = links.iter().map(shape).collect();
            return print(&json!({ "links": links }));
        }
        if links.is_empty() {
            return context.screen.line("No links.");
        }
        let row = |link: &Link| context.screen.line(format!("{}  {}", link.id, said(link)));
        links.iter().try_for_each(row)
    }

    /// What was revoked is said, however it went on.
    async fn revoke(&self, link: &str, context: &Context) -> Outcome {
        let ids = match link {
            "all" => self.links().await?.into_iter().map(|link| link.id).collect(),
            one => vec![one.to_owned()],
        };
        let (mut revoked, mut ended) = (Vec::new(), Ok(()));
        for id in ids {
            match self.rest.delete_link(&self.at, &id).await {
                Ok(true) => revoked.push(id),
                Ok(false) if link == "all" => {}
                Ok(false) => ended = Err(self.no_link(&id)),
                Err(error) => {
                    ended = Err(self.failure("revoke a link of", &error));
                    break;
                }
            }
        }
        match context.json {
            true if revoked.is_empty() && ended.is_err() => {}
            true => print(&json!({ "revoked": revoked }))?,
            false if revoked.is_empty() && ended.is_ok() => context.screen.line("No links.")?,
            false => {
                revoked.iter().try_for_each(|id| context.screen.line(format!("Revoked: {id}")))?;
            }
        }
        ended
    }

    async fn links(&self) -> Outcome<Vec<Link>> {
        let links = self.rest.links(&self.at).await;
        links.map_err(|error| self.failure("list the links of", &error))
    }

    fn no_link(&self, id: &str) -> Failure {
        Failure::new(Code::NotFound, format!("{} has no link {id}", self.at))
            .hint(format!("see: adit share {} --list", self.at))
    }

    fn failure(&self, what: &str, error: &Error) -> Failure {
        Failure::service(format_args!("{what} {}", self.at), error)
    }
}

/// Refuses places that have no links, with what they have instead.
fn check(place: &Place, because: Because) -> Outcome {
    match (place, because) {
        (Place::Microsoft, _) => {
            let message = "Microsoft Dev Tunnels has no links that share a private tunnel";
            Err(Failure::new(Code::Usage, message).hint(
                "there, let people sign in (devtunnel access create <tunnel> --tenant, or --org \
                 <organization>), open it for a time (--anonymous --expiration 8h), or hand on a \
                 token (devtunnel token <tunnel> --scopes connect)",
            ))
        }
        // That nobody is signed in anywhere is another story, and told as such.
        (Place::Here, Because::NoSignIn | Because::ManySignIns) | (Place::Relay(_), _) => Ok(()),
        (Place::Here, _) => {
            let message = "a tunnel on this computer has no links: nobody else could follow them";
            Err(Failure::new(Code::Usage, message).hint(
                "use a relay with a domain (adit login <relay URL>, then --on <relay>), or open the \
                 port to the local network: adit up <port> --lan --anonymous",
            ))
        }
    }
}

/// What a link opens, and until when.
fn said(link: &Link) -> String {
    let what = link.port.map_or_else(|| "all ports".to_owned(), |port| format!("port {port}"));
    format!("{what} until {}", link.expires.strftime("%Y-%m-%d %H:%M UTC"))
}

fn shape(link: &Link) -> TunnelLink {
    TunnelLink {
        link_id: Some(link.id.clone()),
        url: link.url.clone(),
        port_number: link.port,
        expiration: Some(link.expires),
    }
}

fn print(answer: &impl serde::Serialize) -> Outcome {
    print_line(&serde_json::to_string(answer).expect("numbers and texts are JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_no_links_it_is_said_what_there_is() {
        let said = |place: &Place| check(place, Because::Asked).unwrap_err();
        let here = said(&Place::Here);
        assert_eq!(here.code, Code::Usage);
        assert!(here.to_string().contains("--lan --anonymous"), "{here}");
        let microsoft = said(&Place::Microsoft);
        assert!(microsoft.to_string().contains("devtunnel access create"), "{microsoft}");
        assert!(check(&Place::Here, Because::NoSignIn).is_ok(), "there it is said to sign in");
        assert!(check(&"https://cp.x.example".parse().unwrap(), Because::Asked).is_ok());
    }

    #[test]
    fn a_link_says_what_it_opens_and_until_when() {
        let expires = "2026-11-30T12:34:56Z".parse().unwrap();
        let link = Link { id: "k3x9".into(), url: None, port: Some(5173), expires };
        assert_eq!(said(&link), "port 5173 until 2026-11-30 12:34 UTC");
        assert_eq!(said(&Link { port: None, ..link }), "all ports until 2026-11-30 12:34 UTC");
    }
}
