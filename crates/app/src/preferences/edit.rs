//! How people change settings: one at a time, each checked, and all of a page back to what holds at first.

use adit_proto::constraints;

use super::value::{Refused, Span};
use super::{Appearance, General, LogLevel, NewTunnels, Notify, Preferences, Proxy};
use crate::access::Open;
use crate::effect::NoticeKind;
use crate::words::Language;

/// The most characters that a service takes as a description.
const DESCRIPTION: u32 = 400;

/// The bounds of open access, in seconds.
const OPEN: (u32, u32) = (60, 30 * 86_400);

/// A change of one setting. What people type comes as they typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Start when somebody logs in.
    StartAtLogin(bool),
    /// Start in the tray.
    StartMinimised(bool),
    /// Host again what was hosted.
    Resume(bool),
    /// The language; `None` follows the system.
    Language(Option<Language>),
    /// Light, dark or as the system is.
    Appearance(Appearance),
    /// Stronger lines.
    HighContrast(bool),
    /// Nothing moves.
    ReducedMotion(bool),
    /// How long after their last use new tunnels go away; nothing is as the place has it.
    Expiration(String),
    /// Whether everybody may visit new tunnels.
    Anonymous(bool),
    /// How long everybody may.
    AnonymousFor(String),
    /// What is said of new tunnels.
    Description(String),
    /// Tell of such things outside the window.
    Notify(NoticeKind, bool),
    /// How often URLs are looked at, in seconds.
    HealthEvery(String),
    /// How other computers are reached, where no address is needed.
    ProxyKind(ProxyKind),
    /// The address of the proxy.
    ProxyAt(String),
    /// Let the local network in.
    LocalNetwork(bool),
    /// How much the log says.
    LogLevel(LogLevel),
}

/// How other computers are reached, without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// As the environment says.
    System,
    /// Directly.
    None,
}

/// What belongs together on a page, for going back to what holds at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// How the application behaves and looks.
    General,
    /// What new tunnels begin with.
    Defaults,
    /// What is told outside the window.
    Notifications,
    /// How URLs are looked at and other computers reached, and how much the log says.
    Network,
}

/// A value that is refused: why, and what stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that it breaks.
    pub rule: Refused,
    /// What stays in force.
    pub still: Still,
}

/// What stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Still {
    /// A number.
    Number(u32),
    /// What was typed before.
    Text(String),
    /// What the place does by itself, or nothing at all.
    Unset,
    /// What the environment says.
    System,
    /// No proxy.
    Direct,
}

impl Preferences {
    /// These settings with one changed.
    ///
    /// # Errors
    ///
    /// When the value breaks its rule; these settings stay in force.
    pub fn edited(&self, edit: &Edit) -> Result<Self, Refusal> {
        let mut it = self.clone();
        match edit {
            Edit::StartAtLogin(on) => it.general.start_at_login = *on,
            Edit::StartMinimised(on) => it.general.start_minimised = *on,
            Edit::Resume(on) => it.general.resume = *on,
            Edit::Language(language) => it.general.language = *language,
            Edit::Appearance(appearance) => it.general.appearance = *appearance,
            Edit::HighContrast(on) => it.general.high_contrast = *on,
            Edit::ReducedMotion(on) => it.general.reduced_motion = *on,
            Edit::Expiration(text) => it.new_tunnels.expiration = self.expiration(text)?,
            Edit::Anonymous(on) => it.new_tunnels.anonymous = on.then(|| self.open()),
            Edit::AnonymousFor(text) => it.new_tunnels.anonymous = Some(self.open_for(text)?),
            Edit::Description(text) => it.new_tunnels.description = self.description(text)?,
            Edit::Notify(kind, on) => *it.notify.switch(*kind) = *on,
            Edit::HealthEvery(text) => {
                let still = || Still::Number(self.health_every.seconds());
                it.health_every = text.parse().map_err(|rule| Refusal { rule, still: still() })?;
            }
            Edit::ProxyKind(ProxyKind::System) => it.proxy = Proxy::System,
            Edit::ProxyKind(ProxyKind::None) => it.proxy = Proxy::None,
            Edit::ProxyAt(text) => it.proxy = self.proxy_at(text)?,
            Edit::LocalNetwork(on) => it.local_network = *on,
            Edit::LogLevel(level) => it.general.log_level = *level,
        }
        Ok(it)
    }

    /// These settings with those of a page as they are at first.
    pub fn reset(&self, page: Page) -> Self {
        let mut it = self.clone();
        let first = Self::default();
        match page {
            Page::General => {
                let log_level = self.general.log_level;
                it.general = General { log_level, ..first.general };
            }
            Page::Defaults => it.new_tunnels = NewTunnels::default(),
            Page::Notifications => it.notify = Notify::default(),
            Page::Network => {
                it.health_every = first.health_every;
                it.proxy = first.proxy;
                it.local_network = first.local_network;
                it.general.log_level = first.general.log_level;
            }
        }
        it
    }

    fn expiration(&self, text: &str) -> Result<Option<super::Expiration>, Refusal> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let still = || Still::of(self.new_tunnels.expiration.map(|it| it.to_string()));
        text.parse().map(Some).map_err(|rule| Refusal { rule, still: still() })
    }

    /// How long everybody may visit, when that is switched on.
    fn open(&self) -> Open {
        self.new_tunnels.anonymous.unwrap_or_default()
    }

    fn open_for(&self, text: &str) -> Result<Open, Refusal> {
        text.trim().parse().map_err(|_| Refusal {
            rule: Refused::Span { least: Span(OPEN.0), most: Span(OPEN.1) },
            still: Still::of(self.new_tunnels.anonymous.map(|it| it.to_string())),
        })
    }

    fn description(&self, text: &str) -> Result<Option<String>, Refusal> {
        let text = text.trim();
        if constraints::description(text).is_err() {
            let rule = Refused::Text { most: DESCRIPTION };
            return Err(Refusal { rule, still: Still::of(self.new_tunnels.description.clone()) });
        }
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    fn proxy_at(&self, text: &str) -> Result<Proxy, Refusal> {
        let still = match &self.proxy {
            Proxy::System => Still::System,
            Proxy::None => Still::Direct,
            Proxy::At(url) => Still::Text(url.to_string()),
        };
        match text.parse() {
            Ok(proxy @ Proxy::At(_)) => Ok(proxy),
            Ok(_) => Err(Refusal { rule: Refused::Proxy, still }),
            Err(rule) => Err(Refusal { rule, still }),
        }
    }
}

impl Still {
    fn of(text: Option<String>) -> Self {
        text.map_or(Self::Unset, Self::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(preferences: &Preferences, edit: Edit) -> Refusal {
        preferences.edited(&edit).unwrap_err()
    }

    fn with(edits: &[Edit]) -> Preferences {
        edits.iter().fold(Preferences::default(), |it, edit| it.edited(edit).unwrap())
    }

    #[test]
    fn each_edit_changes_its_own_setting() {
        let preferences = with(&[
            Edit::StartAtLogin(true),
            Edit::Language(Some(Language::Portuguese)),
            Edit::Expiration(" 7d ".to_owned()),
            Edit::Anonymous(true),
            Edit::Description(" for the demo ".to_owned()),
            Edit::Notify(NoticeKind::UrlChanged, false),
            Edit::HealthEvery("10".to_owned()),
            Edit::ProxyAt("proxy.example:3128".to_owned()),
            Edit::LogLevel(LogLevel::Debug),
        ]);
        assert!(preferences.general.start_at_login);
        assert_eq!(preferences.general.language, Some(Language::Portuguese));
        assert_eq!(preferences.new_tunnels.expiration.unwrap().to_string(), "7d");
        assert_eq!(preferences.new_tunnels.anonymous, Some(Open::default()));
        assert_eq!(preferences.new_tunnels.description.as_deref(), Some("for the demo"));
        assert!(!preferences.notify.wants(NoticeKind::UrlChanged));
        assert_eq!(preferences.health_every.seconds(), 10);
        assert_eq!(preferences.proxy, Proxy::At("proxy.example:3128".into()));
        assert_eq!(preferences.general.log_level, LogLevel::Debug);
    }

    #[test]
    fn a_refused_value_says_its_rule_and_what_stays() {
        let first = Preferences::default();
        let refusal = refused(&first, Edit::HealthEvery("2".to_owned()));
        assert_eq!(refusal.rule, Refused::Number { least: 10, most: 3_600 });
        assert_eq!(refusal.still, Still::Number(60));
        assert_eq!(refused(&first, Edit::Expiration("2m".to_owned())).still, Still::Unset);
        let refusal = refused(&first, Edit::ProxyAt("ftp://x".to_owned()));
        assert_eq!((refusal.rule, refusal.still), (Refused::Proxy, Still::System));
        // Words that mean something elsewhere are no addresses.
        assert_eq!(refused(&first, Edit::ProxyAt("none".to_owned())).rule, Refused::Proxy);
        let open = with(&[Edit::AnonymousFor("2h".to_owned())]);
        let refusal = refused(&open, Edit::AnonymousFor("forever".to_owned()));
        assert_eq!(refusal.still, Still::Text("2h".to_owned()));
        let refusal = refused(&first, Edit::Description("x".repeat(401)));
        assert_eq!(refusal.rule, Refused::Text { most: 400 });
    }

    #[test]
    fn what_is_emptied_is_as_the_place_has_it() {
        let set = with(&[
            Edit::Expiration("7d".to_owned()),
            Edit::Description("mine".to_owned()),
            Edit::Anonymous(true),
        ]);
        let edits =
            [Edit::Expiration(" ".into()), Edit::Description("".into()), Edit::Anonymous(false)];
        let emptied = edits.iter().fold(set, |it, edit| it.edited(edit).unwrap());
        assert_eq!(emptied, Preferences::default());
    }

    #[test]
    fn a_page_goes_back_and_no_other() {
        let edits = [
            Edit::Resume(false),
            Edit::AnonymousFor("2h".to_owned()),
            Edit::Notify(NoticeKind::LocalDown, true),
            Edit::HealthEvery("10".to_owned()),
            Edit::LogLevel(LogLevel::Debug),
        ];
        let all = with(&edits);
        let without = |skip: &[usize]| {
            let rest = edits.iter().enumerate().filter(|(at, _)| !skip.contains(at));
            with(&rest.map(|(_, edit)| edit.clone()).collect::<Vec<_>>())
        };
        assert_eq!(all.reset(Page::General), without(&[0]));
        assert_eq!(all.reset(Page::Defaults), without(&[1]));
        assert_eq!(all.reset(Page::Notifications), without(&[2]));
        assert_eq!(all.reset(Page::Network), without(&[3, 4]));
    }
}
