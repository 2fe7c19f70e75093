//! A QR code of the address that reaches farthest, to be opened with a phone.

use adit_app::failure::Outcome;
use adit_app::reach::{Reach, Reaches};
use adit_tunnel::host::PortUrls;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::screen::Screen;

/// Prints it, light on dark as most terminals are; cameras read either.
pub(super) fn show(urls: &[PortUrls], reaches: &Reaches, screen: Screen) -> Outcome {
    let Some(url) = farthest(urls, reaches) else { return Ok(()) };
    let Some(code) = render(url) else {
        return screen.line(format!("{url} is too long for a QR code"));
    };
    screen.line(code)?;
    screen.line(url)?;
    if reaches.of(url) == Some(Reach::Computer) {
        screen.line("This URL reaches this computer only: a phone needs --lan or a relay")?;
    }
    Ok(())
}

/// The first of those that reach farthest.
fn farthest<'a>(urls: &'a [PortUrls], reaches: &Reaches) -> Option<&'a str> {
    let all = urls.iter().flat_map(|of| of.urls.iter().map(String::as_str));
    // `max_by_key` would take the last.
    all.reduce(|best, url| if reaches.of(url) > reaches.of(best) { url } else { best })
}

fn render(url: &str) -> Option<String> {
    let code = QrCode::new(url).ok()?;
    Some(code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_of_the_address_that_reaches_farthest() {
        let of = |port, urls: &[&str]| PortUrls {
            port,
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        };
        let here = [of(3000, &["http://127.0.0.1:1/", "http://t-3000.localhost:2/"])];
        assert_eq!(farthest(&here, &Reaches::TRIAL), Some("http://127.0.0.1:1/"));
        let lan = [of(3000, &["http://127.0.0.1:1/", "http://192.168.1.2:1/"])];
        assert_eq!(farthest(&lan, &Reaches::TRIAL), Some("http://192.168.1.2:1/"));
        assert_eq!(farthest(&[], &Reaches::TRIAL), None);
    }

    #[test]
    fn a_code_is_a_square_of_half_blocks_with_a_quiet_zone() {
        let code = render("http://192.168.1.20:41873/").unwrap();
        let widths: Vec<_> = code.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        assert!(widths[0] >= 25 && code.chars().all(|char| " ▀▄█\n".contains(char)));
        assert!(render(&"x".repeat(5000)).is_none());
    }
}
