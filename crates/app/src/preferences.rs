//! The application's own settings, as its windows change them. What people write by hand is
//! [`crate::settings`], another file.
//!
//! Values are checked where they come in; what is in here is in force. A refused value leaves the old one.

mod edit;
mod value;

use serde::{Deserialize, Serialize};

use crate::access::Open;
use crate::effect::NoticeKind;
use crate::words::Language;

pub use edit::{Edit, Page, ProxyKind, Refusal, Still};
pub use value::{Expiration, HealthEvery, LogLevel, Proxy, Refused, Span};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// How the application behaves.
    pub general: General,
    /// How often a URL that is well is looked at.
    pub health_every: HealthEvery,
    /// What new tunnels begin with.
    pub new_tunnels: NewTunnels,
    /// Whether the local network reaches the tunnels of this computer that everybody may visit.
    pub local_network: bool,
    /// What is told outside the window.
    pub notify: Notify,
    /// How other computers are reached.
    pub proxy: Proxy,
}

/// How the application behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct General {
    /// Whether it starts when somebody logs in. The system's own entry is the truth; this is what was asked.
    pub start_at_login: bool,
    /// Whether it starts in the tray, without a window, where there is a tray.
    pub start_minimised: bool,
    /// Whether what was hosted at the end is hosted again at the start.
    pub resume: bool,
    /// The language; `None` follows the system.
    pub language: Option<Language>,
    /// Light, dark or as the system is.
    pub appearance: Appearance,
    /// Whether lines are stronger and nothing is told by a tint; the system may ask for it too.
    pub high_contrast: bool,
    /// Whether nothing moves; the system may ask for it too.
    pub reduced_motion: bool,
    /// How much the log says.
    pub log_level: LogLevel,
}

impl Default for General {
    fn default() -> Self {
        Self {
            start_at_login: false,
            start_minimised: false,
            resume: true,
            language: None,
            appearance: Appearance::default(),
            high_contrast: false,
            reduced_motion: false,
            log_level: LogLevel::default(),
        }
    }
}

/// How windows look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What new tunnels begin with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewTunnels {
    /// How long after their last use they go away; `None` is as the service has it.
    pub expiration: Option<Expiration>,
    /// How long everybody may visit; `None`, the default, is never.
    #[serde(with = "value::maybe_open")]
    pub anonymous: Option<Open>,
    /// What is said of them.
    pub description: Option<String>,
}

/// What is told outside the window, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notify {
    /// Somebody has to sign in.
    pub sign_in: bool,
    /// A tunnel does not work and will not mend itself.
    pub broken: bool,
    /// Another computer took a tunnel.
    pub taken_over: bool,
    /// A tunnel's URL is another one.
    pub url_changed: bool,
    /// A tunnel goes away soon.
    pub expiring: bool,
    /// A local server is away.
    pub local_down: bool,
    /// A tunnel left the list of those that are hosted again at the next start.
    pub forgotten: bool,
}

impl Default for Notify {
    /// What asks for a person, and nothing that they see happen themselves.
    fn default() -> Self {
        Self {
            sign_in: true,
            broken: true,
            taken_over: true,
            url_changed: true,
            expiring: true,
            local_down: false,
            forgotten: true,
        }
    }
}

impl Notify {
    /// Whether somebody wants to hear of that.
    pub fn wants(&self, kind: NoticeKind) -> bool {
        match kind {
            NoticeKind::SignIn => self.sign_in,
            NoticeKind::Broken => self.broken,
            NoticeKind::TakenOver => self.taken_over,
            NoticeKind::UrlChanged => self.url_changed,
            NoticeKind::AboutToExpire => self.expiring,
            NoticeKind::LocalDown => self.local_down,
            NoticeKind::Forgotten => self.forgotten,
        }
    }

    fn switch(&mut self, kind: NoticeKind) -> &mut bool {
        match kind {
            NoticeKind::SignIn => &mut self.sign_in,
            NoticeKind::Broken => &mut self.broken,
            NoticeKind::TakenOver => &mut self.taken_over,
            NoticeKind::UrlChanged => &mut self.url_changed,
            NoticeKind::AboutToExpire => &mut self.expiring,
            NoticeKind::LocalDown => &mut self.local_down,
            NoticeKind::Forgotten => &mut self.forgotten,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Preferences, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut preferences = Preferences::default();
        preferences.general.language = Some(Language::Portuguese);
        preferences.health_every = "10".parse().unwrap();
        preferences.new_tunnels.anonymous = Some("8h".parse().unwrap());
        preferences.new_tunnels.expiration = Some("7d".parse().unwrap());
        preferences.proxy = "proxy.example:3128".parse().unwrap();
        let written = serde_json::to_value(&preferences).unwrap();
        assert_eq!(read(written).unwrap(), preferences);
    }

    #[test]
    fn what_is_missing_is_as_at_first_and_anonymous_access_is_off() {
        let preferences = read(json!({})).unwrap();
        assert_eq!(preferences, Preferences::default());
        assert_eq!(preferences.new_tunnels.anonymous, None);
        assert_eq!(preferences.health_every.seconds(), 60);
    }

    #[test]
    fn a_value_out_of_bounds_makes_no_sense() {
        for value in [
            json!({"health_every": 9}),
            json!({"new_tunnels": {"expiration": "59m"}}),
            json!({"new_tunnels": {"anonymous": "forever"}}),
            json!({"proxy": "ftp://x"}),
            json!({"general": {"log_level": "loud"}}),
        ] {
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
