//! The form that gives a port a URL: in a tunnel, or in one that is made for it.

use adit_proto::constraints;

use super::new_tunnel::{check_name, is_taken, says};
use super::{CheckedOptions, Mistake, NameSays, OptionsText};
use crate::command::{Draft, Wish};
use crate::local::{Risk, risk};
use crate::name::Name;
use crate::place_key::PlaceKey;
use crate::port::{NewPort, Port, Protocol};
use crate::tunnel_key::TunnelKey;
use crate::view::{Card, Mood, View};

/// A port as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPort {
    /// Its number.
    pub number: String,
    /// What the local server speaks.
    pub protocol: Protocol,
    /// What is said of it.
    pub description: String,
    /// How requests are passed on, and labels.
    pub options: OptionsText,
    /// Where it goes.
    pub to: To,
}

/// Where a port goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// To this tunnel.
    Tunnel(TunnelKey),
    /// To a new one, which is for the rest as the settings have it.
    New {
        /// Its name.
        name: String,
        /// Where it is made.
        place: PlaceKey,
    },
}

/// What is said of [`AddPort`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedPort {
    /// Of the number.
    pub number: Option<Mistake>,
    /// Why the port had better not be at a URL.
    pub risk: Option<Risk>,
    /// Of the description.
    pub description: Option<Mistake>,
    /// Of the options.
    pub options: CheckedOptions,
    /// Of a new tunnel's name.
    pub name: NameSays,
    /// What is asked for; nothing while there is a mistake or no number.
    pub wish: Option<Wish>,
}

impl AddPort {
    /// Checks it against what is known.
    pub fn check(&self, view: &View) -> CheckedPort {
        let number = self.number.trim();
        let port = match number {
            "" => None,
            number => Some(self.port(number, view)),
        };
        let risk = port.as_ref().and_then(|port| risk(port.as_ref().ok()?.number));
        let description = self.description.trim();
        let is_short = constraints::description(description).is_ok();
        let options = self.options.check();
        let found = match (&port, &options.value) {
            (Some(Ok(port)), Some((labels, passing))) if is_short => Some(NewPort {
                description: (!description.is_empty()).then(|| description.to_owned()),
                labels: labels.clone(),
                options: passing.clone(),
                ..NewPort::from(*port)
            }),
            _ => None,
        };
        let (name, wish) = match &self.to {
            To::Tunnel(tunnel) => {
                let wish = |port| Wish::AddPort { tunnel: tunnel.clone(), port };
                (NameSays::Nothing, found.map(wish))
            }
            To::New { name, place } => {
                let (name, is_told) = check_name(name, place, view);
                let settings = &view.preferences.new_tunnels;
                let wish = match (&name, found) {
                    (Some(Ok(name)), Some(port)) => {
                        let draft = Draft::new(place.clone(), settings);
                        let draft = Draft { name: Some(name.clone()), ..draft };
                        Some(Wish::Create { draft, port: Some(port) })
                    }
                    _ => None,
                };
                (says(name, is_told), wish)
            }
        };
        CheckedPort {
            number: port.and_then(Result::err),
            risk,
            description: (!is_short).then_some(Mistake::Description),
            options,
            name,
            wish,
        }
    }

    fn port(&self, number: &str, view: &View) -> Result<Port, Mistake> {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let port = number.parse::<Port>().ok().filter(|_| is_number).ok_or(Mistake::PortNumber)?;
        let of = |card: &&Card| matches!(&self.to, To::Tunnel(to) if card.tunnel() == Some(to));
        match view.cards.iter().find(of) {
            Some(card) if has(card, port.number) => {
                Err(Mistake::PortThere { name: card.name.clone(), port: port.number })
            }
            _ => Ok(Port { protocol: self.protocol, ..port }),
        }
    }
}

/// Whether a tunnel has a port; one that could not be added it has not.
fn has(card: &Card, port: u16) -> bool {
    let failed = |row: &crate::view::Row| row.index.is_none() && row.standing.mood == Mood::Error;
    card.rows.iter().any(|row| row.port == port && !failed(row))
}

/// A name for the tunnel of a port that is free as far as is known: `vite-5173`.
pub fn suggest_name(
    program: Option<&str>,
    port: Option<u16>,
    place: &PlaceKey,
    view: &View,
) -> String {
    let program = program.map(slug).filter(|it| !it.is_empty());
    let first = program.unwrap_or_else(|| "port".to_owned());
    let name = port.map_or_else(|| first.clone(), |port| format!("{first}-{port}"));
    let is_good =
        |name: &String| Name::on(place.kind(), name).is_ok() && !is_taken(name, place, view);
    let others = (2..1_000).map(|n| format!("{name}-{n}"));
    std::iter::once(name.clone()).chain(others).find(is_good).unwrap_or_default()
}

/// The letters and digits of a program's first word, and hyphens between them; short enough for more behind it.
fn slug(program: &str) -> String {
    let word = program.split_whitespace().next().unwrap_or_default();
    let word = word.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let mut slug = String::new();
    for c in word.chars().take(32) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::preferences::Preferences;
    use crate::state::world::{World, key, port, relay, tunnel};

    fn to_shop(number: &str) -> AddPort {
        let to = To::Tunnel(key("shop"));
        AddPort {
            number: number.to_owned(),
            protocol: Protocol::Http,
            description: String::new(),
            options: OptionsText::default(),
            to,
        }
    }

    #[test]
    fn a_number_is_a_port_that_the_tunnel_has_not() {
        let world = World::told(&[tunnel("shop", &[80])]);
        let view = world.view();
        let checked = to_shop("3000").check(&view);
        let port = Port { number: 3000, protocol: Protocol::Http }.into();
        assert_eq!(checked.wish, Some(Wish::AddPort { tunnel: key("shop"), port }));
        for text in ["x", "0", "65536", "-1", "80:http", "8 0"] {
            let checked = to_shop(text).check(&view);
            assert_eq!((checked.number, checked.wish), (Some(Mistake::PortNumber), None), "{text}");
        }
        let there = Mistake::PortThere { name: "shop".to_owned(), port: 80 };
        assert_eq!(to_shop("80").check(&view).number, Some(there));
        // Nothing is said of what is not typed yet.
        let checked = to_shop("").check(&view);
        assert_eq!((checked.number, checked.wish), (None, None));
    }

    #[test]
    fn what_is_said_of_a_port_goes_along_and_a_mistake_in_it_keeps_it_back() {
        let world = World::told(&[tunnel("shop", &[80])]);
        let view = world.view();
        let options = OptionsText { timeout: "0".to_owned(), ..OptionsText::default() };
        let labels = OptionsText { labels: "web, demo".to_owned(), ..options.clone() };
        let form = |description: &str, options: &OptionsText| AddPort {
            description: description.to_owned(),
            options: options.clone(),
            ..to_shop("3000")
        };
        let Some(Wish::AddPort { port, .. }) = form(" the front ", &labels).check(&view).wish
        else {
            panic!("a wish")
        };
        let sent = port.to_contract();
        assert_eq!(sent.description.as_deref(), Some("the front"));
        assert_eq!(sent.labels, Some(vec!["web".to_owned(), "demo".to_owned()]));
        assert_eq!(sent.options.unwrap().request_timeout_seconds, Some(0));
        assert_eq!(to_shop("3000").check(&view).wish.map(|_| ()), Some(()));
        let long = form(&"x".repeat(401), &options).check(&view);
        assert_eq!((long.description, long.wish), (Some(Mistake::Description), None));
        let odd = OptionsText { labels: "no!".to_owned(), ..options };
        let odd = form("", &odd).check(&view);
        assert_eq!(odd.options.labels, Some(Mistake::Label("no!".to_owned())));
        assert_eq!(odd.wish, None);
    }

    #[test]
    fn a_database_is_told() {
        let world = World::told(&[tunnel("shop", &[])]);
        assert_eq!(to_shop("5432").check(&world.view()).risk, Some(Risk::Database));
    }

    #[test]
    fn a_new_tunnel_is_as_the_settings_have_it() {
        let mut world = World::told(&[]);
        let mut preferences = Preferences::default();
        preferences.new_tunnels.expiration = "2h".parse().ok();
        world.command(Command::Prefer(Box::new(preferences)));
        let to = |name: &str| To::New { name: name.to_owned(), place: relay() };
        let form = |name| AddPort { to: to(name), ..to_shop("3000") };
        let checked = form("blog").check(&world.view());
        let Some(Wish::Create { draft, port: Some(_) }) = checked.wish else { panic!("a wish") };
        assert_eq!(draft.expiration, "2h".parse().ok());
        assert_eq!(draft.access, crate::access::Access::Private);
        assert_eq!(form("").check(&world.view()).wish, None);
    }

    #[test]
    fn a_suggested_name_can_be_had() {
        let mut world = World::told(&[tunnel("vite-5173", &[])]);
        let name =
            |world: &World, program, port| suggest_name(program, port, &relay(), &world.view());
        assert_eq!(name(&world, Some("vite"), Some(3000)), "vite-3000");
        assert_eq!(name(&world, Some("vite"), Some(5173)), "vite-5173-2");
        assert_eq!(name(&world, Some("/usr/bin/Python3.12 -m http.server"), None), "python3-12");
        assert_eq!(name(&world, None, Some(80)), "port-80");
        assert_eq!(name(&world, Some("--"), None), "port");
        world.command(Command::AddPort { tunnel: key("vite-5173"), port: port(1) });
        assert_eq!(name(&world, Some("vite"), Some(5173)), "vite-5173-2");
    }
}
