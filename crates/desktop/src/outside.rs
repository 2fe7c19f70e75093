//! What a window does to the desktop around it.

use std::path::Path;

use adit_app::words::Language;

/// The desktop around a window.
pub trait Outside {
    /// Puts a text on the clipboard; `false` when there is none to be had.
    fn copy(&self, text: &str) -> bool;
    /// Opens a folder in the file manager; `false` when nothing could be started.
    fn open_folder(&self, folder: &Path) -> bool;
    /// Opens a URL in the browser; `false` when nothing could be started.
    fn open(&self, url: &str) -> bool;
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

    fn open_folder(&self, folder: &Path) -> bool {
        let opened = open::that_detached(folder);
        if let Err(error) = &opened {
            tracing::warn!(%error, folder = %folder.display(), "a folder could not be opened");
        }
        opened.is_ok()
    }

    fn open(&self, url: &str) -> bool {
        let opened = open::that_detached(url);
        if let Err(error) = &opened {
            tracing::warn!(%error, "no browser could be opened");
        }
        opened.is_ok()
    }
}
