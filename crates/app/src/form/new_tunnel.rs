//! The form of a new tunnel.

use super::{Mistake, OptionsText, options::CheckedOptions};
use crate::access::Access;
use crate::command::Draft;
use crate::condition::Code;
use crate::manage::Supports;
use crate::name::Name;
use crate::place_key::{Kind, PlaceKey};
use crate::preferences::{Expiration, NewTunnels};
use crate::reach::Reach;
use crate::view::{Mood, PlaceView, View};

use adit_proto::constraints;

/// A new tunnel as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTunnel {
    /// Its name.
    pub name: String,
    /// Where.
    pub place: PlaceKey,
    /// Who may visit besides the owner.
    pub access: Access,
    /// After how many days it goes away, or after what other time, such as `8h`.
    pub expiration: String,
    /// What is said of it.
    pub description: String,
    /// How requests are passed on, and labels.
    pub options: OptionsText,
}

/// What is said of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NameSays {
    /// Nothing: there is none, or it is not known which are taken.
    #[default]
    Nothing,
    /// It can be had.
    Free,
    /// It cannot.
    Wrong(Mistake),
}

/// What is said of [`NewTunnel`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedTunnel {
    /// Of the name.
    pub name: NameSays,
    /// Of the time.
    pub expiration: Option<Mistake>,
    /// Of the description.
    pub description: Option<Mistake>,
    /// Of the options.
    pub options: CheckedOptions,
    /// The tunnel; nothing while there is a mistake or no name.
    pub draft: Option<Draft>,
}

impl NewTunnel {
    /// As the settings have it, without a name.
    pub fn new(place: PlaceKey, settings: &NewTunnels) -> Self {
        let Draft { access, description, .. } = Draft::new(place.clone(), settings);
        let expiration = days(settings.expiration.unwrap_or_default());
        Self {
            name: String::new(),
            place,
            access,
            expiration,
            description: description.unwrap_or_default(),
            options: OptionsText::default(),
        }
    }

    /// Checks it against what is known.
    pub fn check(&self, view: &View) -> CheckedTunnel {
        let (name, is_told) = check_name(&self.name, &self.place, view);
        let expiration = lifetime(&self.expiration, Supports::of(&self.place));
        let description = self.description.trim();
        let is_short = constraints::description(description).is_ok();
        let options = self.options.check();
        let draft = match (&name, &expiration, &options.value) {
            (Some(Ok(name)), Ok(expiration), Some((labels, passing))) if is_short => Some(Draft {
                place: self.place.clone(),
                name: Some(name.clone()),
                description: (!description.is_empty()).then(|| description.to_owned()),
                ports: Vec::new(),
                access: self.access,
                expiration: Some(*expiration),
                labels: labels.clone(),
                options: passing.clone(),
            }),
            _ => None,
        };
        CheckedTunnel {
            name: says(name, is_told),
            expiration: expiration.err(),
            description: (!is_short).then_some(Mistake::Description),
            options,
            draft,
        }
    }
}

/// Checks a name against the rule of a place and its tunnels; nothing where there is no name. The second is whether
/// the place has told its tunnels, without which no name is called free.
pub(super) fn check_name(
    text: &str,
    place: &PlaceKey,
    view: &View,
) -> (Option<Result<Name, Mistake>>, bool) {
    let of = view.places.iter().find(|it| it.key == *place);
    let is_told = of.is_some_and(|it| it.list.is_some());
    let text = text.trim();
    if text.is_empty() {
        return (None, is_told);
    }
    let checked =
        Name::on(place.kind(), text).map_err(Mistake::Name).and_then(|name| {
            match is_taken(text, place, view) {
                true => Err(Mistake::NameTaken(place.clone())),
                false => Ok(name),
            }
        });
    (Some(checked), is_told)
}

pub(super) fn says(name: Option<Result<Name, Mistake>>, is_told: bool) -> NameSays {
    match name {
        Some(Err(mistake)) => NameSays::Wrong(mistake),
        Some(Ok(_)) if is_told => NameSays::Free,
        _ => NameSays::Nothing,
    }
}

/// Whether a place has a tunnel of that name. One that is being removed still has it, and one that could not be made
/// has not.
pub(super) fn is_taken(name: &str, place: &PlaceKey, view: &View) -> bool {
    let has = |card: &&crate::view::Card| {
        let failed = card.is_placeholder && card.standing.mood == Mood::Error;
        card.place == *place && card.name == name && !failed
    };
    let of = view.places.iter().find(|it| it.key == *place);
    view.cards.iter().any(|card| has(&card))
        || of.is_some_and(|of| of.leaving.iter().any(|it| it == name))
}

/// Where a new tunnel is made unless somebody says otherwise: at the default place, or on this computer while that one
/// cannot be used.
pub fn default_place(view: &View) -> PlaceKey {
    let usable = view.places.iter().find(|it| it.is_default && it.can_be_used());
    usable.map_or_else(PlaceKey::here, |it| it.key.clone())
}

/// How far the URLs of a tunnel with that access will reach at a place whose own reach so far, where that is known.
pub fn reach(place: &PlaceKey, own: Option<Reach>, access: Access) -> Option<Reach> {
    match (place.kind(), access) {
        (Kind::Here, Access::Private) => Some(Reach::Computer),
        _ => own,
    }
}

impl PlaceView {
    /// Whether tunnels can be made there, as far as is known: somebody is signed in and has what it takes.
    pub fn can_be_used(&self) -> bool {
        let needs = [Code::SignInNeeded, Code::CommandMissing, Code::CommandOld];
        !self.trouble.as_ref().is_some_and(|trouble| needs.contains(&trouble.code))
    }
}

/// How long a tunnel lives, at a place that may take whole hours only.
pub(crate) fn lifetime(text: &str, supports: Supports) -> Result<Expiration, Mistake> {
    let expiration: Expiration = text.parse().map_err(|_| Mistake::Expiration)?;
    match supports.whole_hours && !expiration.seconds().is_multiple_of(3_600) {
        true => Err(Mistake::ExpirationHours),
        false => Ok(expiration),
    }
}

/// Days as a number, and other times with their unit.
fn days(expiration: Expiration) -> String {
    let text = expiration.to_string();
    text.strip_suffix('d').map(ToOwned::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::event::Event;
    use crate::name::BadName;
    use crate::state::world::{World, key, relay, tunnel};

    fn form(name: &str) -> NewTunnel {
        NewTunnel { name: name.to_owned(), ..NewTunnel::new(relay(), &NewTunnels::default()) }
    }

    fn says_of(name: &str, world: &World) -> NameSays {
        form(name).check(&world.view()).name
    }

    #[test]
    fn a_name_is_free_taken_or_none() {
        let world = World::told(&[tunnel("shop", &[80])]);
        assert_eq!(says_of("", &world), NameSays::Nothing);
        assert_eq!(says_of("blog", &world), NameSays::Free);
        assert_eq!(says_of("shop", &world), NameSays::Wrong(Mistake::NameTaken(relay())));
        let bad = NameSays::Wrong(Mistake::Name(BadName::Character('B')));
        assert_eq!(says_of("Blog", &world), bad);
        // Another place has names of its own.
        let here = NewTunnel { place: PlaceKey::here(), ..form("shop") };
        assert!(here.check(&world.view()).draft.is_some());
    }

    #[test]
    fn a_service_of_whole_hours_says_so_while_it_is_typed() {
        let world = World::told(&[]);
        let typed = |place: PlaceKey, text: &str| {
            let form = NewTunnel { place, expiration: text.to_owned(), ..form("shop") };
            let checked = form.check(&world.view());
            assert_eq!(checked.draft.is_none(), checked.expiration.is_some(), "{text}");
            checked.expiration
        };
        assert_eq!(typed(PlaceKey::microsoft(), "90m"), Some(Mistake::ExpirationHours));
        assert_eq!(typed(PlaceKey::microsoft(), "120m"), None);
        assert_eq!(typed(PlaceKey::microsoft(), "soon"), Some(Mistake::Expiration));
        assert_eq!(typed(relay(), "90m"), None);
    }

    #[test]
    fn the_name_of_a_tunnel_that_is_being_removed_is_not_free_yet() {
        let mut world = World::told(&[tunnel("shop", &[80])]);
        world.command(Command::Delete(key("shop")));
        assert_eq!(says_of("shop", &world), NameSays::Wrong(Mistake::NameTaken(relay())));
    }

    #[test]
    fn nothing_is_called_free_before_the_place_has_told_its_tunnels() {
        let world = World::new(crate::persist::Kept::default());
        assert_eq!(says_of("shop", &world), NameSays::Nothing);
        assert!(form("shop").check(&world.view()).draft.is_some(), "and it can be tried");
    }

    #[test]
    fn a_form_begins_as_the_settings_have_it() {
        let settings = NewTunnels {
            expiration: "36h".parse().ok(),
            anonymous: "8h".parse().ok(),
            description: Some("for the demo".to_owned()),
        };
        let form = NewTunnel::new(relay(), &settings);
        assert_eq!((form.expiration.as_str(), form.description.as_str()), ("36h", "for the demo"));
        assert_eq!(form.access, "anonymous=8h".parse().unwrap());
        let plain = self::form("");
        assert_eq!((plain.expiration.as_str(), plain.access), ("30", Access::Private));
    }

    #[test]
    fn a_number_is_one_of_days() {
        let expiration = |text: &str| lifetime(text, Supports::of(&relay()));
        for (text, seconds) in [("7", 7 * 86_400), (" 30 ", 30 * 86_400), ("8h", 8 * 3_600)] {
            assert_eq!(expiration(text).unwrap().seconds(), seconds, "{text}");
        }
        for text in ["", "0", "31", "59m", "soon", "99999999999"] {
            assert_eq!(expiration(text), Err(Mistake::Expiration), "{text}");
        }
        for text in ["30d", "36h"] {
            let kept: Expiration = text.parse().unwrap();
            assert_eq!(expiration(&days(kept)), Ok(kept));
        }
    }

    #[test]
    fn each_mistake_keeps_the_tunnel_from_being_made() {
        let world = World::told(&[]);
        let good = NewTunnel { description: " the shop ".to_owned(), ..form("shop") };
        let draft = good.check(&world.view()).draft.unwrap();
        assert_eq!(draft.description.as_deref(), Some("the shop"));
        let mut timeout = good.clone();
        timeout.options.timeout = "soon".to_owned();
        let long = NewTunnel { description: "x".repeat(401), ..good.clone() };
        let endless = NewTunnel { expiration: "1y".to_owned(), ..good.clone() };
        let nameless = NewTunnel { name: " ".to_owned(), ..good };
        for form in [&timeout, &long, &endless, &nameless] {
            assert_eq!(form.check(&world.view()).draft, None, "{form:?}");
        }
        assert_eq!(long.check(&world.view()).description, Some(Mistake::Description));
    }

    #[test]
    fn the_default_place_is_the_first_choice_while_it_can_be_used() {
        let mut world = World::told(&[]);
        assert_eq!(default_place(&world.view()), relay());
        world.check(crate::event::Preflight::SignedOut);
        world.pass(1);
        assert_eq!(default_place(&world.view()), PlaceKey::here());

        // Of two that can be used it is not the first.
        let mut view = World::told(&[]).view();
        let second = PlaceView { key: PlaceKey::microsoft(), ..view.places[0].clone() };
        view.places[0].is_default = false;
        view.places.push(second);
        assert_eq!(default_place(&view), PlaceKey::microsoft());
    }

    #[test]
    fn reach_is_told_only_where_it_is_known() {
        let mut world = World::told(&[]);
        let of = |world: &World| {
            let place = world.view().places[0].clone();
            reach(&place.key, place.reach, Access::Private)
        };
        assert_eq!(of(&world), None);
        world.event(Event::Reached { place: relay(), reach: Some(Reach::Internet) });
        assert_eq!(of(&world), Some(Reach::Internet));
        let here = |own, access| reach(&PlaceKey::here(), Some(own), access);
        let open = Access::Anonymous("8h".parse().unwrap());
        assert_eq!(here(Reach::Network, Access::Private), Some(Reach::Computer));
        assert_eq!(here(Reach::Network, open), Some(Reach::Network));
        assert_eq!(here(Reach::Computer, open), Some(Reach::Computer));
    }
}
