//! The tray as a value: its icon, its tooltip and its menu, each entry with what it does.

use super::headline::is_wanted;
use super::{Card, Hosts, Mood};
use crate::command::Command;
use crate::condition::Condition;
use crate::known::Openness;
use crate::message::{Entry, Message};

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
    /// Puts a URL on the clipboard.
    Copy(String),
    /// Opens a URL.
    Open(String),
    /// Opens the window.
    OpenWindow,
    /// Opens the window where a tunnel is made.
    NewTunnel,
}

pub(super) fn fold(cards: &[Card], conditions: &[Condition]) -> Tray {
    let summary = summary(cards);
    let mut said = vec![summary.clone()];
    let worst = conditions.iter().find(|condition| super::card::is_bad(condition.code));
    let worst = worst.or(conditions.iter().find(|condition| condition.code.stops_urls()));
    said.extend(worst.map(|condition| about(cards, condition)));
    Tray { icon: icon(cards, conditions), tooltip: Message::All(said), menu: menu(cards, summary) }
}

fn summary(cards: &[Card]) -> Message {
    let wanted = cards.iter().filter(|card| is_wanted(card)).count() as u64;
    let live = cards.iter().filter(|card| card.standing.mood == Mood::Live).count() as u64;
    if wanted == 0 { Message::NothingHosted } else { Message::LiveCount { live, of: wanted } }
}

/// The worst decides. What mends itself is visible only when it lasts, so a reconnect changes nothing here at first.
fn icon(cards: &[Card], conditions: &[Condition]) -> Icon {
    if conditions.iter().any(|condition| super::card::is_bad(condition.code)) {
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
    let mut items = Vec::new();
    for row in &card.rows {
        if let Some(url) = row.urls.first() {
            let entry = |entry| Message::Menu(entry);
            items.push(Item::Action(entry(Entry::CopyUrl(row.port)), Does::Copy(url.clone())));
            items.push(Item::Action(entry(Entry::Open(row.port)), Does::Open(url.clone())));
        }
    }
    // What a person can do comes first to mind when something is wrong.
    let command = match (&card.standing.offer, card.toggle.on) {
        (Some(offer), _) => offer.command(tunnel).map(|it| (Message::Do(offer.clone()), it)),
        (None, _) => None,
    };
    let switch = match card.toggle {
        toggle if !toggle.is_enabled => None,
        toggle if toggle.on => Some((Message::Menu(Entry::Stop), Command::Stop(tunnel.clone()))),
        _ if command.as_ref().is_some_and(|(_, it)| matches!(it, Command::Host(_))) => None,
        _ => Some((Message::Do(crate::message::Offer::Start), Command::Host(tunnel.clone()))),
    };
    for (text, command) in command.into_iter().chain(switch) {
        items.push(Item::Action(text, Does::Command(Box::new(command))));
    }
    let is_open = matches!(card.openness, Openness::Anyone { .. });
    let title = Message::Line { name: card.name.clone(), word: card.standing.word, is_open };
    Some(if items.is_empty() { Item::Text(title) } else { Item::Menu(title, items) })
}

fn about(cards: &[Card], condition: &Condition) -> Message {
    let text = condition.text.clone();
    let is_it = |card: &&Card| card.tunnel().is_some_and(|it| condition.about.tunnel() == Some(it));
    match cards.iter().find(is_it) {
        Some(card) => Message::About { name: card.name.clone(), text: Box::new(text) },
        None => text,
    }
}
