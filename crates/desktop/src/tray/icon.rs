//! The pictures of the tray's icon, drawn from the project's own SVGs in each size that a tray asks for.

use adit_app::view::Icon;
use slint::{Image, Rgba8Pixel, SharedPixelBuffer};

/// The sizes that trays use, and their doubles.
pub const SIZES: [u32; 7] = [16, 22, 24, 32, 44, 48, 64];

/// Under this size there is no room for the mark in the badge.
const ROOM: u32 = 20;

/// What the icon lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A light panel.
    Light,
    /// A dark panel, or one of which nothing is known.
    Dark,
    /// One that colours the icon itself.
    Template,
}

/// Draws an icon; `None` only if the SVG were no SVG.
pub fn draw(icon: Icon, ground: Ground, size: u32) -> Option<SharedPixelBuffer<Rgba8Pixel>> {
    picture(icon, ground, size)?.to_rgba8()
}

/// The same, for where an image is wanted.
pub fn picture(icon: Icon, ground: Ground, size: u32) -> Option<Image> {
    render(source(icon, ground, size < ROOM), size)
}

/// The application's own icon.
pub fn app(size: u32) -> Option<SharedPixelBuffer<Rgba8Pixel>> {
    render(include_str!("../../assets/icons/app.svg"), size)?.to_rgba8()
}

/// The size stands in the SVG's first line; its coordinates are apart from that.
fn render(svg: &str, size: u32) -> Option<Image> {
    let (head, body) = svg.split_once('>')?;
    let head: Vec<_> = head
        .split(' ')
        .map(|word| match word.split_once('=') {
            Some((name @ ("width" | "height"), _)) => format!("{name}=\"{size}\""),
            _ => word.to_owned(),
        })
        .collect();
    Image::load_from_svg_data(format!("{}>{body}", head.join(" ")).as_bytes()).ok()
}

macro_rules! asset {
    ($name:literal) => {
        include_str!(concat!("../../assets/icons/tray-", $name, ".svg"))
    };
}

fn source(icon: Icon, ground: Ground, is_small: bool) -> &'static str {
    match (icon, ground) {
        (Icon::Ok, Ground::Light) => asset!("ok-on-light"),
        (Icon::Ok, Ground::Dark) => asset!("ok-on-dark"),
        (Icon::Ok, Ground::Template) => asset!("template"),
        (Icon::Attention, Ground::Light) if is_small => asset!("attention-small-on-light"),
        (Icon::Attention, Ground::Light) => asset!("attention-on-light"),
        (Icon::Attention, Ground::Dark) if is_small => asset!("attention-small-on-dark"),
        (Icon::Attention, Ground::Dark) => asset!("attention-on-dark"),
        (Icon::Attention, Ground::Template) => asset!("template-attention"),
        (Icon::Offline, Ground::Light) => asset!("offline-on-light"),
        (Icon::Offline, Ground::Dark) => asset!("offline-on-dark"),
        (Icon::Offline, Ground::Template) => asset!("template-offline"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICONS: [Icon; 3] = [Icon::Ok, Icon::Attention, Icon::Offline];
    const GROUNDS: [Ground; 3] = [Ground::Light, Ground::Dark, Ground::Template];

    #[test]
    fn each_is_drawn_in_each_size_and_differs_from_the_others() {
        for size in SIZES {
            let mut seen = Vec::new();
            for ground in GROUNDS {
                for icon in ICONS {
                    let drawn = draw(icon, ground, size).unwrap();
                    assert_eq!((drawn.width(), drawn.height()), (size, size));
                    let pixels = drawn.as_bytes().to_vec();
                    assert!(!seen.contains(&pixels), "{icon:?} on {ground:?} at {size}");
                    seen.push(pixels);
                }
            }
        }
    }

    #[test]
    fn a_small_badge_has_no_mark() {
        let white = |size| {
            let drawn = draw(Icon::Attention, Ground::Light, size).unwrap();
            drawn.as_slice().iter().any(|it| it.a == 255 && it.r > 250 && it.g > 250 && it.b > 250)
        };
        assert!(white(32));
        assert!(!white(16));
    }
}
