//! Access lists: read, added to, taken from.
//!
//! The service takes a list whole, so that every change is a read and a write. Of two changes at
//! the same moment the later one wins.

use std::collections::BTreeSet;

use adit_proto::contracts::{
    AccessControl, AccessEntry, AccessEntryType, AccessSubject, Tunnel, TunnelPort,
};
use jiff::Timestamp;

use super::{Error, Locator, Management, Want, absent, not_shown};

/// Reads the list of a tunnel, or that of one of its ports: there the tunnel's entries come first,
/// marked as inherited.
///
/// # Errors
///
/// [`Error::NotFound`] for a port that the tunnel has not; [`Error::Forbidden`] where the service
/// shows the list to others only.
pub async fn entries(
    service: &dyn Management,
    at: &Locator,
    port: Option<u16>,
) -> Result<Vec<AccessEntry>, Error> {
    let control = match port {
        None => service.get(at, Want::NOTHING).await?.access_control,
        Some(number) => find_port(service, at, number).await?.access_control,
    };
    control.map(|control| control.entries).ok_or_else(|| not_shown("who may visit"))
}

/// Changes the list of a tunnel, or of one of its ports, and returns what it is then. `change` is
/// given what belongs to the tunnel or port itself, without what a port inherits; where it returns
/// nothing, nothing is written or returned.
///
/// # Errors
///
/// As [`entries`].
pub async fn change(
    service: &dyn Management,
    at: &Locator,
    port: Option<u16>,
    change: impl FnOnce(Vec<AccessEntry>) -> Option<Vec<AccessEntry>>,
) -> Result<Option<Vec<AccessEntry>>, Error> {
    let changed = |control: Option<AccessControl>| {
        let control = control.ok_or_else(|| not_shown("who may visit"))?;
        Ok::<_, Error>(change(control.own().entries).map(|entries| AccessControl { entries }))
    };
    let control = match port {
        None => {
            let known = service.get(at, Want::NOTHING).await?;
            let access_control = changed(known.access_control)?;
            if access_control.is_none() {
                return Ok(None);
            }
            let Tunnel { cluster_id, tunnel_id, .. } = known;
            let tunnel = Tunnel { cluster_id, tunnel_id, access_control, ..Tunnel::default() };
            service.update(&tunnel, Want::NOTHING).await?.access_control
        }
        Some(port_number) => {
            let known = find_port(service, at, port_number).await?;
            let access_control = changed(known.access_control)?;
            if access_control.is_none() {
                return Ok(None);
            }
            let port = TunnelPort { port_number, access_control, ..TunnelPort::default() };
            service.update_port(at, &port).await?.access_control
        }
    };
    control.map(|control| Some(control.entries)).ok_or_else(|| not_shown("who may visit"))
}

/// Finds the ids of those who are named so, in the same order; nothing for one that the service does not
/// know.
///
/// # Errors
///
/// As [`Management::resolve`].
pub async fn ids(
    service: &dyn Management,
    kind: &AccessEntryType,
    names: &[String],
) -> Result<Vec<Option<String>>, Error> {
    let asked = names.iter().map(|name| AccessSubject {
        kind: kind.clone(),
        name: Some(name.clone()),
        ..AccessSubject::default()
    });
    let found = service.resolve(&asked.collect::<Vec<_>>()).await?;
    let mut found = found.into_iter();
    Ok(names.iter().map(|_| found.next().and_then(|subject| subject.id)).collect())
}

/// What those are called whom entries name by id, as far as the service tells it.
pub async fn names(service: &dyn Management, entries: &[AccessEntry]) -> Vec<AccessSubject> {
    let subject = |entry: &AccessEntry, id: &String| AccessSubject {
        kind: entry.kind.clone(),
        id: Some(id.clone()),
        ..AccessSubject::default()
    };
    let asked: Vec<_> = (entries.iter())
        .flat_map(|entry| entry.subjects.iter().map(move |id| subject(entry, id)))
        .collect();
    if asked.is_empty() {
        return Vec::new();
    }
    // Where that is not told, their ids say it too.
    service.format(&asked).await.unwrap_or_default()
}

/// What somebody is called, by [`names`]: the id where that is not known.
pub fn name<'a>(names: &'a [AccessSubject], kind: &AccessEntryType, id: &'a str) -> &'a str {
    let known = names.iter().find(|it| it.kind == *kind && it.id.as_deref() == Some(id));
    known.and_then(|subject| subject.name.as_deref()).unwrap_or(id)
}

/// The list with one more entry and without those that have ended. An entry that says the same gives
/// way: asking again moves its end, and repeats nothing.
pub fn with(entries: Vec<AccessEntry>, entry: AccessEntry, now: Timestamp) -> Vec<AccessEntry> {
    let mut entries = in_force(entries, now);
    entries.retain(|known| !says_the_same(known, &entry));
    entries.push(entry);
    entries
}

/// The entries that count now. One that has ended is nothing any more.
pub fn in_force(mut entries: Vec<AccessEntry>, now: Timestamp) -> Vec<AccessEntry> {
    entries.retain(|entry| entry.expiration.is_none_or(|end| now < end));
    entries
}

/// Whether two entries differ in nothing but their ends.
fn says_the_same(one: &AccessEntry, other: &AccessEntry) -> bool {
    let about = |entry: &AccessEntry| AccessEntry {
        expiration: None,
        subjects: Vec::new(),
        scopes: Vec::new(),
        ..entry.clone()
    };
    about(one) == about(other)
        && set(&one.subjects) == set(&other.subjects)
        && set(&one.scopes) == set(&other.scopes)
}

fn set(words: &[String]) -> BTreeSet<&str> {
    words.iter().map(String::as_str).collect()
}

async fn find_port(
    service: &dyn Management,
    at: &Locator,
    number: u16,
) -> Result<TunnelPort, Error> {
    let ports = service.ports(at).await?;
    let found = ports.into_iter().find(|port| port.port_number == number);
    found.ok_or_else(|| absent(&format!("the tunnel {at} has no port {number}")))
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::AccessEntryType;

    use super::*;

    fn entry(kind: AccessEntryType, subjects: &[&str], end: Option<i64>) -> AccessEntry {
        AccessEntry {
            kind,
            subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
            scopes: vec!["connect".to_owned()],
            expiration: end.map(at),
            ..AccessEntry::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn asking_again_moves_the_end_and_repeats_nothing() {
        let everybody = |end| entry(AccessEntryType::Anonymous, &[], end);
        let list = with(vec![everybody(Some(100))], everybody(Some(200)), at(50));
        assert_eq!(list, [everybody(Some(200))]);
        let users = entry(AccessEntryType::Users, &["a", "b"], None);
        let turned = entry(AccessEntryType::Users, &["b", "a"], Some(90));
        assert_eq!(with(vec![users], turned.clone(), at(50)), [turned]);
    }

    #[test]
    fn entries_that_say_another_thing_stand_side_by_side() {
        let allow = entry(AccessEntryType::Anonymous, &[], None);
        let deny = AccessEntry { is_deny: true, ..allow.clone() };
        let list = with(vec![allow.clone()], deny.clone(), at(0));
        assert_eq!(list, [allow, deny]);
    }

    #[test]
    fn what_has_ended_is_nothing_any_more() {
        let ended = || entry(AccessEntryType::Anonymous, &[], Some(50));
        let user = || entry(AccessEntryType::Users, &["a"], None);
        assert_eq!(in_force(vec![ended(), user()], at(50)), [user()]);
        assert_eq!(in_force(vec![ended()], at(49)), [ended()]);
        let group = || entry(AccessEntryType::Groups, &["team"], None);
        assert_eq!(with(vec![ended(), user()], group(), at(50)), [user(), group()]);
    }
}
