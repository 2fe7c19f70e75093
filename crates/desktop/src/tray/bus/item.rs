//! The icon on the bus: `org.kde.StatusNotifierItem`.

use adit_app::view::Icon;
use slint::{Rgba8Pixel, SharedPixelBuffer};
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, Type, Value};

use super::menu;
use crate::tray::icon::{self, Ground, SIZES};
use crate::tray::{Event, Events, Shown};

/// Where it is.
pub(super) const PATH: &str = "/StatusNotifierItem";

/// What the icon is called.
const TITLE: &str = "Adit";

/// The icon, as a tray asks for it.
pub(super) struct Item {
    icon: Icon,
    tooltip: String,
    pictures: Pictures,
    events: Events,
}

/// A picture, as the bus has it: alpha, red, green and blue of each pixel.
#[derive(Clone, Debug, Type, Value)]
pub(super) struct Pixmap {
    width: i32,
    height: i32,
    pixels: Vec<u8>,
}

/// What is said of the icon: a picture of its own, a title and a text.
#[derive(Debug, Type, Value)]
struct ToolTip {
    icon: String,
    pixmaps: Vec<Pixmap>,
    title: String,
    text: String,
}

/// The pictures of each icon, drawn once.
#[derive(Clone)]
pub(super) struct Pictures {
    ok: Vec<Pixmap>,
    attention: Vec<Pixmap>,
    offline: Vec<Pixmap>,
}

impl Pictures {
    /// Nobody tells which colour the panel has, so the icons are those for a dark one.
    pub(super) fn draw() -> Self {
        let all = |icon| {
            let drawn = SIZES.iter().filter_map(|size| icon::draw(icon, Ground::Dark, *size));
            drawn.map(|it| Pixmap::of(&it)).collect()
        };
        Self { ok: all(Icon::Ok), attention: all(Icon::Attention), offline: all(Icon::Offline) }
    }

    fn of(&self, icon: Icon) -> Vec<Pixmap> {
        let pixmaps = match icon {
            Icon::Ok => &self.ok,
            Icon::Attention => &self.attention,
            Icon::Offline => &self.offline,
        };
        pixmaps.clone()
    }
}

impl Pixmap {
    fn of(buffer: &SharedPixelBuffer<Rgba8Pixel>) -> Self {
        let length = |it: u32| i32::try_from(it).unwrap_or_default();
        let pixels = buffer.as_slice().iter().flat_map(|it| [it.a, it.r, it.g, it.b]).collect();
        Self { width: length(buffer.width()), height: length(buffer.height()), pixels }
    }
}

impl Item {
    pub(super) fn new(shown: &Shown, pictures: Pictures, events: Events) -> Self {
        Self { icon: shown.icon, tooltip: shown.tooltip.clone(), pictures, events }
    }

    /// It looks so now.
    pub(super) async fn show(&mut self, shown: &Shown, to: &SignalEmitter<'_>) {
        let mut told = Ok(());
        if self.icon != shown.icon {
            self.icon = shown.icon;
            told = told.and(Self::new_icon(to).await);
        }
        if self.tooltip != shown.tooltip {
            self.tooltip.clone_from(&shown.tooltip);
            told = told.and(Self::new_tool_tip(to).await);
        }
        if let Err(error) = told {
            tracing::debug!(%error, "the tray did not hear of a new icon");
        }
    }
}

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    fn activate(&self, _x: i32, _y: i32) {
        self.events.tell(Event::Clicked);
    }

    fn secondary_activate(&self, _x: i32, _y: i32) {
        self.events.tell(Event::Clicked);
    }

    #[zbus(property)]
    fn category(&self) -> &str {
        "ApplicationStatus"
    }

    #[zbus(property)]
    fn id(&self) -> &str {
        "adit-desktop"
    }

    #[zbus(property)]
    fn title(&self) -> &str {
        TITLE
    }

    #[zbus(property)]
    fn status(&self) -> &str {
        "Active"
    }

    #[zbus(property)]
    fn window_id(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn menu(&self) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked(menu::PATH)
    }

    /// A click opens the window, not the menu.
    #[zbus(property)]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn icon_pixmap(&self) -> Vec<Pixmap> {
        self.pictures.of(self.icon)
    }

    #[zbus(property)]
    fn overlay_icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn overlay_icon_pixmap(&self) -> Vec<Pixmap> {
        Vec::new()
    }

    #[zbus(property)]
    fn attention_icon_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn attention_icon_pixmap(&self) -> Vec<Pixmap> {
        Vec::new()
    }

    #[zbus(property)]
    fn attention_movie_name(&self) -> &str {
        ""
    }

    #[zbus(property)]
    fn tool_tip(&self) -> ToolTip {
        let (title, text) = (TITLE.to_owned(), self.tooltip.clone());
        ToolTip { icon: String::new(), pixmaps: Vec::new(), title, text }
    }

    #[zbus(signal)]
    async fn new_icon(to: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_tool_tip(to: &SignalEmitter<'_>) -> zbus::Result<()>;
}
