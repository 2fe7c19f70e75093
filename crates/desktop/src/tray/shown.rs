//! The tray in words.

use adit_app::view::{Does, Icon, Item, Tray};

use crate::adapter::terms::Speech;

/// What the tray shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its icon.
    pub icon: Icon,
    /// What is said when somebody points at it.
    pub tooltip: String,
    /// Its menu.
    pub menu: Vec<Line>,
}

/// An entry of the menu.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Words that do nothing.
    Text(String),
    /// A line.
    Separator,
    /// Words that do something.
    Action(String, Does),
    /// A menu of its own.
    Menu(String, Vec<Line>),
}

impl Shown {
    /// Says a tray.
    pub fn of(tray: &Tray, speech: &Speech) -> Self {
        Self {
            icon: tray.icon,
            tooltip: speech.say(&tray.tooltip).into(),
            menu: lines(&tray.menu, speech),
        }
    }
}

fn lines(items: &[Item], speech: &Speech) -> Vec<Line> {
    let line = |item: &Item| match item {
        Item::Text(text) => Line::Text(speech.say(text).into()),
        Item::Separator => Line::Separator,
        Item::Action(text, does) => Line::Action(speech.say(text).into(), does.clone()),
        Item::Menu(text, items) => Line::Menu(speech.say(text).into(), lines(items, speech)),
    };
    items.iter().map(line).collect()
}
