//! `adit whoami`: where tunnels live now, which relays accept the user's keys, and who is signed in to
//! Microsoft's service.

use adit_app::failure::{Code, Failure, Outcome};
use adit_app::microsoft::{preflight, unusable};
use adit_app::place::Place;
use adit_app::relay_url::RelayUrl;
use adit_proto::contracts::NamedRateStatus;
use adit_tunnel::management::Management;
use adit_tunnel::management::cli::Account;
use serde::Serialize;

use crate::context::Context;
use crate::screen::{Style, harmless, print_line};

/// The whole answer.
#[derive(Serialize)]
struct Answer {
    r#where: String,
    because: String,
    relays: Vec<Known>,
    /// Missing where the `devtunnel` command is not there and nobody chose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft: Option<Microsoft>,
}

/// What the official command says.
#[derive(Serialize)]
struct Microsoft {
    signed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Failure>,
}

/// A relay, and what it says to the user's key.
#[derive(Serialize)]
struct Known {
    relay: RelayUrl,
    signed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnels: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Failure>,
}

pub(crate) async fn run(context: &Context) -> Outcome {
    let (place, because) = context.profile.choose(None, None)?;
    let mut relays: Vec<_> =
        context.profile.credentials()?.all().iter().map(|it| it.relay.clone()).collect();
    if let Place::Relay(chosen) = &place
        && !relays.contains(chosen)
    {
        relays.push(chosen.clone());
    }
    let asked = async {
        let mut known = Vec::with_capacity(relays.len());
        for relay in relays {
            known.push(ask(context, relay).await);
        }
        known
    };
    let (known, microsoft) = tokio::join!(asked, ask_microsoft(context, &place));
    let chosen_fails = match &place {
        Place::Here => None,
        Place::Relay(chosen) => {
            known.iter().find(|it| *chosen == it.relay).and_then(|it| it.problem.clone())
        }
        Place::Microsoft => microsoft.as_ref().and_then(|it| it.problem.clone()),
    };
    let (r#where, because) = (place.to_string(), because.to_string());
    let answer = Answer { r#where, because, relays: known, microsoft };
    if context.json {
        print_line(&serde_json::to_string(&answer).expect("texts are JSON"))?;
    } else {
        show(context, &answer)?;
    }
    chosen_fails.map_or(Ok(()), Err)
}

async fn ask(context: &Context, relay: RelayUrl) -> Known {
    match signed_in(context, &relay).await {
        Ok((user, limits)) => {
            Known { relay, signed_in: true, user, tunnels: count(&limits), problem: None }
        }
        Err(problem) => {
            let problem = Some(problem);
            Known { relay, signed_in: false, user: None, tunnels: None, problem }
        }
    }
}

async fn ask_microsoft(context: &Context, place: &Place) -> Option<Microsoft> {
    let account = match context.profile.microsoft() {
        Ok(command) => preflight(&command).await.map_err(|error| unusable(&error)),
        Err(failure) => Err(failure),
    };
    match account {
        Ok(Account { name: user, provider }) => {
            Some(Microsoft { signed_in: true, user, provider, problem: None })
        }
        Err(failure) if failure.code == Code::Devtunnel && *place != Place::Microsoft => None,
        Err(failure) => {
            let problem = Some(failure);
            Some(Microsoft { signed_in: false, user: None, provider: None, problem })
        }
    }
}

async fn signed_in(
    context: &Context,
    relay: &RelayUrl,
) -> Outcome<(Option<String>, Vec<NamedRateStatus>)> {
    let service = context.profile.service(relay)?;
    let asked = tokio::try_join!(service.whoami(), service.limits());
    asked.map_err(|error| Failure::service(format_args!("sign in to {relay}"), &error))
}

fn count(limits: &[NamedRateStatus]) -> Option<u64> {
    limits.iter().find(|it| it.name == "TunnelsPerUser").map(|it| it.rate.current)
}

fn show(context: &Context, answer: &Answer) -> Outcome {
    let screen = context.screen;
    screen.line(format!("New tunnels live: {} ({})", answer.r#where, answer.because))?;
    for known in &answer.relays {
        let user = known.user.as_deref().map(|user| format!(" as {}", harmless(user)));
        let user = user.unwrap_or_default();
        let state = match (&known.problem, known.tunnels) {
            (None, Some(1)) => format!("signed in{user}, 1 tunnel"),
            (None, Some(tunnels)) => format!("signed in{user}, {tunnels} tunnels"),
            (None, None) => format!("signed in{user}"),
            (Some(problem), _) if problem.code == Code::Unreachable => {
                screen.paint(Style::Bad, "cannot be reached")
            }
            (Some(_), _) => screen.paint(Style::Bad, "not signed in"),
        };
        screen.line(format!("{}   {state}", known.relay))?;
    }
    if let Some(microsoft) = &answer.microsoft {
        let user = microsoft.user.as_deref().map(|user| format!(" as {}", harmless(user)));
        let state = match &microsoft.problem {
            None => format!("signed in{}", user.unwrap_or_default()),
            Some(problem) if problem.code == Code::SignIn => {
                screen.paint(Style::Bad, "not signed in")
            }
            Some(problem) => screen.paint(Style::Bad, &harmless(&problem.message)),
        };
        screen.line(format!("Microsoft Dev Tunnels   {state}"))?;
    }
    if answer.relays.is_empty() {
        screen.line("To sign in to a relay: adit login <relay URL>")?;
    }
    Ok(())
}
