//! Where a window was, and where it comes back.
//!
//! Screens come and go, and so do their scales: a position is physical and belongs to the screens of that day, a size
//! is logical and belongs to what is in the window.

use serde::{Deserialize, Serialize};

/// So much of a window's top must be on a screen that it can be taken and moved: logical pixels.
const GRIP: (f64, f64) = (120.0, 24.0);

/// Where a window was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Its upper left corner in physical pixels, where the system tells that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<(i32, i32)>,
    /// Its width and height, without frame, in logical pixels.
    pub size: (f64, f64),
    /// It filled its screen; position and size are those before that.
    #[serde(default)]
    pub is_maximised: bool,
}

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Its upper left corner in physical pixels.
    pub position: (i32, i32),
    /// Its width and height in physical pixels.
    pub size: (u32, u32),
    /// Physical pixels to a logical one.
    pub scale: f64,
}

impl Placement {
    /// Where the window comes back, with these screens and at least so large. A position that no screen has any more
    /// is left to the system.
    pub fn fit(self, screens: &[Screen], least: (f64, f64)) -> Self {
        let screen = self.position.and_then(|at| self.screen_of(at, screens));
        let most = match screen {
            Some(screen) => screen.logical(),
            // It may come up on any of them.
            None => screens.iter().map(Screen::logical).fold((f64::MAX, f64::MAX), |most, it| {
                if it.0 * it.1 < most.0 * most.1 { it } else { most }
            }),
        };
        let within = |wish: f64, least: f64, most: f64| {
            // A file may say anything.
            if wish.is_finite() { wish.min(most).max(least) } else { least }
        };
        Self {
            position: self.position.filter(|_| screen.is_some()),
            size: (within(self.size.0, least.0, most.0), within(self.size.1, least.1, most.1)),
            is_maximised: self.is_maximised,
        }
    }

    /// The screen on which a person can take the window by its top.
    fn screen_of(&self, at: (i32, i32), screens: &[Screen]) -> Option<Screen> {
        screens.iter().copied().find(|screen| {
            let (left, top) = (f64::from(at.0), f64::from(at.1));
            let right = left + self.size.0 * screen.scale;
            let (begin, above) = (f64::from(screen.position.0), f64::from(screen.position.1));
            let end = begin + f64::from(screen.size.0);
            let below = above + f64::from(screen.size.1);
            let seen = right.min(end) - left.max(begin);
            seen >= GRIP.0 * screen.scale && top >= above && top + GRIP.1 * screen.scale <= below
        })
    }
}

impl Screen {
    fn logical(&self) -> (f64, f64) {
        (f64::from(self.size.0) / self.scale, f64::from(self.size.1) / self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: (f64, f64) = (640.0, 440.0);

    fn screen(x: i32, scale: f64) -> Screen {
        Screen { position: (x, 0), size: (1920, 1080), scale }
    }

    fn at(x: i32, y: i32) -> Placement {
        Placement { position: Some((x, y)), size: (960.0, 680.0), is_maximised: false }
    }

    #[test]
    fn a_window_comes_back_where_it_was_while_that_screen_is_there() {
        let both = [screen(0, 1.0), screen(1920, 1.0)];
        let second = at(2500, 100);
        assert_eq!(second.fit(&both, LEAST), second);
        let alone = second.fit(&both[..1], LEAST);
        assert_eq!(alone, Placement { position: None, ..second });
    }

    #[test]
    fn its_top_must_be_in_reach() {
        let screens = [screen(0, 1.0)];
        let comes_back = |x, y| at(x, y).fit(&screens, LEAST).position.is_some();
        assert!(comes_back(-840, 0), "120 of it are seen");
        assert!(!comes_back(-841, 0));
        assert!(comes_back(1800, 1056));
        assert!(!comes_back(1800, 1057));
        assert!(!comes_back(100, -1), "its title is above the screen");
        let beside = [screen(0, 1.0), screen(-1920, 1.0)];
        assert!(at(-841, 0).fit(&beside, LEAST).position.is_some());
    }

    #[test]
    fn it_is_neither_larger_than_its_screen_nor_smaller_than_its_least() {
        let huge = Placement { size: (5000.0, 5000.0), ..at(0, 0) };
        assert_eq!(huge.fit(&[screen(0, 1.0)], LEAST).size, (1920.0, 1080.0));
        assert_eq!(huge.fit(&[screen(0, 2.0)], LEAST).size, (960.0, 540.0));
        let odd = Placement { size: (f64::NAN, 1.0), ..at(0, 0) };
        assert_eq!(odd.fit(&[screen(0, 1.0)], LEAST).size, LEAST);
        // Where nothing is told of screens, the wish is all there is.
        assert_eq!(at(0, 0).fit(&[], LEAST).size, (960.0, 680.0));
    }
}
