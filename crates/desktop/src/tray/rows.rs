//! The menu as models that stay: an entry that reads and does what it did is not touched.
//!
//! Slint builds the system's menu anew whenever something in it changes, also while it is open, and does not say that
//! it is. What does not change is therefore left alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use adit_app::view::Does;
use slint::{ModelRc, VecModel};

use super::Line;
use crate::adapter::sync;
use crate::ui;

type Entries = Rc<VecModel<ui::TrayEntry>>;

/// The models, and what their entries do.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) tunnels: Rc<VecModel<ui::TrayTunnel>>,
    /// What stands below the tunnels: what does something, then what ends the program.
    pub(super) below: Entries,
    pub(super) last: Entries,
    /// The entries of each tunnel, in order.
    menus: RefCell<Vec<Entries>>,
    /// By the ids of entries: they are kept while somebody may choose them.
    does: RefCell<BTreeMap<i32, Does>>,
}

impl Rows {
    /// Shows a menu; returns the words at its top.
    pub(super) fn show<'a>(&self, menu: &'a [Line]) -> &'a str {
        let mut parts = menu.split(|line| matches!(line, Line::Separator));
        let summary = match parts.next().and_then(<[Line]>::first) {
            Some(Line::Text(text)) => text,
            _ => "",
        };
        let parts: Vec<_> = parts.collect();
        // The last two are always there; the tunnels are not.
        let (tunnels, ends) = parts.split_at(parts.len().saturating_sub(2));
        let mut ids = Ids { before: self.does.take(), now: BTreeMap::new() };
        let mut below = Vec::new();
        let mut menus = Vec::new();
        for line in tunnels.iter().copied().flatten() {
            match line {
                Line::Menu(text, entries) => {
                    menus.push((text, entries.iter().filter_map(|it| ids.entry(it)).collect()));
                }
                Line::Text(text) => menus.push((text, Vec::new())),
                line => below.extend(ids.entry(line)),
            }
        }
        let mut end = |at: usize| -> Vec<ui::TrayEntry> {
            let lines = ends.get(at).copied().unwrap_or_default();
            lines.iter().filter_map(|it| ids.entry(it)).collect()
        };
        below.extend(end(0));
        let last = end(1);
        self.show_tunnels(menus);
        sync(&self.below, below, |entry| entry.id);
        sync(&self.last, last, |entry| entry.id);
        self.does.replace(ids.now);
        summary
    }

    /// What an entry does.
    pub(super) fn does(&self, id: i32) -> Option<Does> {
        self.does.borrow().get(&id).cloned()
    }

    fn show_tunnels(&self, menus: Vec<(&String, Vec<ui::TrayEntry>)>) {
        let mut models = self.menus.borrow_mut();
        models.resize_with(menus.len(), Rc::default);
        let shown = menus.into_iter().zip(&*models).map(|((text, entries), model)| {
            sync(model, entries, |entry| entry.id);
            ui::TrayTunnel { text: text.as_str().into(), entries: ModelRc::from(model.clone()) }
        });
        sync(&self.tunnels, shown.collect(), |tunnel| tunnel.text.clone());
    }
}

/// Gives what does the same as before the id that it had.
struct Ids {
    before: BTreeMap<i32, Does>,
    now: BTreeMap<i32, Does>,
}

impl Ids {
    fn entry(&mut self, line: &Line) -> Option<ui::TrayEntry> {
        let (text, act) = match line {
            Line::Action(text, act) => (text, Some(act)),
            Line::Text(text) => (text, None),
            Line::Separator | Line::Menu(..) => return None,
        };
        let id = act.map_or(-1, |act| self.id(act));
        Some(ui::TrayEntry { id, text: text.as_str().into(), enabled: act.is_some() })
    }

    fn id(&mut self, act: &Does) -> i32 {
        let all = self.now.iter().chain(&self.before);
        if let Some(id) = all.into_iter().find_map(|(id, does)| (does == act).then_some(*id)) {
            self.now.insert(id, act.clone());
            return id;
        }
        let used = self.now.keys().chain(self.before.keys()).max();
        let id = used.map_or(0, |id| id + 1);
        self.now.insert(id, act.clone());
        id
    }
}

#[cfg(test)]
mod tests {
    use slint::Model as _;

    use super::*;

    fn copy(port: u16) -> Line {
        let url = format!("https://shop-{port}.r.example/");
        let does = Does::Copy { url, name: "shop".to_owned(), port };
        Line::Action(format!("Copy URL of :{port}"), does)
    }

    fn menu(state: &str, ports: &[u16]) -> Vec<Line> {
        let entries = ports.iter().map(|port| copy(*port)).collect();
        vec![
            Line::Text("1 of 1 is live".to_owned()),
            Line::Separator,
            Line::Menu(format!("shop: {state}"), entries),
            Line::Separator,
            Line::Action("Open window".to_owned(), Does::OpenWindow),
            Line::Separator,
            Line::Action("New tunnel...".to_owned(), Does::NewTunnel),
        ]
    }

    fn ids(rows: &Rows) -> Vec<(i32, String)> {
        let entries = rows.tunnels.row_data(0).unwrap().entries;
        let all = entries.iter().chain(rows.below.iter()).chain(rows.last.iter());
        all.map(|it| (it.id, it.text.to_string())).collect()
    }

    #[test]
    fn what_stays_the_same_keeps_its_id_and_its_model() {
        let rows = Rows::default();
        assert_eq!(rows.show(&menu("live", &[80])), "1 of 1 is live");
        let (before, entries) = (ids(&rows), rows.tunnels.row_data(0).unwrap().entries);
        rows.show(&menu("reconnecting", &[80, 81]));
        let shown = rows.tunnels.row_data(0).unwrap();
        assert_eq!(shown.text, "shop: reconnecting");
        assert!(shown.entries == entries, "the model stays");
        let after = ids(&rows);
        assert!(before.iter().all(|it| after.contains(it)), "{before:?} {after:?}");
        let (added, _) = after.iter().find(|it| !before.contains(it)).unwrap();
        assert!(matches!(rows.does(*added), Some(Does::Copy { port: 81, .. })));
    }

    #[test]
    fn what_is_gone_does_nothing_any_more() {
        let rows = Rows::default();
        rows.show(&menu("live", &[80, 81]));
        let (gone, _) = ids(&rows)[1].clone();
        rows.show(&menu("live", &[80]));
        assert_eq!(rows.does(gone), None);
        assert_eq!(rows.tunnels.row_data(0).unwrap().entries.row_count(), 1);
    }
}
