//! `adit token`: an access token of a tunnel, to hand on.

use adit_app::failure::{Failure, Outcome};
use adit_app::service::find;
use adit_proto::access::{ScopeError, Scopes};
use adit_proto::token::peek;
use adit_tunnel::management::Management;
use adit_wire::clock;

use super::shape;
use super::target::{OfPort, Target};
use super::units::{life_time, moment};
use crate::context::Context;
use crate::screen::print_line;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Who has the token may do what its scopes say until it ends; keep it like a key. A visitor sends it
in the header X-Tunnel-Authorization: tunnel <token>.

Examples:
  adit token shop --scopes connect
  adit token shop --scopes host -j | jq -r .token")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,

    /// What it is for: connect, host, manage, manage:ports, inspect; several make one token.
    #[arg(
        long,
        alias = "scope",
        value_name = "SCOPE",
        required = true,
        num_args = 1..,
        value_delimiter = ',',
        value_parser = scopes
    )]
    scopes: Vec<Scopes>,

    #[command(flatten)]
    of: OfPort,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let (service, at) = args.target.open(context).await?;
    let tunnel = find(&service.rest, &at).await?;
    let scopes: Scopes = args.scopes.into_iter().flat_map(Scopes::iter).collect();
    let token = service.rest.issue(&tunnel.clone().into(), args.of.port, scopes).await;
    let token = token
        .map_err(|error| Failure::service(format_args!("issue a token for {tunnel}"), &error))?;
    let claims = peek(token.expose()).unwrap_or_default();
    let begin = claims.iat.unwrap_or_else(clock::wall);
    let seconds = claims.exp.map(|end| end.duration_since(begin).as_secs().max(0).unsigned_abs());
    let answer = shape::Token {
        tunnel_id: tunnel.to_string(),
        ports: args.of.port.into_iter().collect(),
        scope: scopes.to_string(),
        life_time: seconds.map(life_time),
        expiration: claims.exp.map(moment),
        token: token.expose(),
    };
    if context.json {
        return print_line(&serde_json::to_string(&answer).expect("numbers and texts are JSON"));
    }
    let screen = context.screen;
    screen.line(format!("Tunnel ID: {}", answer.tunnel_id))?;
    screen.line(format!("Scope: {}", answer.scope))?;
    if let (Some(life), Some(end)) = (&answer.life_time, &answer.expiration) {
        screen.line(format!("Lifetime: {life}"))?;
        screen.line(format!("Expiration: {end}"))?;
    }
    screen.line(format!("Token: {}", answer.token))
}

/// One scope, or several separated by spaces.
fn scopes(text: &str) -> Result<Scopes, ScopeError> {
    let scopes: Scopes = text.parse()?;
    match scopes {
        Scopes::NONE => Err(ScopeError::Empty),
        scopes if scopes.contains(adit_proto::access::Scope::Create) => {
            Err(ScopeError::CreateOnTunnel)
        }
        scopes => Ok(scopes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_words() {
        assert_eq!(scopes("connect").unwrap().to_string(), "connect");
        assert_eq!(scopes("connect host").unwrap().to_string(), "host connect");
        assert_eq!(scopes(" "), Err(ScopeError::Empty));
        assert_eq!(scopes("create"), Err(ScopeError::CreateOnTunnel));
        assert!(scopes("shost").is_err());
    }
}
