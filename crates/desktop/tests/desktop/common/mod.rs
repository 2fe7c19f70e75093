//! A window without a screen: elements by their names, keys, clicks, time by hand, and pictures.
//!
//! One per test thread. Nothing here sleeps, and the clock stands still unless a test moves it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use adit_app::words::Language;
use adit_desktop::demo::{Demo, Scene};
use adit_desktop::outside::{Outside, Told};
use adit_desktop::window::{Input, Window};
use adit_desktop::{Appearance, Theme};
use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions,
    testing_backend,
};
use jiff::tz::TimeZone;
use slint::platform::{Key, PointerEventButton, WindowEvent};
use slint::{ComponentHandle, LogicalPosition, LogicalSize, PhysicalSize, SharedString};

/// What was done to the desktop.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) copied: RefCell<Vec<String>>,
    pub(crate) opened: RefCell<Vec<String>>,
    pub(crate) folders: RefCell<Vec<std::path::PathBuf>>,
    /// Whether the desktop has nothing that opens what it is given.
    pub(crate) opens_nothing: Cell<bool>,
}

impl Outside for Recorded {
    fn copy(&self, text: &str) -> bool {
        self.copied.borrow_mut().push(text.to_owned());
        true
    }

    fn open_folder(&self, folder: &Path, told: Told) {
        self.folders.borrow_mut().push(folder.to_owned());
        told(!self.opens_nothing.get());
    }

    fn open(&self, url: &str, told: Told) {
        self.opened.borrow_mut().push(url.to_owned());
        told(!self.opens_nothing.get());
    }
}

/// A window on a scripted world.
pub(crate) struct Stage {
    pub(crate) demo: Demo,
    pub(crate) window: Rc<Window>,
    pub(crate) outside: Rc<Recorded>,
}

impl Stage {
    /// In English, light, 960 x 680.
    pub(crate) fn new(scene: Scene) -> Self {
        let backend = TestingBackend::new(TestingBackendOptions {
            mock_time: true,
            threading: false,
            renderer_name: Some("software".into()),
        });
        // A second stage of the same thread has it already.
        let _ = slint::platform::set_platform(Box::new(backend));
        let (demo, outside) = (Demo::new(scene), Rc::new(Recorded::default()));
        let window =
            Window::new(demo.desk(), outside.clone(), TimeZone::UTC, Language::English).unwrap();
        let stage = Self { demo, window, outside };
        stage.theme(Appearance::Light);
        stage.window.app().show().unwrap();
        stage.size(960, 680, 1.0);
        stage.wait(Duration::from_millis(700));
        stage
    }

    pub(crate) fn theme(&self, appearance: Appearance) {
        self.window.app().global::<Theme<'_>>().set_appearance(appearance);
    }

    /// Nothing moves or pulses.
    pub(crate) fn still(&self) {
        self.window.app().global::<Theme<'_>>().set_reduced_motion(true);
    }

    /// In logical pixels, at a scale.
    pub(crate) fn size(&self, width: u32, height: u32, scale: f32) {
        let window = self.window.app().window();
        window.dispatch_event(WindowEvent::ScaleFactorChanged { scale_factor: scale });
        let physical = |length: u32| (length as f32 * scale) as u32;
        window.set_size(PhysicalSize::new(physical(width), physical(height)));
        window.dispatch_event(WindowEvent::Resized {
            size: LogicalSize::new(width as f32, height as f32),
        });
        window.dispatch_event(WindowEvent::WindowActiveChanged(true));
        self.wait(Duration::from_millis(500));
        self.settle();
    }

    /// Lets the interface's time pass: timers, animations, what is made late.
    pub(crate) fn wait(&self, span: Duration) {
        testing_backend::mock_elapsed_time(span.as_millis() as u64);
    }

    /// Lets the world's time pass, and shows what came of it.
    pub(crate) fn pass(&self, seconds: u64) {
        self.demo.pass(Duration::from_secs(seconds));
        self.settle();
    }

    /// Shows the newest, and lets short animations end.
    pub(crate) fn settle(&self) {
        self.window.catch_up();
        self.wait(Duration::from_millis(200));
        // As the window system's next event would have it.
        self.window.keep_keyboard(Input::Other);
        self.wait(Duration::from_millis(1));
    }

    /// The elements of that name.
    pub(crate) fn all(&self, label: &str) -> Vec<ElementHandle> {
        let found = ElementHandle::find_by_accessible_label(self.window.app(), label);
        found.filter(is_told).collect()
    }

    /// The one element of that name.
    pub(crate) fn one(&self, label: &str) -> ElementHandle {
        let found = self.all(label);
        assert_eq!(found.len(), 1, "elements called `{label}`; there are {:?}", self.labels());
        found.into_iter().next().unwrap()
    }

    /// The first element whose name begins so.
    pub(crate) fn beginning(&self, start: &str) -> ElementHandle {
        let start = start.to_owned();
        let query = ElementQuery::from_root(self.window.app());
        let found = query
            .match_predicate(move |it| {
                is_told(it) && it.accessible_label().is_some_and(|it| it.starts_with(&start))
            })
            .find_first();
        found.unwrap_or_else(|| panic!("there are only {:?}", self.labels()))
    }

    /// All names there are.
    pub(crate) fn labels(&self) -> Vec<String> {
        let query = ElementQuery::from_root(self.window.app());
        let all = query.match_predicate(is_told).find_all();
        all.iter().filter_map(|it| it.accessible_label()).map(|it| it.to_string()).collect()
    }

    /// Presses what is called so, as a screen reader does.
    pub(crate) fn press(&self, label: &str) {
        self.one(label).invoke_accessible_default_action();
        self.settle();
    }

    /// Moves the pointer to a point.
    pub(crate) fn point(&self, x: f32, y: f32) {
        let position = LogicalPosition::new(x, y);
        self.window.app().window().dispatch_event(WindowEvent::PointerMoved { position });
        self.settle();
    }

    /// Clicks on a point.
    pub(crate) fn click(&self, x: f32, y: f32) {
        let (position, button) = (LogicalPosition::new(x, y), PointerEventButton::Left);
        let window = self.window.app().window();
        window.dispatch_event(WindowEvent::PointerMoved { position });
        window.dispatch_event(WindowEvent::PointerPressed { position, button });
        window.dispatch_event(WindowEvent::PointerReleased { position, button });
        self.settle();
    }

    /// Presses and releases a key.
    pub(crate) fn key(&self, key: impl Into<SharedString>) {
        let text: SharedString = key.into();
        let window = self.window.app().window();
        self.window.keep_keyboard(Input::Key);
        window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
        window.dispatch_event(WindowEvent::KeyReleased { text });
        self.settle();
    }

    /// Presses a key while Ctrl is held.
    pub(crate) fn control(&self, key: impl Into<SharedString>) {
        self.held(Key::Control, key);
    }

    /// Presses Shift and Tab.
    pub(crate) fn back_tab(&self) {
        self.held(Key::Shift, Key::Tab);
    }

    fn held(&self, modifier: Key, key: impl Into<SharedString>) {
        let window = self.window.app().window();
        window.dispatch_event(WindowEvent::KeyPressed { text: modifier.into() });
        self.key(key);
        window.dispatch_event(WindowEvent::KeyReleased { text: modifier.into() });
        self.settle();
    }

    /// What stands in the field or choice of that name.
    pub(crate) fn value(&self, label: &str) -> String {
        self.one(label).accessible_value().unwrap_or_default().to_string()
    }

    /// Writes into the field of that name.
    pub(crate) fn write(&self, label: &str, text: &str) {
        self.one(label).set_accessible_value(text);
        self.settle();
    }

    /// The button of that name, which a dialog may have too.
    pub(crate) fn button(&self, label: &str) -> ElementHandle {
        let is_button = |it: &ElementHandle| it.accessible_role() == Some(AccessibleRole::Button);
        let found: Vec<_> = self.all(label).into_iter().filter(is_button).collect();
        assert_eq!(found.len(), 1, "buttons called `{label}`; there are {:?}", self.labels());
        found.into_iter().next().unwrap()
    }

    /// Presses the button of that name.
    pub(crate) fn press_button(&self, label: &str) {
        self.button(label).invoke_accessible_default_action();
        self.settle();
    }

    /// Whether the button of that name can be pressed.
    pub(crate) fn is_enabled(&self, label: &str) -> bool {
        self.button(label).accessible_enabled().unwrap_or(true)
    }

    /// Types a text.
    pub(crate) fn type_text(&self, text: &str) {
        text.chars().for_each(|it| self.key(it));
    }
}

/// Whether a screen reader hears of it.
fn is_told(element: &ElementHandle) -> bool {
    element.accessible_role().is_some_and(|role| role != AccessibleRole::None)
}
