//! What is changed of a tunnel that exists: who may visit, what it is called and for how long it lives, how its ports
//! are served, and where it lives. What can be said of a change before anything is asked of a service is said here;
//! [`crate::update`] sends it, and a face shows it.

pub mod anyone;
pub mod edit;
pub mod moving;
pub mod people;

use std::sync::Arc;

use adit_proto::contracts::{self, AccessEntryType, AccessSubject, TunnelPort};
use adit_proto::token::Secret;
use adit_tunnel::management::{Link, access};
use jiff::Timestamp;

use crate::access::edit::Edit;
use crate::failure::Failure;
use crate::place_key::{Kind, PlaceKey};
use crate::tunnel_key::TunnelKey;

use self::edit::{PortEdit, TunnelEdit};

/// What a dialog about a tunnel asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manage {
    /// A dialog about this tunnel is open, so it is read whole; `None` when it is closed.
    Look(Option<TunnelKey>),
    /// Read it again.
    Again,
    /// Change something. While the last change of the open dialog is under way, this does nothing.
    Do(TunnelKey, Job),
    /// What the last change brought was taken in.
    Taken,
}

/// A change, or something that only the service can make.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Changes access lists, in this order; the first change that fails is the last.
    Access(Vec<Step>),
    /// Lets in those who are called so, on a service that knows people by name.
    Invite {
        /// What they are.
        kind: AccessEntryType,
        /// What they are called.
        names: Vec<String>,
    },
    /// Changes what a tunnel is.
    Edit(Box<TunnelEdit>),
    /// Changes what a port is.
    EditPort(Box<PortEdit>),
    /// Makes a token for programs that visit.
    Token {
        /// For this port only; `None` where the service makes tokens for whole tunnels.
        port: Option<u16>,
    },
    /// Makes a link that lets its visitors in.
    Link {
        /// To this port only.
        port: Option<u16>,
        /// When it ends.
        until: Timestamp,
    },
    /// Revokes a link.
    Unlink {
        /// By its id.
        id: String,
    },
    /// Makes the tunnel anew at another place.
    Move {
        /// Where.
        to: PlaceKey,
        /// As it is to be there.
        tunnel: Box<contracts::Tunnel>,
    },
}

/// A tunnel holds no number that differs from itself.
impl Eq for Job {}

/// A change of one access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Of this port; `None` is the tunnel's own.
    pub port: Option<u16>,
    /// What is changed.
    pub edit: Edit,
}

/// A tunnel as its service tells it to who manages it, with its ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The tunnel.
    pub tunnel: contracts::Tunnel,
    /// What those are called whom access lists name by id.
    pub names: Vec<AccessSubject>,
    /// The links that let their visitors in; none where the place makes none.
    pub links: Vec<Link>,
}

/// What a change brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// The tunnel as it is now.
    Whole(Arc<Whole>),
    /// A token for programs.
    Token {
        /// The token.
        token: Secret,
        /// When it ends, where that can be read in it.
        until: Option<Timestamp>,
    },
    /// A link that lets its visitors in.
    Link {
        /// The link with its address, which is not told again.
        link: Link,
        /// The tunnel as it is now, where that could be read too.
        whole: Option<Arc<Whole>>,
    },
    /// A link was revoked.
    Revoked {
        /// The tunnel as it is now, where that could be read too.
        whole: Option<Arc<Whole>>,
    },
    /// The tunnel that was made at another place.
    Moved(Box<contracts::Tunnel>),
}

/// What the open dialog shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// What it is about.
    pub tunnel: TunnelKey,
    /// The tunnel, once it was read.
    pub whole: Option<Arc<Whole>>,
    /// Why it could not be read.
    pub trouble: Option<Failure>,
    /// How the last change went.
    pub work: Work,
}

/// How a change goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Work {
    /// Nothing was asked for.
    #[default]
    Idle,
    /// The service was asked.
    Doing,
    /// It was not done. This stays until something else is asked for.
    Failed(Failure),
    /// It was done.
    Done(Got),
    /// The tunnel lives at another place too.
    Moved(TunnelKey),
}

/// What a place can do with a tunnel that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supports {
    /// It knows users and groups by name.
    pub users: bool,
    /// It knows the Microsoft Entra tenant of who is signed in, and GitHub organizations.
    pub directories: bool,
    /// Visitors who may not come without one come with a token.
    pub tokens: bool,
    /// There are tokens for single ports.
    pub port_tokens: bool,
    /// Links let their visitors in.
    pub links: bool,
    /// A tunnel can get another name.
    pub rename: bool,
    /// How a tunnel passes requests on can be changed.
    pub tunnel_options: bool,
    /// A port is changed where it is; else it is removed and made again.
    pub ports_in_place: bool,
    /// A description can be taken away.
    pub no_description: bool,
    /// Open access ends on whole hours from now.
    pub whole_hours: bool,
}

impl Supports {
    /// What a place can do.
    pub fn of(place: &PlaceKey) -> Self {
        let kind = place.kind();
        let is_microsoft = kind == Kind::Microsoft;
        Self {
            users: kind == Kind::Relay,
            directories: is_microsoft,
            tokens: kind != Kind::Here,
            port_tokens: kind == Kind::Relay,
            links: kind == Kind::Relay,
            rename: !is_microsoft,
            tunnel_options: !is_microsoft,
            ports_in_place: !is_microsoft,
            no_description: !is_microsoft,
            whole_hours: is_microsoft,
        }
    }
}

impl Job {
    /// The place that is asked, for a change of that tunnel.
    pub fn place<'a>(&'a self, tunnel: &'a TunnelKey) -> &'a PlaceKey {
        match self {
            Self::Move { to, .. } => to,
            _ => &tunnel.place,
        }
    }

    /// Whether it is another attempt at the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::EditPort(one), Self::EditPort(two)) => one.number == two.number,
            (Self::Invite { .. } | Self::Access(_), Self::Invite { .. } | Self::Access(_)) => true,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }

    /// Whether its failure matters to nobody once the dialog that asked is closed.
    pub(crate) fn is_for_dialog(&self) -> bool {
        matches!(self, Self::Token { .. } | Self::Link { .. })
    }
}

impl Whole {
    /// The port of that number.
    pub fn port(&self, number: u16) -> Option<&TunnelPort> {
        self.tunnel.port(number)
    }

    /// Its ports.
    pub fn ports(&self) -> &[TunnelPort] {
        self.tunnel.ports.as_deref().unwrap_or_default()
    }

    /// What somebody in an access list is called.
    pub fn name<'a>(&'a self, kind: &AccessEntryType, id: &'a str) -> &'a str {
        access::name(&self.names, kind, id)
    }
}

impl Got {
    /// The line of a request's head with which a program visits. It is a secret.
    pub fn header(&self) -> Option<Secret> {
        match self {
            Self::Token { token, .. } => {
                Some(Secret::new(format!("{HEADER}: tunnel {}", token.expose())))
            }
            _ => None,
        }
    }
}

/// The header in which a program sends its token.
pub const HEADER: &str = "X-Tunnel-Authorization";

#[cfg(test)]
pub(crate) mod tests {
    use adit_proto::contracts::{AccessControl, AccessEntry, Tunnel};

    use super::*;

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(crate) fn entry(kind: AccessEntryType, subjects: &[&str]) -> AccessEntry {
        AccessEntry {
            kind,
            subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
            scopes: vec!["connect".to_owned()],
            ..AccessEntry::default()
        }
    }

    pub(crate) fn port(port_number: u16) -> TunnelPort {
        TunnelPort {
            port_number,
            port_forwarding_uris: Some(vec![format!("https://shop-{port_number}.r.example/")]),
            ..TunnelPort::default()
        }
    }

    pub(crate) fn whole(entries: Vec<AccessEntry>, ports: Vec<TunnelPort>) -> Whole {
        let tunnel = Tunnel {
            tunnel_id: Some("shop".to_owned()),
            cluster_id: Some("loc1".to_owned()),
            name: Some("shop".to_owned()),
            access_control: Some(AccessControl { entries }),
            ports: Some(ports),
            ..Tunnel::default()
        };
        Whole { tunnel, names: Vec::new(), links: Vec::new() }
    }

    #[test]
    fn the_header_for_programs_is_whole_and_does_not_print() {
        let got = Got::Token { token: Secret::from("a.b.c"), until: None };
        let header = got.header().unwrap();
        assert_eq!(header.expose(), "X-Tunnel-Authorization: tunnel a.b.c");
        assert!(!format!("{got:?} {header:?}").contains("a.b.c"));
    }

    #[test]
    fn each_place_says_what_it_can_do() {
        let of = |place: &str| Supports::of(&PlaceKey::from(place));
        assert!(of("https://cp.r.example").users && of("https://cp.r.example").port_tokens);
        assert!(of("microsoft").directories && !of("microsoft").ports_in_place);
        assert!(!of("here").tokens && !of("here").users && of("here").rename);
        let links = ["here", "microsoft", "https://cp.r.example"].map(|place| of(place).links);
        assert_eq!(links, [false, false, true]);
    }
}
