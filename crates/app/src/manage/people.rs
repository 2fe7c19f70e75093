//! Who may visit, as a list of people, each with what takes them out of it.

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessEntry, AccessEntryType};
use adit_tunnel::management::Link;
use jiff::Timestamp;

use super::{Job, Step, Supports, Whole, anyone};
use crate::access::edit::{Edit, Wanted, made};
use crate::place_key::PlaceKey;

/// Somebody in an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What they are.
    pub who: Who,
    /// What they are called; empty where [`Who`] says all.
    pub name: String,
    /// They are kept out, which outranks all that lets somebody in.
    pub is_kept_out: bool,
    /// It is about everybody but them.
    pub is_inverse: bool,
    /// When this ends.
    pub until: Option<Timestamp>,
    /// It is about this port only.
    pub port: Option<u16>,
    /// What they may do besides to visit, as the service calls it.
    pub more: Vec<String>,
    /// Takes this away.
    pub remove: Job,
}

/// What somebody in an access list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Everybody who knows the URL.
    Anyone,
    /// Whoever has a link that lets its visitors in.
    Link,
    /// A user.
    User,
    /// A group of users.
    Group,
    /// The tenant of Microsoft Entra.
    Tenant,
    /// An organization.
    Organization,
    /// Something that this program has no word for.
    Other,
}

/// Whom one can let in by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invite {
    /// A user of the relay.
    User,
    /// A group of the relay.
    Group,
    /// The tenant of who is signed in; it needs no name.
    Tenant,
    /// An organization of GitHub.
    Organization,
}

/// All who may visit, and all who are kept out, without what has ended: the tunnel's, then each port's own, then those
/// who come by a link.
pub fn list(whole: &Whole, now: Timestamp) -> Vec<Person> {
    let of = |control: &Option<adit_proto::contracts::AccessControl>| {
        control.iter().flat_map(|control| control.own().entries).collect::<Vec<_>>()
    };
    let mut people = Vec::new();
    let lists = std::iter::once((None, of(&whole.tunnel.access_control)));
    let ports = whole.ports().iter().map(|port| (Some(port.port_number), of(&port.access_control)));
    for (port, entries) in lists.chain(ports) {
        let in_force = entries.into_iter().filter(|it| it.expiration.is_none_or(|end| now < end));
        for entry in in_force {
            if entry.subjects.is_empty() {
                people.push(person(whole, port, &entry, None));
            } else {
                let each = entry.subjects.iter();
                people.extend(each.map(|id| person(whole, port, &entry, Some(id))));
            }
        }
    }
    let links = whole.links.iter().filter(|link| now < link.expires);
    people.extend(links.map(by_link));
    people
}

fn by_link(link: &Link) -> Person {
    Person {
        who: Who::Link,
        name: String::new(),
        is_kept_out: false,
        is_inverse: false,
        until: Some(link.expires),
        port: link.port,
        more: Vec::new(),
        remove: Job::Unlink { id: link.id.clone() },
    }
}

fn person(whole: &Whole, port: Option<u16>, entry: &AccessEntry, id: Option<&String>) -> Person {
    let who = who(entry);
    let name = match (id, &entry.kind) {
        (Some(id), kind) => whole.name(kind, id).to_owned(),
        (None, _) if who == Who::Other => entry.kind.to_string(),
        (None, _) => String::new(),
    };
    let is_visit = |scope: &&String| *scope != Scope::Connect.as_str();
    Person {
        who,
        name,
        is_kept_out: entry.is_deny,
        is_inverse: entry.is_inverse,
        until: entry.expiration,
        port,
        more: entry.scopes.iter().filter(is_visit).cloned().collect(),
        remove: match who {
            // With it goes what keeps everybody out of single ports meanwhile.
            Who::Anyone if port.is_none() && !entry.is_deny => anyone::close(whole),
            _ => remove(port, entry, id),
        },
    }
}

fn who(entry: &AccessEntry) -> Who {
    match (&entry.kind, entry.provider.as_deref()) {
        (AccessEntryType::Anonymous, _) => Who::Anyone,
        (AccessEntryType::Users, _) => Who::User,
        (AccessEntryType::Groups, _) => Who::Group,
        (AccessEntryType::Organizations, Some("microsoft")) => Who::Tenant,
        (AccessEntryType::Organizations, _) => Who::Organization,
        _ => Who::Other,
    }
}

fn remove(port: Option<u16>, entry: &AccessEntry, id: Option<&String>) -> Job {
    let who = vec![(entry.kind.clone(), id.cloned().into_iter().collect())];
    let wanted = Wanted { index: None, who, deny: Some(entry.is_deny) };
    Job::Access(vec![Step { port, edit: Edit::Take(wanted) }])
}

/// Whom a place lets one let in.
pub fn invites(place: &PlaceKey) -> Vec<Invite> {
    let supports = Supports::of(place);
    let mut invites = Vec::new();
    if supports.users {
        invites.extend([Invite::User, Invite::Group]);
    }
    if supports.directories {
        invites.extend([Invite::Organization, Invite::Tenant]);
    }
    invites
}

/// What lets somebody in, until they are taken out again; nothing while nobody is named.
pub fn invite(what: Invite, names: &str, now: Timestamp) -> Option<Job> {
    let words = names.split([',', ' ', ';']).filter(|name| !name.is_empty());
    let mut names: Vec<String> = Vec::new();
    for name in words.map(str::to_owned) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |provider: &str, subjects| {
        let made = made(
            vec![(AccessEntryType::Organizations, subjects)],
            false,
            &[Scope::Connect],
            None,
            now,
        );
        let provider = Some(provider.to_owned());
        made.into_iter().map(move |entry| AccessEntry { provider: provider.clone(), ..entry })
    };
    let entries: Vec<_> = match what {
        Invite::Tenant => of("microsoft", Vec::new()).collect(),
        _ if names.is_empty() => return None,
        Invite::User => return Some(Job::Invite { kind: AccessEntryType::Users, names }),
        Invite::Group => return Some(Job::Invite { kind: AccessEntryType::Groups, names }),
        Invite::Organization => names.into_iter().flat_map(|it| of("github", vec![it])).collect(),
    };
    Some(Job::Access(vec![Step { port: None, edit: Edit::Add(entries) }]))
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::{AccessControl, AccessSubject};

    use super::*;
    use crate::manage::tests::{at, entry, port, whole};

    #[test]
    fn each_of_several_people_is_one_and_goes_alone() {
        let mut shop = whole(vec![entry(AccessEntryType::Users, &["u1", "u2"])], vec![]);
        shop.names.push(AccessSubject {
            kind: AccessEntryType::Users,
            id: Some("u1".to_owned()),
            name: Some("ann".to_owned()),
            ..AccessSubject::default()
        });
        let people = list(&shop, at(0));
        let names: Vec<_> = people.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["ann", "u2"]);
        let Job::Access(steps) = &people[0].remove else { panic!("a change") };
        let known = shop.tunnel.access_control.unwrap().entries;
        assert_eq!(steps[0].edit.apply(known, at(0)).unwrap()[0].subjects, ["u2"]);
    }

    #[test]
    fn what_keeps_somebody_out_is_told_and_goes_without_what_lets_them_in() {
        let allow = entry(AccessEntryType::Users, &["u1"]);
        let deny = AccessEntry { is_deny: true, ..allow.clone() };
        let shop = whole(vec![allow.clone(), deny], vec![]);
        let people = list(&shop, at(0));
        assert_eq!([people[0].is_kept_out, people[1].is_kept_out], [false, true]);
        let Job::Access(steps) = &people[1].remove else { panic!("a change") };
        let known = shop.tunnel.access_control.unwrap().entries;
        assert_eq!(steps[0].edit.apply(known, at(0)).unwrap(), [allow]);
    }

    #[test]
    fn a_ports_own_entries_are_told_with_it_and_what_it_inherits_and_what_has_ended_is_not() {
        let own = entry(AccessEntryType::Groups, &["team"]);
        let inherited = AccessEntry { is_inherited: true, ..entry(AccessEntryType::Users, &["u"]) };
        let ended =
            AccessEntry { expiration: Some(at(5)), ..entry(AccessEntryType::Anonymous, &[]) };
        let mut admin = port(9000);
        admin.access_control = Some(AccessControl { entries: vec![inherited, own, ended] });
        let people = list(&whole(vec![], vec![port(80), admin]), at(5));
        assert_eq!(people.len(), 1);
        assert_eq!((people[0].who, people[0].port), (Who::Group, Some(9000)));
        let Job::Access(steps) = &people[0].remove else { panic!("a change") };
        assert_eq!(steps[0].port, Some(9000));
    }

    #[test]
    fn a_link_is_one_who_comes_until_it_ends_or_is_revoked() {
        let link = |id: &str, port, expires| Link { id: id.to_owned(), url: None, port, expires };
        let mut shop = whole(vec![], vec![port(80)]);
        shop.links = vec![link("k1", Some(80), at(9)), link("k2", None, at(5))];
        let people = list(&shop, at(5));
        assert_eq!(people.len(), 1);
        let person = &people[0];
        assert_eq!((person.who, person.port, person.until), (Who::Link, Some(80), Some(at(9))));
        assert_eq!(person.remove, Job::Unlink { id: "k1".to_owned() });
    }

    #[test]
    fn people_are_let_in_by_what_the_place_knows() {
        assert!(invites(&PlaceKey::here()).is_empty());
        assert_eq!(invites(&PlaceKey::microsoft()), [Invite::Organization, Invite::Tenant]);
        let names = vec!["ann".to_owned(), "bob".to_owned()];
        let users = Job::Invite { kind: AccessEntryType::Users, names };
        assert_eq!(invite(Invite::User, " ann, bob ann ", at(0)), Some(users));
        assert_eq!(invite(Invite::User, " , ", at(0)), None);
        let Some(Job::Access(steps)) = invite(Invite::Tenant, "", at(0)) else {
            panic!("a change")
        };
        let Edit::Add(entries) = &steps[0].edit else { panic!("an entry") };
        assert_eq!(
            (entries[0].provider.as_deref(), entries[0].expiration),
            (Some("microsoft"), None)
        );
    }
}
