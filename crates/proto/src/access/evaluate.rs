//! The evaluation of access lists.
//!
//! The rules, in the order in which they matter:
//!
//! 1. The owner has every scope.
//! 2. An entry counts from when it is written until its expiration, exclusively.
//! 3. Entries that deny outrank entries that allow, wherever either stands: what a tunnel denies no port allows.
//! 4. `Anonymous` allows everybody. A port that denies `Anonymous` thereby takes back what its tunnel allows to
//!    everybody, from users too; what is allowed to users or groups by name stays.
//! 5. "Everybody except" (`isInverse`) allows signed-in subjects only, and denies also those who have not signed in.
//!    The inverse of `Anonymous` is everybody who has signed in.
//! 6. What cannot be evaluated (organizations, addresses, users of another provider…) never allows. Where it denies,
//!    it denies everybody, except that users of another provider are nobody here.

use jiff::Timestamp;

use super::scope::Scope;
use crate::contracts::{AccessEntry, AccessEntryType};
use crate::id::UserId;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Somebody who has not signed in.
    Anonymous,
    /// A user.
    User {
        /// The user's id.
        id: UserId,
        /// The groups that the user is in.
        groups: Vec<String>,
    },
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// Who owns the tunnel.
    pub owner: &'a UserId,
    /// What for.
    pub scope: Scope,
    /// When.
    pub now: Timestamp,
}

/// The answer, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go ahead.
    Allowed(Grant),
    /// Don't.
    Refused(Refusal),
}

impl Decision {
    /// Whether to go ahead.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed(_))
    }

    /// Returns until when the answer holds for what is already open; `None` for no end.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Decision::Allowed(Grant::Entry { until, .. }) => *until,
            _ => None,
        }
    }
}

/// Why somebody may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The tunnel is theirs.
    Owner,
    /// An entry says so. Of several, the one that lasts longest.
    Entry {
        /// Where it stands.
        place: Place,
        /// What its subjects are.
        kind: AccessEntryType,
        /// When it ends.
        until: Option<Timestamp>,
    },
}

/// Why somebody may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An entry takes it away.
    #[error("the access list of the {0} denies it")]
    Denied(Place),
    /// An entry granted it until then.
    #[error("access ended at {at}")]
    Expired {
        /// When it ended.
        at: Timestamp,
    },
    /// Nothing grants it to everybody, and who asks has not signed in.
    #[error("it is not open to everybody; sign in first")]
    SignInRequired,
    /// Nothing grants it to this user.
    #[error("the owner has not granted it to this user")]
    NotGranted,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the tunnel's list.
    Tunnel,
    /// In the port's list.
    Port,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Place::Tunnel => "tunnel",
            Place::Port => "port",
        })
    }
}

/// Decides a request by the tunnel's entries and, for a port, the port's.
///
/// Entries in `port` that are marked as inherited are skipped: the tunnel's own are current.
pub fn evaluate(request: &Request<'_>, tunnel: &[AccessEntry], port: &[AccessEntry]) -> Decision {
    if let Subject::User { id, .. } = request.subject
        && id == request.owner
    {
        return Decision::Allowed(Grant::Owner);
    }
    let lists = Lists { tunnel, port };
    let Request { subject, scope, now, .. } = *request;
    if let Some(place) = lists.denial(subject, scope, now) {
        return refuse(lists, request, Refusal::Denied(place));
    }
    let grants = scope
        .granted_by()
        .iter()
        .filter(|granting| lists.denial(subject, *granting, now).is_none())
        .flat_map(|granting| lists.grants(subject, granting, now));
    match grants.max_by_key(|grant| grant.until.unwrap_or(Timestamp::MAX)) {
        Some(Allowing { place, kind, until }) => {
            Decision::Allowed(Grant::Entry { place, kind, until })
        }
        None => refuse(lists, request, Refusal::NotGranted),
    }
}

/// Finds what takes a request's scope from its subject, whoever else may give it: access that has another ground than
/// an entry, as a link has, ends there too. The owner loses nothing.
pub fn denial(
    request: &Request<'_>,
    tunnel: &[AccessEntry],
    port: &[AccessEntry],
) -> Option<Place> {
    let Request { subject, owner, scope, now } = *request;
    let is_owner = matches!(subject, Subject::User { id, .. } if id == owner);
    if is_owner { None } else { Lists { tunnel, port }.denial(subject, scope, now) }
}

/// Finds the refusal that helps most: signing in first, then what has ended, then `otherwise`.
fn refuse(lists: Lists<'_>, request: &Request<'_>, otherwise: Refusal) -> Decision {
    let ended = lists
        .current()
        .filter(|(_, entry)| !entry.is_deny && names(entry, request.scope))
        .filter(|(_, entry)| matches(entry, request.subject))
        .filter_map(|(_, entry)| entry.expiration.filter(|end| *end <= request.now))
        .max();
    Decision::Refused(match (otherwise, ended, request.subject) {
        (Refusal::NotGranted, Some(at), _) => Refusal::Expired { at },
        (_, _, Subject::Anonymous) => Refusal::SignInRequired,
        (otherwise, _, _) => otherwise,
    })
}

#[derive(Clone, Copy)]
struct Lists<'a> {
    tunnel: &'a [AccessEntry],
    port: &'a [AccessEntry],
}

struct Allowing {
    place: Place,
    kind: AccessEntryType,
    until: Option<Timestamp>,
}

impl<'a> Lists<'a> {
    /// All entries that have a say, ended or not.
    fn current(self) -> impl Iterator<Item = (Place, &'a AccessEntry)> {
        let tunnel = self.tunnel.iter().map(|entry| (Place::Tunnel, entry));
        let own = self.port.iter().filter(|entry| !entry.is_inherited);
        tunnel.chain(own.map(|entry| (Place::Port, entry)))
    }

    fn live(self, scope: Scope, now: Timestamp) -> impl Iterator<Item = (Place, &'a AccessEntry)> {
        self.current().filter(move |(_, entry)| {
            entry.expiration.is_none_or(|end| now < end) && names(entry, scope)
        })
    }

    fn denial(self, subject: &Subject, scope: Scope, now: Timestamp) -> Option<Place> {
        self.live(scope, now)
            .find(|(_, entry)| entry.is_deny && matches(entry, subject))
            .map(|(place, _)| place)
    }

    fn grants(
        self,
        subject: &Subject,
        scope: Scope,
        now: Timestamp,
    ) -> impl Iterator<Item = Allowing> {
        let closed_to_everybody =
            self.live(scope, now).any(|(_, entry)| entry.is_deny && is_for_everybody(entry));
        self.live(scope, now)
            .filter(|(_, entry)| !entry.is_deny && matches(entry, subject))
            .filter(move |(_, entry)| !(is_for_everybody(entry) && closed_to_everybody))
            .map(|(place, entry)| Allowing {
                place,
                kind: entry.kind.clone(),
                until: entry.expiration,
            })
    }
}

fn names(entry: &AccessEntry, scope: Scope) -> bool {
    entry.scopes.iter().any(|name| name == scope.as_str())
}

fn is_for_everybody(entry: &AccessEntry) -> bool {
    entry.kind == AccessEntryType::Anonymous && !entry.is_inverse
}

/// Whether an entry is about this subject. Where that cannot be known, an entry that allows is not, one that denies is.
fn matches(entry: &AccessEntry, subject: &Subject) -> bool {
    let foreign = entry.provider.as_deref().is_some_and(|provider| !provider.is_empty());
    let listed = |id: &str| !foreign && entry.subjects.iter().any(|subject| subject == id);
    let member = match (&entry.kind, subject) {
        (AccessEntryType::None, _) => return false,
        (AccessEntryType::Anonymous, Subject::Anonymous) => !entry.is_inverse,
        (AccessEntryType::Anonymous, Subject::User { .. }) => {
            return entry.is_inverse || !entry.is_deny;
        }
        (AccessEntryType::Users, Subject::User { id, .. }) => listed(id.as_str()),
        (AccessEntryType::Groups, Subject::User { groups, .. }) => {
            groups.iter().any(|group| listed(group))
        }
        (AccessEntryType::Users | AccessEntryType::Groups, Subject::Anonymous) => {
            return entry.is_inverse && entry.is_deny;
        }
        _ => return entry.is_deny,
    };
    if entry.kind == AccessEntryType::Anonymous || !entry.is_inverse {
        return member;
    }
    // Nobody here can be told apart from the users of another provider, so "all but those" may not let anybody in.
    !member && (entry.is_deny || !foreign)
}

#[cfg(test)]
mod tests;
