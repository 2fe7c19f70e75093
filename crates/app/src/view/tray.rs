//! The tray as a value: its icon, its tooltip and its menu, each entry with what it does.

use super::headline::is_wanted;
use super::{Card, Hosts, Mood, Row};
use crate::command::Command;
use crate::condition::Condition;
use crate::known::Openness;
use crate::message::{Entry, Message, Offer, Seen};
use crate::place_key::{Kind, PlaceKey};
use crate::tunnel_key::TunnelKey;

/// More tunnels than this are found in the window.
const MOST: usize = 10;

/// The tray.
#[derive(Clone, Debug, PartialEq)]
pub struct Tray {
    /// Its icon.
    pub icon: Icon,
    /// What is said when somebody points at it.
    pub tooltip: Message,
    /// Its menu.
    pub menu: Vec<Item>,
}

/// The icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// All that is wanted works, or mends itself soon.
    Ok,
    /// Something needs a person.
    Attention,
    /// Nothing is hosted, or nothing can be reached.
    Offline,
}

/// An entry of the menu.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Words that do nothing.
    Text(Message),
    /// A line.
    Separator,
    /// Words that do something.
    Action(Message, Does),
    /// A menu of its own.
    Menu(Message, Vec<Item>),
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// Asks the application for it.
    Command(Box<Command>),
    /// Puts the URL of a port on the clipboard.
    Copy {
        /// The URL.
        url: String,
        /// What the tunnel is called.
        name: String,
        /// The port.
        port: u16,
    },
    /// Opens a URL.
    Open(String),
    /// Opens the window.
    OpenWindow,
    /// Opens the window where a tunnel is made.
    NewTunnel,
    /// Opens the window where somebody signs in to the place.
    SignIn(PlaceKey),
}

pub(super) fn fold(cards: &[Card], conditions: &[Condition]) -> Tray {
    let summary = summary(cards);
    let mut said = vec![summary.clone()];
    let worst = conditions.iter().find(|condition| super::card::is_bad(condition.code));
    let worst = worst.or(conditions.iter().find(|condition| needs_person(condition)));
    let worst = worst.or(conditions.iter().find(|condition| condition.code.stops_urls()));
    said.extend(worst.map(|condition| about(cards, condition)));
    Tray { icon: icon(cards, conditions), tooltip: Message::All(said), menu: menu(cards, summary) }
}

fn summary(cards: &[Card]) -> Message {
    let wanted = cards.iter().filter(|card| is_wanted(card)).count() as u64;
    let live = cards.iter().filter(|card| card.standing.mood == Mood::Live).count() as u64;
    let needs = cards.iter().filter(|card| is_wanted(card) && card.needs_you()).count() as u64;
    if wanted == 0 {
        Message::NothingHosted
    } else {
        Message::LiveBrief { live, of: wanted, needs }
    }
}

/// The worst decides. What mends itself is visible only when it lasts, so a reconnect changes nothing here at first.
fn icon(cards: &[Card], conditions: &[Condition]) -> Icon {
    if conditions.iter().any(needs_person) {
        return Icon::Attention;
    }
    let is_on = |card: &Card| card.toggle.on;
    let stops = conditions.iter().any(|condition| condition.code.stops_urls());
    let works =
        |card: &Card| is_on(card) && matches!(card.standing.mood, Mood::Live | Mood::Checking);
    if !cards.iter().any(is_on) || (stops && !cards.iter().any(works)) {
        return Icon::Offline;
    }
    Icon::Ok
}

/// What somebody who looks elsewhere is told of is for a person to mend.
fn needs_person(condition: &Condition) -> bool {
    super::card::is_bad(condition.code) || condition.code.notice().is_some()
}

fn menu(cards: &[Card], summary: Message) -> Vec<Item> {
    let mut menu = vec![Item::Text(summary), Item::Separator];
    let mut shown: Vec<_> = cards.iter().filter(|card| card.tunnel().is_some()).collect();
    // The worst first; equals stay in their order.
    shown.sort_by_key(|card| std::cmp::Reverse(card.standing.mood));
    let has_more = shown.len() > MOST;
    menu.extend(shown.into_iter().take(MOST).filter_map(of_card));
    let action = |entry, does| Item::Action(Message::Menu(entry), does);
    if has_more {
        menu.push(action(Entry::More, Does::OpenWindow));
    }
    if menu.len() > 2 {
        menu.push(Item::Separator);
    }
    menu.push(action(Entry::NewTunnel, Does::NewTunnel));
    menu.push(action(Entry::OpenWindow, Does::OpenWindow));
    let ours = cards.iter().filter(|card| card.hosts == Hosts::Us).count() as u64;
    if ours > 0 {
        menu.push(action(Entry::StopAll, Does::Command(Box::new(Command::StopAll))));
    }
    menu.push(Item::Separator);
    menu.push(action(Entry::Quit(ours), Does::Command(Box::new(Command::Quit))));
    menu
}

fn of_card(card: &Card) -> Option<Item> {
    let tunnel = card.tunnel()?;
    let mut items = of_urls(card);
    let does = of_state(card, tunnel);
    if !items.is_empty() && !does.is_empty() {
        items.push(Item::Separator);
    }
    items.extend(does);
    let seen = match card.openness {
        Openness::Anyone { .. } if is_everywhere(card) => Seen::ByAll,
        Openness::Anyone { .. } => Seen::ByLink,
        _ => Seen::ByFew,
    };
    let title = Message::Line { name: card.name.clone(), word: card.standing.word, seen };
    Some(if items.is_empty() { Item::Text(title) } else { Item::Menu(title, items) })
}

/// What can be done with the URLs.
fn of_urls(card: &Card) -> Vec<Item> {
    let of_row = |row: &Row| {
        let url = row.urls.first()?.clone();
        let copy = Does::Copy { url: url.clone(), name: card.name.clone(), port: row.port };
        let copy = Item::Action(Message::Menu(Entry::CopyUrl(row.port)), copy);
        Some((copy, Item::Action(Message::Menu(Entry::Open(row.port)), Does::Open(url))))
    };
    let (mut copies, opens): (Vec<_>, Vec<_>) = card.rows.iter().filter_map(of_row).unzip();
    copies.extend(opens);
    copies
}

/// What can be done about the state: what helps when something is wrong, and the switch.
fn of_state(card: &Card, tunnel: &TunnelKey) -> Vec<Item> {
    let does = |command| Does::Command(Box::new(command));
    let mut items = Vec::new();
    match &card.standing.offer {
        Some(Offer::Forget) | None => {}
        // The switch says the same.
        Some(Offer::Start) if !card.toggle.on => {}
        Some(Offer::SignIn(place)) => {
            let text = Message::Do(Offer::SignIn(place.clone()));
            items.push(Item::Action(text, Does::SignIn(place.clone())));
        }
        Some(offer) => {
            if let Some(command) = offer.command(tunnel) {
                items.push(Item::Action(Message::Do(offer.clone()), does(command)));
            }
        }
    }
    if card.toggle.is_enabled {
        let (name, tunnel) = (card.name.clone(), tunnel.clone());
        if card.toggle.on {
            let text = Message::Menu(Entry::Stop(name));
            items.push(Item::Action(text, does(Command::Stop(tunnel))));
        } else if !card.is_taken() {
            // What another computer hosts is taken over, by the entry that says so.
            let text = Message::Menu(Entry::Start(name));
            items.push(Item::Action(text, does(Command::Host(tunnel))));
        }
    }
    items
}

/// Whether the internet reaches the place for certain. How far a relay of somebody's reaches depends on where it is.
fn is_everywhere(card: &Card) -> bool {
    card.place.kind() == Kind::Microsoft
}

fn about(cards: &[Card], condition: &Condition) -> Message {
    let text = condition.text.clone();
    let is_it = |card: &&Card| card.tunnel().is_some_and(|it| condition.about.tunnel() == Some(it));
    match cards.iter().find(is_it) {
        Some(card) => Message::About { name: card.name.clone(), text: Box::new(text) },
        None => text,
    }
}
