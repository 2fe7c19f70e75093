//! A panel with a tray: the watcher of the bus, and what a person does with an icon.

use std::collections::HashMap;

use futures_lite::StreamExt as _;
use tokio::sync::mpsc;
use zbus::proxy::SignalStream;
use zbus::zvariant::{OwnedValue, Structure, Value};
use zbus::{Connection, Proxy, interface};

use super::{Private, next, within};

const NAME: &str = "org.kde.StatusNotifierWatcher";
const PATH: &str = "/StatusNotifierWatcher";

/// A panel.
pub(crate) struct Panel {
    connection: Connection,
    registered: mpsc::Receiver<String>,
}

struct Watcher {
    registered: mpsc::Sender<String>,
    draws: bool,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    async fn register_status_notifier_item(&self, service: String) {
        self.registered.send(service).await.unwrap();
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        self.draws
    }

    #[zbus(signal)]
    async fn status_notifier_host_registered(
        to: &zbus::object_server::SignalEmitter<'_>,
    ) -> zbus::Result<()>;
}

impl Panel {
    /// One that draws icons, or one that only knows them.
    pub(crate) async fn start(bus: &Private, draws: bool) -> Self {
        let (sender, registered) = mpsc::channel(8);
        let connection = bus.connect().await;
        let watcher = Watcher { registered: sender, draws };
        connection.object_server().at(PATH, watcher).await.unwrap();
        connection.request_name(NAME).await.unwrap();
        Self { connection, registered }
    }

    /// It begins to draw icons.
    pub(crate) async fn draw(&self) {
        let watcher = self.connection.object_server().interface::<_, Watcher>(PATH).await.unwrap();
        watcher.get_mut().await.draws = true;
        Watcher::status_notifier_host_registered(watcher.signal_emitter()).await.unwrap();
    }

    /// The icon that registers next.
    pub(crate) async fn icon(&mut self) -> Icon {
        let name = next(&mut self.registered).await;
        Icon::new(&self.connection, name).await
    }

    /// It crashes.
    pub(crate) async fn end(self) {
        self.connection.close().await.unwrap();
    }
}

/// An icon in the panel.
pub(crate) struct Icon {
    item: Proxy<'static>,
    menu: Proxy<'static>,
}

/// An entry of its menu.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: i32,
    pub(crate) properties: HashMap<String, OwnedValue>,
    pub(crate) children: Vec<Entry>,
}

impl Icon {
    async fn new(connection: &Connection, name: String) -> Self {
        let at = async |path: &'static str, interface: &'static str| {
            let builder = zbus::proxy::Builder::<Proxy<'static>>::new(connection);
            let builder = builder.destination(name.clone()).unwrap().path(path).unwrap();
            let builder = builder.interface(interface).unwrap();
            builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
        };
        Self {
            item: at("/StatusNotifierItem", "org.kde.StatusNotifierItem").await,
            menu: at("/MenuBar", "com.canonical.dbusmenu").await,
        }
    }

    /// Its widths, and the bytes of each.
    pub(crate) async fn pictures(&self) -> Vec<(i32, i32, Vec<u8>)> {
        self.item.get_property("IconPixmap").await.unwrap()
    }

    pub(crate) async fn text(&self, property: &str) -> String {
        self.item.get_property(property).await.unwrap()
    }

    pub(crate) async fn tooltip(&self) -> String {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let tooltip: ToolTip = self.item.get_property("ToolTip").await.unwrap();
        tooltip.3
    }

    pub(crate) async fn click(&self) {
        self.item.call_method("Activate", &(1, 1)).await.unwrap();
    }

    /// Hears of a new tooltip.
    pub(crate) async fn new_tooltip(&self) -> SignalStream<'static> {
        self.item.receive_signal("NewToolTip").await.unwrap()
    }

    /// Hears of a new menu.
    pub(crate) async fn new_menu(&self) -> SignalStream<'static> {
        self.menu.receive_signal("LayoutUpdated").await.unwrap()
    }

    pub(crate) async fn menu(&self) -> Entry {
        type Root = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let asked = (0, -1, Vec::<String>::new());
        let told: (u32, Root) = self.menu.call("GetLayout", &asked).await.unwrap();
        let (id, properties, children) = told.1;
        Entry { id, properties, children: children.into_iter().map(Entry::of).collect() }
    }

    /// What a panel tells of its menu.
    pub(crate) async fn tell(&self, id: i32, what: &str) -> zbus::Result<()> {
        self.menu.call("Event", &(id, what, Value::from(0), 0_u32)).await
    }

    /// Chooses an entry, by its words.
    pub(crate) async fn choose(&self, words: &str) {
        let menu = self.menu().await;
        let entry = menu.find(words).unwrap_or_else(|| panic!("{words}: {:?}", menu.words()));
        self.tell(entry.id, "clicked").await.unwrap();
    }
}

impl Entry {
    fn of(value: OwnedValue) -> Self {
        let value = Structure::try_from(Value::from(value)).unwrap();
        let fields: (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>) = value.try_into().unwrap();
        let (id, properties, children) = fields;
        Self { id, properties, children: children.into_iter().map(Self::of).collect() }
    }

    pub(crate) fn label(&self) -> String {
        let label = self.properties.get("label").and_then(|it| it.try_clone().ok());
        label.and_then(|it| String::try_from(it).ok()).unwrap_or_default()
    }

    /// All words in it, from top to bottom.
    pub(crate) fn words(&self) -> Vec<String> {
        let below = self.children.iter().flat_map(Self::words);
        std::iter::once(self.label()).filter(|it| !it.is_empty()).chain(below).collect()
    }

    /// The first with these words.
    pub(crate) fn find(&self, words: &str) -> Option<&Self> {
        if self.label() == words {
            return Some(self);
        }
        self.children.iter().find_map(|it| it.find(words))
    }
}

/// Waits for a signal.
pub(crate) async fn signal(stream: &mut SignalStream<'static>) {
    within(stream.next()).await.unwrap();
}
