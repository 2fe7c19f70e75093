//! The menu on the bus: `com.canonical.dbusmenu`.

use std::collections::HashMap;

use serde::Serialize;
use zbus::fdo;
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedValue, Structure, Type, Value};

use super::board::{Board, Layout, Property, ROOT};
use crate::tray::{Event, Events, Line};

/// Where it is.
pub(super) const PATH: &str = "/MenuBar";

/// The menu, as a tray asks for it.
pub(super) struct Menu {
    board: Board,
    events: Events,
}

/// An entry with those below it, as the bus has it.
#[derive(Serialize, Type)]
struct Node {
    id: i32,
    properties: HashMap<&'static str, Value<'static>>,
    children: Vec<Value<'static>>,
}

impl Menu {
    pub(super) fn new(lines: Vec<Line>, events: Events) -> Self {
        Self { board: Board::new(lines), events }
    }

    /// It is to be another, and is as soon as it is not open.
    pub(super) async fn offer(&mut self, lines: Vec<Line>, to: &SignalEmitter<'_>) {
        let is_new = self.board.offer(lines);
        self.tell(is_new, to).await;
    }

    /// The tray that may have shown it is gone.
    pub(super) async fn abandon(&mut self, to: &SignalEmitter<'_>) {
        let is_new = self.board.close();
        self.tell(is_new, to).await;
    }

    async fn tell(&self, is_new: bool, to: &SignalEmitter<'_>) {
        if is_new {
            let told = Self::layout_updated(to, self.board.revision(), ROOT).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the tray did not hear of a new menu");
            }
        }
    }

    /// Whether there is such an entry.
    async fn happened(&mut self, id: i32, what: &str, to: &SignalEmitter<'_>) -> bool {
        if !self.board.has(id) {
            return false;
        }
        match what {
            "clicked" => {
                if let Some(does) = self.board.chosen(id) {
                    self.events.tell(Event::Chosen(does));
                }
            }
            "opened" if id == ROOT => {
                let is_new = self.board.open();
                self.tell(is_new, to).await;
            }
            "closed" if id == ROOT => {
                let is_new = self.board.close();
                self.tell(is_new, to).await;
            }
            _ => {}
        }
        true
    }
}

#[interface(name = "com.canonical.dbusmenu")]
impl Menu {
    fn get_layout(
        &self,
        parent_id: i32,
        recursion_depth: i32,
        property_names: Vec<String>,
    ) -> fdo::Result<(u32, Node)> {
        let layout = self.board.layout(parent_id, recursion_depth).ok_or_else(unknown)?;
        Ok((self.board.revision(), node(layout, &property_names)))
    }

    fn get_group_properties(
        &self,
        ids: Vec<i32>,
        property_names: Vec<String>,
    ) -> Vec<(i32, HashMap<&'static str, Value<'static>>)> {
        let ids = if ids.is_empty() { self.board.ids() } else { ids };
        let of = |id| Some((id, values(self.board.properties(id)?, &property_names)));
        ids.into_iter().filter_map(of).collect()
    }

    fn get_property(&self, id: i32, name: String) -> fdo::Result<Value<'static>> {
        let properties = self.board.properties(id).ok_or_else(unknown)?;
        let mut values = values(properties, std::slice::from_ref(&name));
        values
            .remove(name.as_str())
            .ok_or_else(|| fdo::Error::InvalidArgs("there is no such property".to_owned()))
    }

    async fn event(
        &mut self,
        id: i32,
        event_id: String,
        _data: OwnedValue,
        _timestamp: u32,
        #[zbus(signal_emitter)] to: SignalEmitter<'_>,
    ) -> fdo::Result<()> {
        if self.happened(id, &event_id, &to).await { Ok(()) } else { Err(unknown()) }
    }

    async fn event_group(
        &mut self,
        events: Vec<(i32, String, OwnedValue, u32)>,
        #[zbus(signal_emitter)] to: SignalEmitter<'_>,
    ) -> Vec<i32> {
        let mut unknown = Vec::new();
        for (id, what, _, _) in events {
            if !self.happened(id, &what, &to).await {
                unknown.push(id);
            }
        }
        unknown
    }

    /// The menu is always whole, so nothing is needed before it is shown.
    fn about_to_show(&self, id: i32) -> fdo::Result<bool> {
        if self.board.has(id) { Ok(false) } else { Err(unknown()) }
    }

    fn about_to_show_group(&self, ids: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        (Vec::new(), ids.into_iter().filter(|id| !self.board.has(*id)).collect())
    }

    #[zbus(property)]
    fn version(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn text_direction(&self) -> &str {
        "ltr"
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        "normal"
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(signal)]
    async fn layout_updated(to: &SignalEmitter<'_>, revision: u32, parent: i32)
    -> zbus::Result<()>;
}

fn node(layout: Layout, names: &[String]) -> Node {
    Node {
        id: layout.id,
        properties: values(layout.properties, names),
        children: layout.children.into_iter().map(|it| structure(it, names).into()).collect(),
    }
}

fn structure(layout: Layout, names: &[String]) -> Structure<'static> {
    let node = node(layout, names);
    Structure::from((node.id, node.properties, node.children))
}

/// Those that were asked for; all if none was.
fn values(
    properties: Vec<(&'static str, Property)>,
    names: &[String],
) -> HashMap<&'static str, Value<'static>> {
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    properties
        .into_iter()
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, value)| match value {
            Property::Text(text) => (name, Value::from(text)),
            Property::Flag(flag) => (name, Value::from(flag)),
        })
        .collect()
}

fn unknown() -> fdo::Error {
    fdo::Error::InvalidArgs("there is no such entry".to_owned())
}
