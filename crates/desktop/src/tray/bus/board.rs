//! The menu as the bus sees it: numbered entries, and when they may change.
//!
//! A menu that is open never changes: what is new waits until it is closed. Trays say when that is. One that forgets
//! to say so is believed again when the menu opens the next time.

use adit_app::view::Does;

use crate::tray::Line;

/// The number of the whole menu.
pub(super) const ROOT: i32 = 0;

/// The menu.
#[derive(Debug)]
pub(super) struct Board {
    lines: Vec<Line>,
    /// In the order of their numbers, the first of which is `first`.
    entries: Vec<Entry>,
    top: Vec<i32>,
    first: i32,
    /// What is shown when the menu is closed.
    newest: Option<Vec<Line>>,
    is_open: bool,
    revision: u32,
}

/// An entry.
#[derive(Debug)]
struct Entry {
    /// Its words; a line has none.
    label: Option<String>,
    does: Option<Does>,
    children: Vec<i32>,
    is_menu: bool,
}

/// An entry with those below it.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) id: i32,
    pub(super) properties: Vec<(&'static str, Property)>,
    pub(super) children: Vec<Layout>,
}

/// What is said of an entry.
#[derive(Debug, PartialEq)]
pub(super) enum Property {
    Text(String),
    Flag(bool),
}

impl Board {
    pub(super) fn new(lines: Vec<Line>) -> Self {
        let mut board = Self {
            lines: Vec::new(),
            entries: Vec::new(),
            top: Vec::new(),
            first: 1,
            newest: None,
            is_open: false,
            revision: 1,
        };
        board.lay(lines);
        board
    }

    pub(super) fn revision(&self) -> u32 {
        self.revision
    }

    /// The menu is to be another; whether it is now.
    pub(super) fn offer(&mut self, lines: Vec<Line>) -> bool {
        self.newest = (lines != self.lines).then_some(lines);
        !self.is_open && self.renew()
    }

    /// Somebody opens it; whether it is another now.
    pub(super) fn open(&mut self) -> bool {
        let is_new = self.renew();
        self.is_open = true;
        is_new
    }

    /// Somebody closed it, or the tray that showed it is gone; whether it is another now.
    pub(super) fn close(&mut self) -> bool {
        self.is_open = false;
        self.renew()
    }

    /// What somebody chose; an entry of a menu that is gone does nothing.
    pub(super) fn chosen(&self, id: i32) -> Option<Does> {
        self.entry(id)?.does.clone()
    }

    pub(super) fn has(&self, id: i32) -> bool {
        id == ROOT || self.entry(id).is_some()
    }

    /// An entry with so many levels below it, all if that is negative.
    pub(super) fn layout(&self, id: i32, depth: i32) -> Option<Layout> {
        let children = if id == ROOT { &self.top } else { &self.entry(id)?.children };
        let below = |id: &i32| self.layout(*id, depth.saturating_sub(1).max(-1));
        let children =
            if depth == 0 { Vec::new() } else { children.iter().filter_map(below).collect() };
        Some(Layout { id, properties: self.properties(id)?, children })
    }

    pub(super) fn properties(&self, id: i32) -> Option<Vec<(&'static str, Property)>> {
        let text = |text: &str| Property::Text(text.to_owned());
        if id == ROOT {
            return Some(vec![("children-display", text("submenu"))]);
        }
        let entry = self.entry(id)?;
        let Some(label) = &entry.label else { return Some(vec![("type", text("separator"))]) };
        // A single underscore would mark a letter.
        let mut properties = vec![("label", Property::Text(label.replace('_', "__")))];
        if entry.is_menu {
            properties.push(("children-display", text("submenu")));
        } else if entry.does.is_none() {
            properties.push(("enabled", Property::Flag(false)));
        }
        Some(properties)
    }

    /// All numbers there are.
    pub(super) fn ids(&self) -> Vec<i32> {
        let count = i32::try_from(self.entries.len()).unwrap_or_default();
        std::iter::once(ROOT).chain(self.first..self.first.saturating_add(count)).collect()
    }

    fn entry(&self, id: i32) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    fn renew(&mut self) -> bool {
        let Some(lines) = self.newest.take() else { return false };
        self.lay(lines);
        self.revision = self.revision.wrapping_add(1);
        true
    }

    /// New numbers each time: trays keep what they knew of an old one.
    fn lay(&mut self, lines: Vec<Line>) {
        let count = i32::try_from(self.entries.len()).unwrap_or_default();
        self.first = self.first.checked_add(count).filter(|it| *it < i32::MAX / 2).unwrap_or(1);
        self.entries.clear();
        self.top = self.number(&lines);
        self.lines = lines;
    }

    fn number(&mut self, lines: &[Line]) -> Vec<i32> {
        let mut ids = Vec::with_capacity(lines.len());
        for line in lines {
            let at = self.entries.len();
            let (label, does, below) = match line {
                Line::Separator => (None, None, None),
                Line::Text(text) => (Some(text), None, None),
                Line::Action(text, does) => (Some(text), Some(does), None),
                Line::Menu(text, below) => (Some(text), None, Some(below)),
            };
            self.entries.push(Entry {
                label: label.cloned(),
                does: does.cloned(),
                children: Vec::new(),
                is_menu: below.is_some(),
            });
            ids.push(self.first.saturating_add(i32::try_from(at).unwrap_or(i32::MAX)));
            if let Some(below) = below {
                self.entries[at].children = self.number(below);
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(text: &str) -> Line {
        Line::Action(text.to_owned(), Does::Open(text.to_owned()))
    }

    fn menu(name: &str) -> Vec<Line> {
        let below = vec![action("Open"), Line::Separator, action("Stop")];
        vec![Line::Text("1 live".to_owned()), Line::Menu(name.to_owned(), below), action("Quit")]
    }

    fn labels(layout: &Layout) -> Vec<String> {
        let label = layout.properties.iter().find(|(name, _)| *name == "label");
        let mut all = match label {
            Some((_, Property::Text(text))) => vec![text.clone()],
            _ => Vec::new(),
        };
        all.extend(layout.children.iter().flat_map(labels));
        all
    }

    fn shown(board: &Board) -> Vec<String> {
        labels(&board.layout(ROOT, -1).unwrap())
    }

    fn id(board: &Board, label: &str) -> i32 {
        let is_it = |id: &i32| {
            let properties = board.properties(*id).unwrap();
            properties.contains(&("label", Property::Text(label.to_owned())))
        };
        board.ids().into_iter().find(is_it).unwrap()
    }

    #[test]
    fn it_never_changes_while_it_is_open() {
        let mut board = Board::new(menu("api: live"));
        assert!(!board.open());
        let (before, stop) = (shown(&board), id(&board, "Stop"));
        assert!(!board.offer(menu("api: reconnecting")));
        assert!(!board.offer(menu("api: stopped")));
        assert_eq!(shown(&board), before);
        assert_eq!(board.chosen(stop), Some(Does::Open("Stop".to_owned())));
        assert!(board.close());
        assert!(shown(&board).contains(&"api: stopped".to_owned()));
        assert_eq!(board.chosen(stop), None, "the entry is of a menu that is gone");
    }

    #[test]
    fn a_change_that_was_taken_back_while_it_was_open_is_none() {
        let mut board = Board::new(menu("api: live"));
        board.open();
        board.offer(menu("api: reconnecting"));
        board.offer(menu("api: live"));
        let revision = board.revision();
        assert!(!board.close());
        assert_eq!(board.revision(), revision);
    }

    #[test]
    fn a_tray_that_never_says_it_closed_sees_the_newest_when_it_opens_again() {
        let mut board = Board::new(menu("api: live"));
        board.open();
        board.offer(menu("api: stopped"));
        assert!(board.open());
        assert!(shown(&board).contains(&"api: stopped".to_owned()));
    }

    #[test]
    fn entries_say_what_they_are() {
        let mut board = Board::new(menu("my_api: live"));
        let text = |it: &str| Property::Text(it.to_owned());
        let menu = board.properties(id(&board, "my__api: live")).unwrap();
        assert_eq!(menu[1], ("children-display", text("submenu")));
        let words = board.properties(id(&board, "1 live")).unwrap();
        assert_eq!(words[1], ("enabled", Property::Flag(false)));
        let flat = board.layout(ROOT, 1).unwrap();
        assert!(flat.children.iter().all(|it| it.children.is_empty()));
        let is_line = |id: &i32| board.properties(*id).unwrap() == [("type", text("separator"))];
        let lines = board.ids().into_iter().filter(is_line);
        assert_eq!(lines.count(), 1);
        assert!(board.offer(Vec::new()));
        assert_eq!(board.ids(), [ROOT]);
        assert!(board.layout(7, -1).is_none());
    }
}
