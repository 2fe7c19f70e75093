//! What `adit up` says before the first request: what was chosen, what that means, and what next.

use adit_app::access::Access;
use adit_app::failure::Outcome;
use adit_app::place::{Because, Place};
use adit_app::reach::{Reach, Reaches};
use adit_tunnel::host::PortUrls;
use jiff::Timestamp;

use super::plan::Plan;
use super::qr;
use super::stage::Stage;
use crate::screen::{Screen, Style};

/// Before anything is done: what was chosen and, if others will be let in, what that means.
pub(super) fn before(plan: &Plan, screen: Screen) -> Outcome {
    let place = plan.place.shown();
    let because = screen.paint(Style::Faint, &format!("({})", plan.because));
    screen.line(format!("{} through {place} {because}", plan.locals()))?;
    if plan.lan {
        screen.line(
            "--lan: every device on the networks that this computer is in can open the URL and \
             use what it serves",
        )?;
    }
    Ok(())
}

/// When the tunnel is there: who may visit, and how long it lasts.
pub(super) fn after(plan: &Plan, stage: &Stage, screen: Screen, now: Timestamp) -> Outcome {
    match (plan.access, &plan.place) {
        (Access::Anonymous(_), Place::Here) if !plan.lan => screen.line(
            "--anonymous changes nothing here: only this computer reaches it, without a sign-in",
        )?,
        (Access::Anonymous(open), _) => {
            let end = open.end(now);
            screen.line(format!(
                "Everybody who knows the URL can visit, for {open} (until {end:.0})"
            ))?;
        }
        (Access::Private, Place::Relay(_)) => screen.line(
            "Private: visitors need your key or a token; --anonymous lets everybody in for a time",
        )?,
        (Access::Private, Place::Microsoft) => screen.line(
            "Private: visitors sign in with your account; --anonymous lets everybody in for a time",
        )?,
        (Access::Private, Place::Here) => {}
    }
    if stage.lan.iter().any(|lan| stage.reaches.of(&lan.url) == Some(Reach::Internet)) {
        screen.line(
            "This computer's own address is one of the internet: unless a firewall is in the way, \
             everybody there can visit too",
        )?;
    }
    if stage.temporary {
        screen.line("A temporary tunnel: it is removed at the end; --name keeps it and its URL")?;
    }
    Ok(())
}

/// When the URLs have been told: what else there is.
pub(super) fn ready(
    plan: &Plan,
    urls: &[PortUrls],
    reaches: &Reaches,
    with_qr: bool,
    screen: Screen,
) -> Outcome {
    if with_qr {
        qr::show(urls, reaches, screen)?;
    }
    if let (Place::Here, false) = (&plan.place, plan.lan) {
        screen.line(match plan.because {
            Because::NoSignIn | Because::Asked => {
                "To reach it from elsewhere: adit login <relay URL>"
            }
            _ => "To reach it from elsewhere: --on <relay URL>",
        })?;
    }
    screen.line(screen.paint(Style::Faint, "Ctrl-C ends it"))
}
