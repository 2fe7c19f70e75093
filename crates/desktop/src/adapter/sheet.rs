//! What the dialogs about a tunnel show: people, URLs to open, forms, and a QR code.

use adit_app::local::Risk;
use adit_app::manage::Whole;
use adit_app::manage::anyone::{Door, Opening};
use adit_app::manage::edit::{Broken, Field, Passing, PortForm, TunnelForm};
use adit_app::manage::people::{Invite, Person, Who};
use adit_app::message::Message;
use adit_app::words;
use adit_proto::contracts::Protocol;
use adit_tunnel::management::Link;
use jiff::Timestamp;
use qrcode::{Color, QrCode};
use slint::{Image, Rgba8Pixel, SharedPixelBuffer, SharedString};

use super::terms::{self, Speech};
use crate::ui;

/// Empty modules around a code, which cameras need.
const QUIET: usize = 4;

/// A time, as people say it.
pub fn time(at: Timestamp, speech: &Speech) -> SharedString {
    words::until_clock(at, &speech.now, speech.language).into()
}

/// When open access ends, as the end of a sentence.
pub fn open_until(
    open: Option<Option<Timestamp>>,
    speech: &Speech,
    texts: &ui::SheetWords<'_>,
) -> SharedString {
    match open {
        None => SharedString::default(),
        Some(Some(at)) => texts.invoke_until_time(time(at, speech)),
        Some(None) => texts.invoke_no_end(),
    }
}

/// Somebody in an access list.
pub fn person(person: &Person, speech: &Speech, texts: &ui::SheetWords<'_>) -> ui::PersonRow {
    let kind = match person.who {
        Who::Anyone | Who::Link | Who::Other => None,
        Who::User => Some(texts.invoke_user()),
        Who::Group => Some(texts.invoke_group()),
        Who::Tenant => Some(texts.invoke_tenant()),
        Who::Organization => Some(texts.invoke_organization()),
    };
    let name = match person.who {
        Who::Anyone => texts.invoke_anyone(),
        Who::Link => texts.invoke_by_link(),
        Who::Tenant if person.name.is_empty() => texts.invoke_tenant(),
        _ => person.name.as_str().into(),
    };
    let name = if person.is_inverse { texts.invoke_everybody_else(name) } else { name };
    let port = person.port.map(|port| texts.invoke_of_port(port.into()));
    let until = person.until.map(|at| texts.invoke_until_time(time(at, speech)));
    let more = (!person.more.is_empty())
        .then(|| texts.invoke_may_also(person.more.join(", ").as_str().into()));
    let kind = kind.filter(|kind| *kind != name);
    let details: Vec<_> = [kind, port, until, more].into_iter().flatten().collect();
    ui::PersonRow {
        name,
        detail: details.join(" · ").into(),
        is_anyone: person.who == Who::Anyone,
        is_kept_out: person.is_kept_out,
    }
}

/// The links that let visitors in at a port, as rows to revoke them.
pub fn links(
    whole: &Whole,
    port: u16,
    speech: &Speech,
    texts: &ui::SheetWords<'_>,
) -> Vec<ui::LinkRow> {
    let now = speech.now.timestamp();
    let opens = |link: &&Link| link.port.is_none_or(|it| it == port) && now < link.expires;
    let row = |link: &Link| {
        let at = time(link.expires, speech);
        let text = match link.port {
            Some(_) => texts.invoke_link_until(at),
            None => texts.invoke_link_to_all_until(at),
        };
        ui::LinkRow { id: link.id.as_str().into(), text }
    };
    whole.links.iter().filter(opens).map(row).collect()
}

/// What one can let in, and what stands in the empty field for it.
pub fn invite(invite: Invite, texts: &ui::SheetWords<'_>) -> (SharedString, SharedString) {
    match invite {
        Invite::User => (texts.invoke_user(), texts.invoke_name_of_user()),
        Invite::Group => (texts.invoke_group(), texts.invoke_name_of_group()),
        Invite::Tenant => (texts.invoke_tenant(), SharedString::default()),
        Invite::Organization => (texts.invoke_organization(), texts.invoke_name_of_organization()),
    }
}

/// A URL that everybody may be let in at.
pub fn door(door: &Door, speech: &Speech) -> ui::DoorRow {
    ui::DoorRow {
        port: door.port.into(),
        address: door.url.as_deref().map(terms::address).unwrap_or_default(),
        warning: door.risk.map(|risk| speech.say(&Message::Risk(risk))).unwrap_or_default(),
    }
}

/// Says what will happen, and why some ports had better stay closed.
pub fn opening(
    form: &ui::AnyoneForm<'_>,
    opening: &Opening,
    doors: &[Door],
    speech: &Speech,
    texts: &ui::SheetWords<'_>,
) {
    let risky: Vec<_> = doors.iter().filter_map(|door| Some((door.port, door.risk?))).collect();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let at = time(opening.until, speech);
    form.set_ends(texts.invoke_ends(at.clone()));
    form.set_action(texts.invoke_open(count(opening.count), at));
    form.set_can_open(opening.job.is_some());
    let lead = risky.iter().map(|(port, risk)| {
        let port = i32::from(*port);
        match risk {
            Risk::Database => texts.invoke_is_database(port),
            Risk::Debugger => texts.invoke_is_debugger(port),
            Risk::Admin => texts.invoke_is_admin(port),
            Risk::Login => texts.invoke_is_login(port),
            Risk::Files => texts.invoke_is_files(port),
        }
    });
    form.set_risk_lead(lead.collect::<Vec<_>>().join(" ").into());
    let n = count(risky.len());
    form.set_risk_text(match risky.len() == doors.len() {
        true => texts.invoke_risk_only(n),
        false => texts.invoke_risk_left(n),
    });
    let ports: Vec<_> = risky.iter().map(|(port, _)| port.to_string()).collect();
    form.set_leave(match ports.is_empty() {
        true => SharedString::default(),
        false => texts.invoke_leave(ports.join(", ").into(), n),
    });
}

/// The code of a URL, one pixel a module, dark on white with its quiet zone; nothing for what is too long for one.
pub fn code(url: &str) -> Option<Image> {
    const INK: Rgba8Pixel = Rgba8Pixel { r: 0x14, g: 0x16, b: 0x1A, a: 0xFF };
    const PAPER: Rgba8Pixel = Rgba8Pixel { r: 0xFF, g: 0xFF, b: 0xFF, a: 0xFF };
    let code = QrCode::new(url).ok()?;
    let (width, size) = (code.width(), code.width() + 2 * QUIET);
    let side = u32::try_from(size).ok()?;
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(side, side);
    pixels.make_mut_slice().fill(PAPER);
    for (index, color) in code.to_colors().into_iter().enumerate() {
        let (x, y) = (index % width + QUIET, index / width + QUIET);
        if color == Color::Dark {
            pixels.make_mut_slice()[y * size + x] = INK;
        }
    }
    Some(Image::from_rgba8(pixels))
}

/// Fills in what a tunnel is.
pub fn fill_tunnel(form: &ui::TunnelForm<'_>, told: &TunnelForm) {
    let Passing { host, keeps_host, origin, keeps_origin, timeout } = &told.passing;
    form.set_name(told.name.as_str().into());
    form.set_description(told.description.as_str().into());
    form.set_expiration(told.expiration.as_str().into());
    form.set_labels(told.labels.as_str().into());
    form.set_host(host.as_str().into());
    form.set_keeps_host(*keeps_host);
    form.set_origin(origin.as_str().into());
    form.set_keeps_origin(*keeps_origin);
    form.set_timeout(timeout.as_str().into());
}

/// What somebody wrote of a tunnel.
pub fn written_tunnel(form: &ui::TunnelForm<'_>) -> TunnelForm {
    TunnelForm {
        name: form.get_name().into(),
        description: form.get_description().into(),
        expiration: form.get_expiration().into(),
        labels: form.get_labels().into(),
        passing: Passing {
            host: form.get_host().into(),
            keeps_host: form.get_keeps_host(),
            origin: form.get_origin().into(),
            keeps_origin: form.get_keeps_origin(),
            timeout: form.get_timeout().into(),
        },
    }
}

/// Says at each field which rule it breaks.
pub fn blame_tunnel(form: &ui::TunnelForm<'_>, broken: &Broken, speech: &Speech) {
    form.set_name_error(said(broken, Field::Name, speech));
    form.set_description_error(said(broken, Field::Description, speech));
    form.set_expiration_error(said(broken, Field::Expiration, speech));
    form.set_labels_error(said(broken, Field::Labels, speech));
    form.set_host_error(said(broken, Field::Host, speech));
    form.set_origin_error(said(broken, Field::Origin, speech));
    form.set_timeout_error(said(broken, Field::Timeout, speech));
}

/// Fills in what a port is.
pub fn fill_port(form: &ui::PortForm<'_>, told: &PortForm) {
    let Passing { host, keeps_host, origin, keeps_origin, timeout } = &told.passing;
    form.set_protocol(match told.protocol {
        Protocol::Http => 1,
        Protocol::Https => 2,
        _ => 0,
    });
    form.set_description(told.description.as_str().into());
    form.set_labels(told.labels.as_str().into());
    form.set_host(host.as_str().into());
    form.set_keeps_host(*keeps_host);
    form.set_origin(origin.as_str().into());
    form.set_keeps_origin(*keeps_origin);
    form.set_timeout(timeout.as_str().into());
}

/// What somebody wrote of a port. `told` is what it was: a protocol that there is no choice for stays.
pub fn written_port(form: &ui::PortForm<'_>, told: &PortForm) -> PortForm {
    let protocol = match (form.get_protocol(), &told.protocol) {
        (1, _) => Protocol::Http,
        (2, _) => Protocol::Https,
        (_, Protocol::Http | Protocol::Https) => Protocol::Auto,
        (_, other) => other.clone(),
    };
    PortForm {
        protocol,
        description: form.get_description().into(),
        labels: form.get_labels().into(),
        passing: Passing {
            host: form.get_host().into(),
            keeps_host: form.get_keeps_host(),
            origin: form.get_origin().into(),
            keeps_origin: form.get_keeps_origin(),
            timeout: form.get_timeout().into(),
        },
    }
}

/// Says at each field which rule it breaks.
pub fn blame_port(form: &ui::PortForm<'_>, broken: &Broken, speech: &Speech) {
    form.set_labels_error(said(broken, Field::Labels, speech));
    form.set_description_error(said(broken, Field::Description, speech));
    form.set_host_error(said(broken, Field::Host, speech));
    form.set_origin_error(said(broken, Field::Origin, speech));
    form.set_timeout_error(said(broken, Field::Timeout, speech));
}

fn said(broken: &Broken, field: Field, speech: &Speech) -> SharedString {
    let mistake = broken.iter().find(|(of, _)| *of == field).map(|(_, it)| it.clone());
    mistake.map(|it| speech.say(&Message::Mistake(it))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_code_has_a_quiet_zone_and_what_is_too_long_has_none() {
        let image = code("https://k3x-5173.r.example/").unwrap().to_rgba8().unwrap();
        let side = image.width() as usize;
        let dark = |x: usize, y: usize| image.as_slice()[y * side + x].r == 0x14;
        assert!((0..side).all(|x| (0..4).all(|y| !dark(x, y) && !dark(x, side - 1 - y))));
        assert!(dark(4, 4), "the corner of the first finder");
        assert!(code(&"x".repeat(4_000)).is_none());
    }
}
