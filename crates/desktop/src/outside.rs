//! What a window does to the desktop around it.

use std::ffi::OsString;
use std::path::Path;
use std::thread;
#[cfg(not(any(windows, target_os = "macos")))]
use std::time::Duration;

use adit_app::words::Language;

use tokio::sync::oneshot;

/// Called once, on the thread of the interface, with whether it could be done.
pub type Told = Box<dyn FnOnce(bool)>;

/// The desktop around a window. What takes time is done beside the interface.
pub trait Outside {
    /// Puts a text on the clipboard; `false` when there is none to be had.
    fn copy(&self, text: &str) -> bool;
    /// Opens a folder in the file manager.
    fn open_folder(&self, folder: &Path, told: Told);
    /// Opens a URL in the browser.
    fn open(&self, url: &str, told: Told);
}

/// Whether there is a screen to show a window on, as far as that is told.
pub fn has_screen() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos"))
        || ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(is_set)
}

/// The language of the system, as far as its variables tell.
pub fn language() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    // Where no variable says it, as on Windows and in what the Finder starts, the system is asked.
    #[cfg(any(windows, target_os = "macos"))]
    let locale = locale.or_else(sys_locale::get_locale);
    locale.and_then(|locale| Language::of_locale(&locale)).unwrap_or_default()
}

/// The real one.
#[derive(Debug, Default)]
pub struct Desktop {
    /// Kept, because on X11 a text is gone with who put it there.
    clipboard: std::cell::RefCell<Option<Clipboard>>,
}

struct Clipboard(arboard::Clipboard);

impl std::fmt::Debug for Clipboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clipboard")
    }
}

impl Outside for Desktop {
    fn copy(&self, text: &str) -> bool {
        let mut clipboard = self.clipboard.borrow_mut();
        if clipboard.is_none() {
            *clipboard = arboard::Clipboard::new().ok().map(Clipboard);
        }
        let Some(Clipboard(clipboard)) = &mut *clipboard else { return false };
        match clipboard.set_text(text) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a text could not be copied");
                false
            }
        }
    }

    fn open_folder(&self, folder: &Path, told: Told) {
        open_beside(folder.into(), told);
    }

    fn open(&self, url: &str, told: Told) {
        open_beside(url.into(), told);
    }
}

/// Has the system open it in a thread of its own: it is known only after a while whether that went well.
fn open_beside(what: OsString, told: Told) {
    let (tell, opened) = oneshot::channel();
    let open = move || {
        let opened = open_now(&what);
        if let Err(error) = &opened {
            tracing::warn!(%error, what = %what.display(), "the system could not open it");
        }
        // Nobody listens where the interface has ended.
        let _ = tell.send(opened.is_ok());
    };
    if let Err(error) = thread::Builder::new().name("open".to_owned()).spawn(open) {
        tracing::warn!(%error, "nothing can be opened");
    }
    // Without a thread nothing will be sent, which is an answer, too.
    let telling = async move { told(opened.await.unwrap_or(false)) };
    if let Err(error) = slint::spawn_local(telling) {
        tracing::warn!(%error, "whether it was opened is not told");
    }
}

/// A program that runs longer than this is taken for one that shows it.
#[cfg(not(any(windows, target_os = "macos")))]
const FAILS_WITHIN: Duration = Duration::from_secs(3);

#[cfg(not(any(windows, target_os = "macos")))]
fn open_now(what: &OsString) -> std::io::Result<()> {
    open::that_detached_with_timeout(what, FAILS_WITHIN)
}

#[cfg(any(windows, target_os = "macos"))]
fn open_now(what: &OsString) -> std::io::Result<()> {
    open::that_detached(what)
}
