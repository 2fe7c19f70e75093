//! What a tunnel and a port are, as a form: filled in from what the service told, checked as it is written, and made
//! into a change of what differs.

use adit_proto::constraints;
use adit_proto::contracts::{Protocol, Tunnel, TunnelOptions, TunnelPort};
use adit_tunnel::management::change::{Change, OptionsChange, Removal};

use super::{Supports, Whole};
use crate::form::{HeaderText, Labels, Mistake, lifetime, seconds};
use crate::name::Name;
use crate::place_key::Kind;

/// Seconds that a request may be silent where nothing else is said.
const TIMEOUT: u32 = 100;

/// A change of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelEdit {
    /// Another name; empty takes it away.
    pub name: Option<String>,
    /// How long after its last use it goes away, in seconds.
    pub expiration: Option<u32>,
    /// The rest.
    pub change: Change,
}

/// A change of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEdit {
    /// Which.
    pub number: u16,
    /// What its local server speaks.
    pub protocol: Option<Protocol>,
    /// The rest.
    pub change: Change,
    /// It is removed and made again for that, which somebody has agreed to.
    pub replaces: bool,
}

/// What can be written of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelForm {
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// Such as `30d`.
    pub expiration: String,
    /// Words, with spaces or commas between them.
    pub labels: String,
    /// How requests are passed on.
    pub passing: Passing,
}

/// What can be written of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortForm {
    /// What its local server speaks.
    pub protocol: Protocol,
    /// What is said of it.
    pub description: String,
    /// Words, with spaces or commas between them.
    pub labels: String,
    /// How requests are passed on.
    pub passing: Passing,
}

/// How requests are passed on to the local server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// The `Host` header that it gets; empty as the service has it.
    pub host: String,
    /// It gets the visitor's own instead.
    pub keeps_host: bool,
    /// The `Origin` header that it gets; empty as the service has it.
    pub origin: String,
    /// It gets the visitor's own instead.
    pub keeps_origin: bool,
    /// Seconds that a request may be silent; empty as the service has it.
    pub timeout: String,
}

/// Names a field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What it is called.
    Name,
    /// What is said of it.
    Description,
    /// How long it lives.
    Expiration,
    /// Its labels.
    Labels,
    /// The `Host` header.
    Host,
    /// The `Origin` header.
    Origin,
    /// The timeout.
    Timeout,
}

/// Which fields have which mistake.
pub type Broken = Vec<(Field, Mistake)>;

impl TunnelForm {
    /// As the tunnel is.
    pub fn of(tunnel: &Tunnel) -> Self {
        Self {
            name: tunnel.name.clone().unwrap_or_default(),
            description: tunnel.description.clone().unwrap_or_default(),
            expiration: tunnel.custom_expiration.map(written).unwrap_or_default(),
            labels: tunnel.labels.as_deref().unwrap_or_default().join(" "),
            passing: Passing::of(tunnel.options.as_ref()),
        }
    }

    /// What is to be changed; `None` where it is as it was.
    ///
    /// # Errors
    /// The fields that break a rule.
    pub fn change(&self, whole: &Whole, supports: Supports) -> Result<Option<TunnelEdit>, Broken> {
        let was = Self::of(&whole.tunnel);
        let mut broken = Broken::new();
        let name = self.name.trim();
        let name = (name != was.name && supports.rename).then(|| name.to_owned());
        // Empty takes it away. Where there is another service's rule, there is no renaming.
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty())
            && let Err(bad) = Name::on(Kind::Relay, name)
        {
            broken.push((Field::Name, Mistake::Name(bad)));
        }
        let expiration = self.lifetime(&was, supports, &mut broken);
        let description = described(&self.description, &was.description, supports, &mut broken);
        let mut change = Change { description, ..Change::default() };
        relabel(&mut change, &self.labels, whole.tunnel.labels.as_deref(), &mut broken);
        if supports.tunnel_options {
            change.options = self.passing.change(&was.passing, &mut broken);
        }
        let edit = TunnelEdit { name, expiration, change };
        if broken.is_empty() {
            Ok((edit != TunnelEdit::default()).then_some(edit))
        } else {
            Err(broken)
        }
    }

    fn lifetime(&self, was: &Self, supports: Supports, broken: &mut Broken) -> Option<u32> {
        if self.expiration.trim() == was.expiration {
            return None;
        }
        match lifetime(&self.expiration, supports) {
            // The same may be written in another way.
            Ok(life) => Some(life.seconds()).filter(|seconds| written(*seconds) != was.expiration),
            Err(mistake) => {
                broken.push((Field::Expiration, mistake));
                None
            }
        }
    }
}

impl PortForm {
    /// As the port is.
    pub fn of(port: &TunnelPort) -> Self {
        Self {
            protocol: port.protocol.clone().unwrap_or_default(),
            description: port.description.clone().unwrap_or_default(),
            labels: port.labels.as_deref().unwrap_or_default().join(" "),
            passing: Passing::of(port.options.as_ref()),
        }
    }

    /// What is to be changed; `None` where it is as it was.
    ///
    /// # Errors
    /// The fields that break a rule.
    pub fn change(
        &self,
        port: &TunnelPort,
        supports: Supports,
    ) -> Result<Option<PortEdit>, Broken> {
        let was = Self::of(port);
        let mut broken = Broken::new();
        let protocol = (self.protocol != was.protocol).then(|| self.protocol.clone());
        let description = described(&self.description, &was.description, supports, &mut broken);
        let options = self.passing.change(&was.passing, &mut broken);
        let mut change = Change { description, options, ..Change::default() };
        relabel(&mut change, &self.labels, port.labels.as_deref(), &mut broken);
        if !broken.is_empty() {
            return Err(broken);
        }
        let replaces = !supports.ports_in_place
            && (protocol.is_some() || change.options != OptionsChange::default());
        let is_nothing = protocol.is_none() && change.is_nothing();
        let number = port.port_number;
        Ok((!is_nothing).then_some(PortEdit { number, protocol, change, replaces }))
    }
}

impl TunnelEdit {
    /// The body of an update of the tunnel.
    pub fn body(&self, known: &Tunnel) -> Tunnel {
        Tunnel {
            name: self.name.clone(),
            custom_expiration: self.expiration,
            ..self.change.of_tunnel(known)
        }
    }
}

impl PortEdit {
    /// The body of an update of the port.
    pub fn body(&self, known: &TunnelPort) -> TunnelPort {
        TunnelPort { protocol: self.protocol.clone(), ..self.change.of_port(known) }
    }
}

impl Passing {
    fn of(options: Option<&TunnelOptions>) -> Self {
        let Some(options) = options else { return Self::default() };
        Self {
            host: options.host_header.clone().unwrap_or_default(),
            keeps_host: options.is_host_header_unchanged == Some(true),
            origin: options.origin_header.clone().unwrap_or_default(),
            keeps_origin: options.is_origin_header_unchanged == Some(true),
            timeout: options.request_timeout_seconds.map(|it| it.to_string()).unwrap_or_default(),
        }
    }

    fn change(&self, was: &Self, broken: &mut Broken) -> OptionsChange {
        let mut changed = |now: HeaderText, was: HeaderText, field| {
            if now == was {
                return None;
            }
            now.header().map_err(|mistake| broken.push((field, mistake))).ok()
        };
        let host_header = changed(self.host_text(), was.host_text(), Field::Host);
        let origin_header = changed(self.origin_text(), was.origin_text(), Field::Origin);
        OptionsChange { host_header, origin_header, request_timeout: self.wait(was, broken) }
    }

    fn host_text(&self) -> HeaderText {
        HeaderText { value: self.host.trim().to_owned(), is_passed_on: self.keeps_host }
    }

    fn origin_text(&self) -> HeaderText {
        HeaderText { value: self.origin.trim().to_owned(), is_passed_on: self.keeps_origin }
    }

    fn wait(&self, was: &Self, broken: &mut Broken) -> Option<u32> {
        if self.timeout.trim() == was.timeout {
            return None;
        }
        match seconds(&self.timeout) {
            // What was chosen cannot be forgotten, only be as if it had not been.
            Ok(seconds) => Some(seconds.unwrap_or(TIMEOUT)),
            Err(mistake) => {
                broken.push((Field::Timeout, mistake));
                None
            }
        }
    }
}

/// Other labels, if they are others: all of them, so that what was in the field is what there is.
fn relabel(change: &mut Change, text: &str, was: Option<&[String]>, broken: &mut Broken) {
    match text.parse::<Labels>() {
        Ok(labels) if labels.as_slice() != was.unwrap_or_default() => {
            (change.remove_labels, change.add_labels) = (Removal::All, labels.as_slice().to_vec());
        }
        Ok(_) => {}
        Err(mistake) => broken.push((Field::Labels, mistake)),
    }
}

/// Another description, if it is one.
fn described(text: &str, was: &str, supports: Supports, broken: &mut Broken) -> Option<String> {
    let text = text.trim();
    if text == was {
        return None;
    }
    if constraints::description(text).is_err() {
        broken.push((Field::Description, Mistake::Description));
    } else if text.is_empty() && !supports.no_description {
        broken.push((Field::Description, Mistake::DescriptionStays));
    }
    Some(text.to_owned())
}

/// A length of time as it is written.
fn written(seconds: u32) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let fitting = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
    let (length, unit) = fitting.unwrap_or((1, 's'));
    let text = format!("{}{unit}", seconds / length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manage::tests::{port, whole};
    use crate::place_key::PlaceKey;

    fn relay() -> Supports {
        Supports::of(&PlaceKey::from("https://cp.r.example"))
    }

    fn microsoft() -> Supports {
        Supports::of(&PlaceKey::microsoft())
    }

    fn shop() -> Whole {
        let mut shop = whole(vec![], vec![]);
        shop.tunnel.labels = Some(vec!["a".to_owned(), "b".to_owned()]);
        shop.tunnel.custom_expiration = Some(2 * 86_400);
        shop.tunnel.description = Some("the front".to_owned());
        shop
    }

    #[test]
    fn a_form_that_nobody_wrote_in_changes_nothing() {
        let shop = shop();
        let form = TunnelForm::of(&shop.tunnel);
        assert_eq!((form.expiration.as_str(), form.labels.as_str()), ("2d", "a b"));
        assert_eq!(form.change(&shop, relay()), Ok(None));
        assert_eq!(PortForm::of(&port(80)).change(&port(80), relay()), Ok(None));
    }

    #[test]
    fn a_number_is_one_of_days_as_in_the_form_of_a_new_tunnel() {
        let shop = shop();
        let seconds = |text: &str| {
            let expiration = text.to_owned();
            let form = TunnelForm { expiration, ..TunnelForm::of(&shop.tunnel) };
            form.change(&shop, relay()).map(|edit| edit.and_then(|edit| edit.expiration))
        };
        assert_eq!(seconds("30"), Ok(Some(30 * 86_400)));
        assert_eq!((seconds("2"), seconds("48h")), (Ok(None), Ok(None)), "as it was");
        assert_eq!(seconds("31"), Err(vec![(Field::Expiration, Mistake::Expiration)]));
    }

    #[test]
    fn only_what_was_written_is_sent() {
        let shop = shop();
        let form = TunnelForm {
            labels: "b, c".to_owned(),
            expiration: "36h".to_owned(),
            ..TunnelForm::of(&shop.tunnel)
        };
        let edit = form.change(&shop, relay()).unwrap().unwrap();
        let body = edit.body(&shop.tunnel);
        assert_eq!(body.labels, Some(vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(
            (body.custom_expiration, body.description, body.name),
            (Some(129_600), None, None)
        );
        assert_eq!(body.options, None);
    }

    #[test]
    fn each_field_that_breaks_a_rule_says_which() {
        let shop = shop();
        let form = TunnelForm {
            name: "No Spaces".to_owned(),
            description: "x".repeat(401),
            expiration: "31d".to_owned(),
            labels: "fine no!".to_owned(),
            passing: Passing {
                host: "a\nb".to_owned(),
                timeout: "-1".to_owned(),
                ..Passing::default()
            },
        };
        let broken = form.change(&shop, relay()).unwrap_err();
        let fields: Vec<_> = broken.iter().map(|(field, _)| *field).collect();
        use Field::{Description, Expiration, Host, Labels, Name, Timeout};
        assert_eq!(fields, [Name, Expiration, Description, Labels, Host, Timeout]);
        assert!(broken.contains(&(Labels, Mistake::Label("no!".to_owned()))));
    }

    #[test]
    fn what_a_place_cannot_do_is_not_asked_of_it() {
        let shop = shop();
        let form = TunnelForm {
            name: "other".to_owned(),
            passing: Passing { keeps_host: true, ..Passing::default() },
            ..TunnelForm::of(&shop.tunnel)
        };
        assert_eq!(form.change(&shop, microsoft()), Ok(None));
        let form = TunnelForm {
            expiration: "90m".to_owned(),
            description: String::new(),
            ..TunnelForm::of(&shop.tunnel)
        };
        let broken = form.change(&shop, microsoft()).unwrap_err();
        assert_eq!(broken[0], (Field::Expiration, Mistake::ExpirationHours));
        assert_eq!(broken[1], (Field::Description, Mistake::DescriptionStays));
        assert!(form.change(&shop, relay()).unwrap().is_some());
    }

    #[test]
    fn a_port_is_made_again_only_where_it_cannot_be_changed_and_for_what_needs_it() {
        let told = port(80);
        let form = |supports| {
            let form = PortForm { protocol: Protocol::Https, ..PortForm::of(&told) };
            form.change(&told, supports).unwrap().unwrap()
        };
        assert!(!form(relay()).replaces && form(microsoft()).replaces);
        let described = PortForm { description: "the back".to_owned(), ..PortForm::of(&told) };
        assert!(!described.change(&told, microsoft()).unwrap().unwrap().replaces);
    }

    #[test]
    fn the_labels_of_a_port_are_those_in_the_field() {
        let mut told = port(80);
        told.labels = Some(vec!["a".to_owned(), "b".to_owned()]);
        let form = PortForm::of(&told);
        assert_eq!((form.labels.as_str(), form.change(&told, relay())), ("a b", Ok(None)));
        let form = PortForm { labels: "b, c".to_owned(), ..form };
        let edit = form.change(&told, microsoft()).unwrap().unwrap();
        assert!(!edit.replaces);
        assert_eq!(edit.body(&told).labels, Some(vec!["b".to_owned(), "c".to_owned()]));
        let form = PortForm { labels: "no!".to_owned(), ..form };
        let broken = form.change(&told, relay()).unwrap_err();
        assert_eq!(broken, [(Field::Labels, Mistake::Label("no!".to_owned()))]);
    }

    #[test]
    fn headers_and_the_timeout_go_back_to_what_the_service_has() {
        let mut told = port(80);
        told.options = Some(TunnelOptions {
            host_header: Some("a.example".to_owned()),
            request_timeout_seconds: Some(5),
            ..TunnelOptions::default()
        });
        let form = PortForm { passing: Passing::default(), ..PortForm::of(&told) };
        let edit = form.change(&told, relay()).unwrap().unwrap();
        let options = edit.body(&told).options.unwrap();
        assert_eq!((options.host_header, options.request_timeout_seconds), (None, Some(100)));
    }
}
