//! `adit use`: chooses where tunnels live from now on.

use adit_app::failure::Outcome;
use adit_app::place::{self, Place, Wishes};
use adit_app::settings::Settings;
use serde_json::json;

use crate::context::Context;
use crate::screen::{print_line, remark};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `here`, `microsoft`, or the address of a relay.
    #[arg(value_name = "PLACE")]
    place: Place,
}

pub(crate) fn run(args: Args, context: &Context) -> Outcome {
    let credentials = context.profile.credentials()?;
    let wishes = Wishes { asked: Some(args.place), ..Wishes::default() };
    let (place, _) = place::choose(wishes, &credentials);
    let path = context.profile.places.settings();
    // A file with a mistake in it is not written over.
    let mut settings = Settings::load(&path)?;
    settings.r#where = Some(place.clone());
    settings.save(&path)?;
    if let Place::Relay(relay) = &place
        && credentials.find(relay).is_none()
    {
        remark(format!("you are not signed in there yet: adit login {relay}"));
    }
    if context.json {
        return print_line(&json!({ "where": place.to_string() }).to_string());
    }
    context.screen.line(format!("New tunnels live: {}", named(&place)))
}

fn named(place: &Place) -> String {
    match place {
        Place::Microsoft => format!("{place} ({})", place.shown()),
        place => place.to_string(),
    }
}
