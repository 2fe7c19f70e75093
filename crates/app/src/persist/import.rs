//! Takes over what another desktop app for Microsoft's service kept, so that somebody who changes to this one
//! need not start again: its `state.json`, with `auto_host` (ids) and `settings`.

use std::io::Read as _;

use adit_proto::id::FullId;
use serde::Deserialize;
use serde_json::Value;

use crate::place_key::PlaceKey;
use crate::places::user_config;
use crate::preferences::{Appearance, HealthEvery, LogLevel, Preferences};
use crate::tunnel_key::TunnelKey;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The tunnels that it hosted at its start.
    pub tunnels: Vec<TunnelKey>,
    /// The settings, as far as there are such here.
    pub preferences: Preferences,
    /// What could not be understood, each as it stood there.
    pub skipped: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    auto_host: Vec<Value>,
    settings: Settings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    probe_interval_secs: Option<Value>,
    auto_start: Option<Value>,
    default_expiration: Option<Value>,
    dark: Option<Value>,
    log_level: Option<Value>,
}

/// Reads its `state.json`; nothing when the text is no such file. A value that makes no sense is skipped and told.
pub fn reference(text: &str) -> Option<Imported> {
    let file: File = serde_json::from_str(text).ok()?;
    let mut imported = Imported::default();
    for id in &file.auto_host {
        match id.as_str().and_then(|id| id.parse::<FullId>().ok()) {
            Some(id) => {
                let key = TunnelKey { place: PlaceKey::microsoft(), id };
                if !imported.tunnels.contains(&key) {
                    imported.tunnels.push(key);
                }
            }
            None => imported.skipped.push(format!("auto_host: {id}")),
        }
    }
    settings(&file.settings, &mut imported);
    Some(imported)
}

/// The most that is read of it; it is a list of ids and some settings.
const MOST: u64 = 1024 * 1024;

/// Looks where the other app keeps its file; nothing when there is none that makes sense.
pub fn find_reference() -> Option<Imported> {
    let file = user_config().ok()?.join("devtunnel-gui").join("state.json");
    let mut text = String::new();
    std::fs::File::open(file).ok()?.take(MOST).read_to_string(&mut text).ok()?;
    reference(&text)
}

impl Imported {
    /// Whether there is anything that somebody could want to take over.
    pub fn is_worth_a_question(&self) -> bool {
        !self.tunnels.is_empty() || self.has_settings()
    }

    /// Whether its settings say anything that ours do not say at first.
    pub fn has_settings(&self) -> bool {
        self.preferences != Preferences::default()
    }

    /// These settings with what the other app said laid over them.
    pub fn over(&self, ours: &Preferences) -> Preferences {
        let (mut over, at_first) = (ours.clone(), Preferences::default());
        let theirs = &self.preferences;
        let mut lay = |take: &dyn Fn(&Preferences, &mut Preferences)| {
            let (mut said, mut silent) = (at_first.clone(), at_first.clone());
            take(theirs, &mut said);
            take(&at_first, &mut silent);
            if said != silent {
                take(theirs, &mut over);
            }
        };
        lay(&|from, to| to.health_every = from.health_every);
        lay(&|from, to| to.general.start_at_login = from.general.start_at_login);
        lay(&|from, to| to.general.appearance = from.general.appearance);
        lay(&|from, to| to.general.log_level = from.general.log_level);
        lay(&|from, to| to.new_tunnels.expiration = from.new_tunnels.expiration);
        over
    }
}

fn settings(old: &Settings, imported: &mut Imported) {
    let Imported { preferences, skipped, .. } = imported;
    let mut take =
        |name: &str, value: &Option<Value>, into: &mut dyn FnMut(&Value) -> Option<()>| {
            if let Some(value) = value
                && into(value).is_none()
            {
                skipped.push(format!("{name}: {value}"));
            }
        };
    take("probe_interval_secs", &old.probe_interval_secs, &mut |value| {
        // It had no upper bound and a lower one of a second.
        let seconds = u32::try_from(value.as_u64()?).unwrap_or(u32::MAX);
        let seconds = seconds.clamp(HealthEvery::LEAST, HealthEvery::MOST);
        preferences.health_every = seconds.try_into().ok()?;
        Some(())
    });
    take("auto_start", &old.auto_start, &mut |value| {
        preferences.general.start_at_login = value.as_bool()?;
        Some(())
    });
    take("default_expiration", &old.default_expiration, &mut |value| {
        let text = value.as_str()?;
        if !text.is_empty() {
            preferences.new_tunnels.expiration = Some(text.parse().ok()?);
        }
        Some(())
    });
    take("dark", &old.dark, &mut |value| {
        preferences.general.appearance =
            if value.as_bool()? { Appearance::Dark } else { Appearance::Light };
        Some(())
    });
    take("log_level", &old.log_level, &mut |value| {
        preferences.general.log_level = match value.as_str()? {
            "error" => LogLevel::Error,
            "warn" | "warning" => LogLevel::Warning,
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            _ => return None,
        };
        Some(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_hosted_and_how_is_taken_over() {
        let text = r#"{
            "auto_host": ["quiet-fox-4k9x2bd.euw", "quiet-fox-4k9x2bd.euw", "no-cluster", 3],
            "settings": {"probe_interval_secs": 5, "auto_start": true, "default_expiration": "7d",
                "dark": true, "log_level": "warn", "skipped_update": "v0.3.0"}
        }"#;
        let imported = reference(text).unwrap();
        let id = "quiet-fox-4k9x2bd.euw".parse().unwrap();
        assert_eq!(imported.tunnels, [TunnelKey { place: PlaceKey::microsoft(), id }]);
        let Preferences { general, health_every, new_tunnels, .. } = imported.preferences;
        assert!(general.start_at_login);
        assert_eq!((general.appearance, general.log_level), (Appearance::Dark, LogLevel::Warning));
        assert_eq!(health_every.seconds(), 10);
        assert_eq!(new_tunnels.expiration.unwrap().to_string(), "7d");
        assert_eq!(new_tunnels.anonymous, None);
        assert_eq!(imported.skipped, [r#"auto_host: "no-cluster""#, "auto_host: 3"]);
    }

    #[test]
    fn only_what_it_said_is_laid_over_our_settings() {
        let text = r#"{"settings": {"dark": true}}"#;
        let mut ours = Preferences { health_every: 90.try_into().unwrap(), ..Default::default() };
        let over = reference(text).unwrap().over(&ours);
        ours.general.appearance = Appearance::Dark;
        assert_eq!(over, ours);
    }

    #[test]
    fn what_is_missing_or_odd_leaves_our_own_values() {
        assert_eq!(reference("{}"), Some(Imported::default()));
        let odd = r#"{"settings": {"dark": null, "default_expiration": "12 fortnights"}}"#;
        let imported = reference(odd).unwrap();
        assert_eq!(imported.preferences, Preferences::default());
        assert_eq!(imported.skipped, [r#"default_expiration: "12 fortnights""#]);
        for text in ["", "[]x", "{"] {
            assert_eq!(reference(text), None);
        }
    }
}
