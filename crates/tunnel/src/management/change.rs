//! Changes of a tunnel or a port that leave alone what they do not name.
//!
//! The service takes labels and options whole. A change is therefore made from what is known of the
//! tunnel or port, and says nothing of its endpoints, which are its hosts' business.

use adit_proto::contracts::{Tunnel, TunnelOptions, TunnelPort};

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The description; empty takes it away.
    pub description: Option<String>,
    /// Labels to add.
    pub add_labels: Vec<String>,
    /// Labels to take away, before others are added.
    pub remove_labels: Removal,
    /// How requests are passed on.
    pub options: OptionsChange,
}

/// Which of several things to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Removal {
    /// None.
    #[default]
    Nothing,
    /// All.
    All,
    /// These, whether they are there or not.
    These(Vec<String>),
}

/// What is to be changed in how requests are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionsChange {
    /// The `Host` header.
    pub host_header: Option<Header>,
    /// The `Origin` header.
    pub origin_header: Option<Header>,
    /// How long a request may be silent, in seconds; 0 for no limit.
    pub request_timeout: Option<u32>,
}

/// What the local server gets as a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// The visitor's own.
    Unchanged,
    /// This; the service's choice where it is empty.
    Is(String),
}

impl Change {
    /// Whether nothing is to be changed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The body of an update of `known`.
    pub fn of_tunnel(&self, known: &Tunnel) -> Tunnel {
        Tunnel {
            cluster_id: known.cluster_id.clone(),
            tunnel_id: known.tunnel_id.clone(),
            description: self.description.clone(),
            labels: self.labels(known.labels.as_deref().unwrap_or_default()),
            options: self.options.over(known.options.as_ref()),
            ..Tunnel::default()
        }
    }

    /// The body of an update of `known`.
    pub fn of_port(&self, known: &TunnelPort) -> TunnelPort {
        TunnelPort {
            port_number: known.port_number,
            description: self.description.clone(),
            labels: self.labels(known.labels.as_deref().unwrap_or_default()),
            options: self.options.over(known.options.as_ref()),
            ..TunnelPort::default()
        }
    }

    /// All labels as they are then; nothing where they stay.
    fn labels(&self, known: &[String]) -> Option<Vec<String>> {
        if self.add_labels.is_empty() && self.remove_labels == Removal::Nothing {
            return None;
        }
        let stays = |label: &&String| match &self.remove_labels {
            Removal::Nothing => true,
            Removal::All => false,
            Removal::These(labels) => !labels.contains(label),
        };
        let mut labels: Vec<String> = known.iter().filter(stays).cloned().collect();
        for label in &self.add_labels {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        Some(labels)
    }
}

impl OptionsChange {
    /// All options as they are then; nothing where they stay.
    pub fn over(&self, known: Option<&TunnelOptions>) -> Option<TunnelOptions> {
        if *self == Self::default() {
            return None;
        }
        let mut options = known.cloned().unwrap_or_default();
        if let Some(header) = &self.host_header {
            (options.host_header, options.is_host_header_unchanged) = header.written();
        }
        if let Some(header) = &self.origin_header {
            (options.origin_header, options.is_origin_header_unchanged) = header.written();
        }
        options.request_timeout_seconds = self.request_timeout.or(options.request_timeout_seconds);
        Some(options)
    }
}

impl Header {
    /// Its value, and whether it is passed on unchanged.
    fn written(&self) -> (Option<String>, Option<bool>) {
        match self {
            Self::Unchanged => (None, Some(true)),
            Self::Is(value) => (Some(value.clone()).filter(|value| !value.is_empty()), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(known: &[&str], change: Change) -> Option<Vec<String>> {
        let known: Vec<_> = known.iter().map(|it| (*it).to_owned()).collect();
        change.labels(&known)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn labels_are_added_and_taken_away_and_else_stay() {
        let add = || Change { add_labels: words(&["b", "c"]), ..Change::default() };
        assert_eq!(labels(&["a"], Change::default()), None);
        assert_eq!(labels(&["a", "b"], add()), Some(words(&["a", "b", "c"])));
        let all = Change { remove_labels: Removal::All, ..add() };
        assert_eq!(labels(&["a"], all), Some(words(&["b", "c"])));
        let these = Removal::These(words(&["a", "x"]));
        let these = Change { remove_labels: these, ..Change::default() };
        assert_eq!(labels(&["a", "z"], these), Some(words(&["z"])));
    }

    #[test]
    fn options_that_are_not_named_stay() {
        let known = TunnelOptions {
            host_header: Some("old".into()),
            is_origin_header_unchanged: Some(true),
            request_timeout_seconds: Some(7),
            is_inspection_enabled: Some(true),
            ..TunnelOptions::default()
        };
        let change = OptionsChange {
            host_header: Some(Header::Unchanged),
            origin_header: Some(Header::Is("http://o".into())),
            request_timeout: None,
        };
        let expected = TunnelOptions {
            host_header: None,
            is_host_header_unchanged: Some(true),
            origin_header: Some("http://o".into()),
            is_origin_header_unchanged: None,
            ..known.clone()
        };
        assert_eq!(change.over(Some(&known)), Some(expected));
        assert_eq!(OptionsChange::default().over(Some(&known)), None);
        let timeout = OptionsChange { request_timeout: Some(0), ..OptionsChange::default() };
        let changed = timeout.over(Some(&known)).expect("a change");
        assert_eq!(changed, TunnelOptions { request_timeout_seconds: Some(0), ..known });
    }

    #[test]
    fn a_change_says_nothing_of_what_it_does_not_change() {
        let known = Tunnel {
            cluster_id: Some("loc1".into()),
            tunnel_id: Some("shop".into()),
            endpoints: Some(Vec::new()),
            ports: Some(Vec::new()),
            labels: Some(words(&["a"])),
            custom_expiration: Some(3600),
            ..Tunnel::default()
        };
        let change = Change { description: Some("d".into()), ..Change::default() };
        let expected = Tunnel {
            cluster_id: known.cluster_id.clone(),
            tunnel_id: known.tunnel_id.clone(),
            description: Some("d".into()),
            ..Tunnel::default()
        };
        assert_eq!(change.of_tunnel(&known), expected);
        assert!(Change::default().is_nothing() && !change.is_nothing());
    }
}
