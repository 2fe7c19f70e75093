//! The settings: what is in force, and what people change as the application's own edits.

use adit_app::doctor::{Check, Examination, Verdict};
use adit_app::effect::NoticeKind;
use adit_app::message::Message;
use adit_app::preferences::{Appearance, Edit, Page, Preferences, Proxy, ProxyKind};
use adit_app::words::{self, Language};
use slint::SharedString;

use super::log;
use super::terms::{self, Speech};
use crate::ui;

/// Shows what is in force. What is as it was is left alone: somebody may be typing there.
pub fn fill(settings: &ui::Settings<'_>, now: &Preferences, before: Option<&Preferences>) {
    macro_rules! set {
        ($set:ident, $value:expr) => {{
            let value = $value;
            if before.is_none_or(|before| value(before) != value(now)) {
                settings.$set(value(now));
            }
        }};
    }
    type Of = Preferences;
    set!(set_start_at_login, |it: &Of| it.general.start_at_login);
    set!(set_start_minimised, |it: &Of| it.general.start_minimised);
    set!(set_resume, |it: &Of| it.general.resume);
    set!(set_language, |it: &Of| language_index(it.general.language));
    set!(set_appearance, |it: &Of| appearance_index(it.general.appearance));
    set!(set_high_contrast, |it: &Of| it.general.high_contrast);
    set!(set_reduced_motion, |it: &Of| it.general.reduced_motion);
    set!(set_expiration, |it: &Of| text(it.new_tunnels.expiration));
    set!(set_anonymous, |it: &Of| it.new_tunnels.anonymous.is_some());
    set!(set_anonymous_for, |it: &Of| text(it.new_tunnels.anonymous));
    set!(set_description, |it: &Of| text(it.new_tunnels.description.as_ref()));
    set!(set_tells_sign_in, |it: &Of| it.notify.sign_in);
    set!(set_tells_taken_over, |it: &Of| it.notify.taken_over);
    set!(set_tells_expiring, |it: &Of| it.notify.expiring);
    set!(set_tells_url_changed, |it: &Of| it.notify.url_changed);
    set!(set_tells_broken, |it: &Of| it.notify.broken);
    set!(set_tells_local_down, |it: &Of| it.notify.local_down);
    set!(set_tells_forgotten, |it: &Of| it.notify.forgotten);
    set!(set_health_every, |it: &Of| slint::format!("{}", it.health_every.seconds()));
    set!(set_proxy, |it: &Of| proxy_index(&it.proxy));
    set!(set_proxy_at, |it: &Of| proxy_at(&it.proxy));
    set!(set_local_network, |it: &Of| it.local_network);
    set!(set_log_level, |it: &Of| log::level(it.general.log_level));
}

/// Shows what one typed value is in force as, whatever was typed.
pub fn fill_typed(settings: &ui::Settings<'_>, what: ui::Typed, now: &Preferences) {
    let text = in_force(what, now);
    match what {
        ui::Typed::Expiration => settings.set_expiration(text),
        ui::Typed::AnonymousFor => settings.set_anonymous_for(text),
        ui::Typed::Description => settings.set_description(text),
        ui::Typed::HealthEvery => settings.set_health_every(text),
        ui::Typed::ProxyAt => settings.set_proxy_at(text),
    }
}

/// What is in force, as its field has it.
pub fn in_force(what: ui::Typed, now: &Preferences) -> SharedString {
    match what {
        ui::Typed::Expiration => text(now.new_tunnels.expiration),
        ui::Typed::AnonymousFor => text(now.new_tunnels.anonymous),
        ui::Typed::Description => text(now.new_tunnels.description.as_ref()),
        ui::Typed::HealthEvery => slint::format!("{}", now.health_every.seconds()),
        ui::Typed::ProxyAt => proxy_at(&now.proxy),
    }
}

/// What stands in a field.
pub fn shown(settings: &ui::Settings<'_>, what: ui::Typed) -> SharedString {
    match what {
        ui::Typed::Expiration => settings.get_expiration(),
        ui::Typed::AnonymousFor => settings.get_anonymous_for(),
        ui::Typed::Description => settings.get_description(),
        ui::Typed::HealthEvery => settings.get_health_every(),
        ui::Typed::ProxyAt => settings.get_proxy_at(),
    }
}

/// Says below a field why its value is refused; nothing takes that back.
pub fn refuse(settings: &ui::Settings<'_>, what: ui::Typed, why: SharedString) {
    match what {
        ui::Typed::Expiration => settings.set_refused_expiration(why),
        ui::Typed::AnonymousFor => settings.set_refused_anonymous_for(why),
        ui::Typed::Description => settings.set_refused_description(why),
        ui::Typed::HealthEvery => settings.set_refused_health_every(why),
        ui::Typed::ProxyAt => settings.set_refused_proxy_at(why),
    }
}

/// Why a value is refused; empty where it is not.
pub fn refused(settings: &ui::Settings<'_>, what: ui::Typed) -> SharedString {
    match what {
        ui::Typed::Expiration => settings.get_refused_expiration(),
        ui::Typed::AnonymousFor => settings.get_refused_anonymous_for(),
        ui::Typed::Description => settings.get_refused_description(),
        ui::Typed::HealthEvery => settings.get_refused_health_every(),
        ui::Typed::ProxyAt => settings.get_refused_proxy_at(),
    }
}

/// All fields that may be refused.
pub const TYPED: [ui::Typed; 5] = [
    ui::Typed::Expiration,
    ui::Typed::AnonymousFor,
    ui::Typed::Description,
    ui::Typed::HealthEvery,
    ui::Typed::ProxyAt,
];

/// What a switch changes.
pub fn switched(what: ui::Switch, on: bool) -> Edit {
    match what {
        ui::Switch::StartAtLogin => Edit::StartAtLogin(on),
        ui::Switch::StartMinimised => Edit::StartMinimised(on),
        ui::Switch::Resume => Edit::Resume(on),
        ui::Switch::HighContrast => Edit::HighContrast(on),
        ui::Switch::ReducedMotion => Edit::ReducedMotion(on),
        ui::Switch::Anonymous => Edit::Anonymous(on),
        ui::Switch::LocalNetwork => Edit::LocalNetwork(on),
        ui::Switch::SignIn => Edit::Notify(NoticeKind::SignIn, on),
        ui::Switch::TakenOver => Edit::Notify(NoticeKind::TakenOver, on),
        ui::Switch::Expiring => Edit::Notify(NoticeKind::AboutToExpire, on),
        ui::Switch::UrlChanged => Edit::Notify(NoticeKind::UrlChanged, on),
        ui::Switch::Broken => Edit::Notify(NoticeKind::Broken, on),
        ui::Switch::LocalDown => Edit::Notify(NoticeKind::LocalDown, on),
        ui::Switch::Forgotten => Edit::Notify(NoticeKind::Forgotten, on),
    }
}

/// What a choice changes; nothing where it only opens a field.
pub fn chosen(what: ui::Choice, index: i32) -> Option<Edit> {
    Some(match what {
        ui::Choice::Language => Edit::Language(match index {
            1 => Some(Language::English),
            2 => Some(Language::Portuguese),
            _ => None,
        }),
        ui::Choice::Appearance => Edit::Appearance(match index {
            1 => Appearance::Light,
            2 => Appearance::Dark,
            _ => Appearance::System,
        }),
        ui::Choice::Proxy => match index {
            0 => Edit::ProxyKind(ProxyKind::System),
            1 => Edit::ProxyKind(ProxyKind::None),
            _ => return None,
        },
        ui::Choice::LogLevel => Edit::LogLevel(log::to_level(index)),
    })
}

/// What a typed value changes.
pub fn typed(what: ui::Typed, text: String) -> Edit {
    match what {
        ui::Typed::Expiration => Edit::Expiration(text),
        ui::Typed::AnonymousFor => Edit::AnonymousFor(text),
        ui::Typed::Description => Edit::Description(text),
        ui::Typed::HealthEvery => Edit::HealthEvery(text),
        ui::Typed::ProxyAt => Edit::ProxyAt(text),
    }
}

/// The settings of a page, where it has any.
pub fn page(page: ui::SettingsPage) -> Option<Page> {
    match page {
        ui::SettingsPage::General => Some(Page::General),
        ui::SettingsPage::Defaults => Some(Page::Defaults),
        ui::SettingsPage::Notifications => Some(Page::Notifications),
        ui::SettingsPage::Network => Some(Page::Network),
        ui::SettingsPage::Places | ui::SettingsPage::Status | ui::SettingsPage::About => None,
    }
}

/// How a theme is called in the interface.
pub fn appearance(appearance: Appearance) -> ui::Appearance {
    match appearance {
        Appearance::System => ui::Appearance::System,
        Appearance::Light => ui::Appearance::Light,
        Appearance::Dark => ui::Appearance::Dark,
    }
}

/// What was looked at, in the order of the looks.
pub fn checks(told: &Examination, language: Language) -> Vec<ui::CheckRow> {
    let row = |check: &Check| {
        let check = check.told(language);
        ui::CheckRow {
            verdict: match check.verdict {
                Verdict::Ok => 0,
                Verdict::Warn => 1,
                Verdict::Fail => 2,
            },
            name: terms::capital(&check.name).into(),
            found: terms::sentence(&check.found).into(),
            // A command may stand at its end, so it gets no full stop.
            mend: check.mend.as_deref().map(terms::capital).unwrap_or_default().into(),
        }
    };
    told.found.iter().flat_map(|(_, checks)| checks.iter().map(row)).collect()
}

/// When it was looked, and what came of it.
pub fn looked(told: &Examination, speech: &Speech, strings: &ui::Strings<'_>) -> SharedString {
    let Some((at, checks)) = &told.found else { return SharedString::default() };
    let time = SharedString::from(words::clock(*at, &speech.now, speech.language));
    let count = |verdict| {
        let found = checks.iter().filter(|check| check.verdict == verdict).count();
        i32::try_from(found).unwrap_or(i32::MAX)
    };
    match (count(Verdict::Fail), count(Verdict::Warn)) {
        (0, 0) => strings.invoke_looked_well(time),
        (0, odd) => strings.invoke_looked_odd(time, odd),
        (bad, _) => strings.invoke_looked_bad(time, bad),
    }
}

/// Why a value is refused, and what stays.
pub fn refusal(refusal: adit_app::preferences::Refusal, speech: &Speech) -> SharedString {
    speech.say(&Message::Refusal(refusal))
}

fn language_index(language: Option<Language>) -> i32 {
    match language {
        None => 0,
        Some(Language::English) => 1,
        Some(Language::Portuguese) => 2,
    }
}

fn appearance_index(appearance: Appearance) -> i32 {
    match appearance {
        Appearance::System => 0,
        Appearance::Light => 1,
        Appearance::Dark => 2,
    }
}

fn proxy_index(proxy: &Proxy) -> i32 {
    match proxy {
        Proxy::System => 0,
        Proxy::None => 1,
        Proxy::At(_) => 2,
    }
}

fn proxy_at(proxy: &Proxy) -> SharedString {
    match proxy {
        Proxy::System | Proxy::None => SharedString::default(),
        Proxy::At(url) => (&**url).into(),
    }
}

fn text(value: Option<impl ToString>) -> SharedString {
    value.map(|value| value.to_string()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_shown_as_chosen() {
        let after = |edit: Edit| Preferences::default().edited(&edit).unwrap();
        for index in 0..3 {
            let edit = chosen(ui::Choice::Language, index).unwrap();
            assert_eq!(language_index(after(edit).general.language), index);
            let edit = chosen(ui::Choice::Appearance, index).unwrap();
            assert_eq!(appearance_index(after(edit).general.appearance), index);
        }
        for index in 0..2 {
            let edit = chosen(ui::Choice::Proxy, index).unwrap();
            assert_eq!(proxy_index(&after(edit).proxy), index);
        }
        assert_eq!(chosen(ui::Choice::Proxy, 2), None);
    }
}
