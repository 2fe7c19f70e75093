//! What a person, or a script in their place, asks of the application.

use std::fmt;

use adit_proto::contracts;
use adit_tunnel::management::change::OptionsChange;
use jiff::Timestamp;

use crate::access::Access;
use crate::form::Labels;
use crate::manage::Manage;
use crate::name::Name;
use crate::place_key::PlaceKey;
use crate::port::{NewPort, Port};
use crate::preferences::{Edit, Expiration, NewTunnels, Page, Preferences};
use crate::setup;
use crate::tunnel_key::TunnelKey;

/// A command. One that makes no sense any more, such as to undo what was sent, does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The window is seen, or not any more.
    Visible(bool),
    /// Ask the service again, of one place or of all.
    Refresh(Option<PlaceKey>),
    /// Look again whether somebody is signed in; said after a sign-in.
    CheckAgain(PlaceKey),
    /// Make a tunnel.
    Create(Box<Draft>),
    /// Do what a dialog asks for and waits for. The view's [errand](crate::view::Errand) tells how far it is; one that
    /// was begun before is let go.
    Begin(Box<Errand>),
    /// Nobody waits for an errand any more. One that is under way goes on, and the tunnels tell what becomes of it.
    LetGo(ErrandId),
    /// Add a port to a tunnel.
    AddPort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: Port,
    },
    /// Change what a port's local server speaks.
    ChangePort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port, as it is to be.
        port: Port,
    },
    /// Remove a tunnel, which can be undone for a while.
    Delete(TunnelKey),
    /// Remove a port, which can be undone for a while.
    DeletePort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
    },
    /// Do not remove it after all.
    Undo(Ticket),
    /// Somebody looks at the offer to undo; it does not run out meanwhile.
    HoldUndo {
        /// Which.
        ticket: Ticket,
        /// Whether they do.
        held: bool,
    },
    /// Try a change again that failed.
    Retry(Ticket),
    /// Put a failed change away.
    Dismiss(Ticket),
    /// Host a tunnel, now and after the next start.
    Host(TunnelKey),
    /// Stop hosting it, now and after the next start.
    Stop(TunnelKey),
    /// Stop hosting all, until somebody starts them or the application starts again.
    StopAll,
    /// Host a tunnel for another process, which ends with it: it is not hosted again at the next start.
    Lend(TunnelKey),
    /// The process that it was lent to is gone: stop hosting it, unless somebody started it here meanwhile.
    GiveBack(TunnelKey),
    /// Break a tunnel's session, to see it come back.
    Drop(TunnelKey),
    /// Take a tunnel from the host that has it.
    TakeOver(TunnelKey),
    /// Do not wait for a tunnel's next try.
    TryNow(TunnelKey),
    /// Change one setting. A value that breaks its rule changes nothing; who sends it has said so.
    Set(Edit),
    /// Have the settings of a page as they are at first.
    Reset(Page),
    /// The settings are these now.
    Prefer(Box<Preferences>),
    /// A port's details are shown, or with [`OF_TUNNEL`] what happened to a tunnel, or none.
    Select(Option<(TunnelKey, u16)>),
    /// Keep the bodies of a port's requests and answers while the application runs, or not any more.
    KeepBodies {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
        /// Whether they are kept.
        keep: bool,
    },
    /// Send a request that was seen to the local server again. It was confirmed by a person who saw what it is.
    SendAgain {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: u16,
        /// The number of the request.
        of: u64,
    },
    /// Change a tunnel that exists, or know all of it.
    Manage(Manage),
    /// Set something up, or take it down.
    Setup(setup::Ask),
    /// Stop everything in good order.
    Quit,
}

/// Stands for a tunnel itself, where a port's number could be: no port has it.
pub const OF_TUNNEL: u16 = 0;

/// Names a change from its command to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that is asked for and waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Names it: chosen by who asks, another each time.
    pub id: ErrandId,
    /// What is wished.
    pub wish: Wish,
}

/// Names an errand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrandId(pub u64);

/// What an errand does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Make a tunnel, and with a port add that and host it.
    Create {
        /// The tunnel, without ports.
        draft: Draft,
        /// The port.
        port: Option<NewPort>,
    },
    /// Add a port to a tunnel. One that had none until then is hosted, since nobody can have stopped it.
    AddPort {
        /// The tunnel.
        tunnel: TunnelKey,
        /// The port.
        port: NewPort,
    },
}

/// A tunnel that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where.
    pub place: PlaceKey,
    /// Its name; without one the service makes an id.
    pub name: Option<Name>,
    /// What is said of it.
    pub description: Option<String>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Who may visit besides the owner.
    pub access: Access,
    /// How long after its last use it goes away; `None` is as the service has it.
    pub expiration: Option<Expiration>,
    /// Words to find it by.
    pub labels: Labels,
    /// How requests are passed on to its ports.
    pub options: OptionsChange,
}

impl Draft {
    /// One for a place, as the settings have it, without a name or ports.
    pub fn new(place: PlaceKey, settings: &NewTunnels) -> Self {
        let NewTunnels { expiration, anonymous, description } = settings.clone();
        let access = anonymous.map_or(Access::Private, Access::Anonymous);
        Self {
            place,
            name: None,
            description,
            ports: Vec::new(),
            access,
            // Asked for where nothing is set too, so that it is what dialogs say.
            expiration: Some(expiration.unwrap_or_default()),
            labels: Labels::default(),
            options: OptionsChange::default(),
        }
    }

    /// As the service takes it.
    pub fn to_contract(&self, now: Timestamp) -> contracts::Tunnel {
        contracts::Tunnel {
            name: self.name.as_ref().map(ToString::to_string),
            description: self.description.clone(),
            ports: Some(self.ports.iter().map(|port| port.to_contract()).collect()),
            access_control: Some(self.access.to_contract(now)),
            custom_expiration: self.expiration.map(Expiration::seconds),
            labels: (!self.labels.is_empty()).then(|| self.labels.as_slice().to_vec()),
            options: self.options.over(None),
            ..contracts::Tunnel::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_tunnel_begins_as_the_settings_have_it_and_is_private_by_default() {
        let now = Timestamp::UNIX_EPOCH;
        let draft = |settings: NewTunnels| Draft::new(PlaceKey::here(), &settings).to_contract(now);
        let plain = draft(NewTunnels::default());
        assert_eq!(plain.access_control.unwrap().entries.len(), 0);
        // What services have it, which dialogs promise.
        assert_eq!((plain.custom_expiration, plain.description), (Some(30 * 86_400), None));
        let open = draft(NewTunnels {
            expiration: "2h".parse().ok(),
            anonymous: "8h".parse().ok(),
            description: Some("for the demo".to_owned()),
        });
        let entry = &open.access_control.unwrap().entries[0];
        assert_eq!(entry.expiration, Timestamp::from_second(8 * 3_600).ok());
        assert_eq!(open.custom_expiration, Some(7_200));
        assert_eq!(open.description.as_deref(), Some("for the demo"));
        assert_eq!((plain.labels, plain.options), (None, None));
    }

    #[test]
    fn labels_and_options_go_to_the_service_where_somebody_chose_them() {
        let draft = Draft {
            labels: "demo, web".parse().unwrap(),
            options: OptionsChange { request_timeout: Some(0), ..OptionsChange::default() },
            ..Draft::new(PlaceKey::here(), &NewTunnels::default())
        };
        let sent = draft.to_contract(Timestamp::UNIX_EPOCH);
        assert_eq!(sent.labels, Some(vec!["demo".to_owned(), "web".to_owned()]));
        assert_eq!(sent.options.unwrap().request_timeout_seconds, Some(0));
    }
}
