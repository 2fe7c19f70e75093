//! The wishes of Windows, in the user's part of the registry.

use adit_wire::task;
use tokio::sync::watch;
use windows_registry::CURRENT_USER;

use super::System;

/// The bit that says that high contrast is on (`HCF_HIGHCONTRASTON`).
const CONTRAST: u32 = 1;

/// Byte and bit that say that what is in windows may move (`SPI_GETCLIENTAREAANIMATION`).
const MOTION: (usize, u8) = (4, 1 << 1);

pub(super) async fn follow(told: watch::Sender<System>) {
    let (contrast, still) = task::blocking("read wishes", || (contrast(), still())).await;
    System::change(&told, |system| {
        system.contrast = contrast;
        system.still = still;
    });
}

fn contrast() -> bool {
    let flags = CURRENT_USER
        .open(r"Control Panel\Accessibility\HighContrast")
        .and_then(|key| key.get_string("Flags"));
    flags.ok().and_then(|it| it.parse::<u32>().ok()).is_some_and(|it| it & CONTRAST != 0)
}

fn still() -> bool {
    let mask = CURRENT_USER
        .open(r"Control Panel\Desktop")
        .and_then(|key| key.get_value("UserPreferencesMask"));
    mask.ok().and_then(|it| it.get(MOTION.0).copied()).is_some_and(|it| it & MOTION.1 == 0)
}
