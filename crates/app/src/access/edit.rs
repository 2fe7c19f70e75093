//! Changes of access lists, as people mean them: who is let in or kept out, and who is not any more.
//! Nothing happens here.

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessEntry, AccessEntryType};
use adit_tunnel::management::access;
use jiff::Timestamp;

use super::Open;

/// A change of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds these. One that is there already gets the end of the new one.
    Add(Vec<AccessEntry>),
    /// Takes some away.
    Take(Wanted),
    /// Takes all away.
    Reset,
}

impl Edit {
    /// The list as it is then, without what has ended; nothing where there is nothing to take away.
    pub fn apply(&self, known: Vec<AccessEntry>, now: Timestamp) -> Option<Vec<AccessEntry>> {
        match self {
            Self::Add(new) => {
                let add = |all, entry: &AccessEntry| access::with(all, entry.clone(), now);
                Some(new.iter().fold(known, add))
            }
            Self::Take(wanted) => wanted.without(access::in_force(known, now)),
            Self::Reset => Some(Vec::new()),
        }
    }
}

/// New entries for these, each kind with its subjects. Only everybody's way in ends by itself, unless
/// an end is given.
pub fn made(
    who: Vec<(AccessEntryType, Vec<String>)>,
    is_deny: bool,
    scopes: &[Scope],
    end: Option<Open>,
    now: Timestamp,
) -> Vec<AccessEntry> {
    let entry = |(kind, subjects): (AccessEntryType, Vec<String>)| {
        let expiration = match end {
            Some(end) => Some(end.end(now)),
            None if kind == AccessEntryType::Anonymous && !is_deny => {
                Some(Open::default().end(now))
            }
            None => None,
        };
        let scopes = scopes.iter().map(ToString::to_string).collect();
        AccessEntry { kind, subjects, is_deny, scopes, expiration, ..AccessEntry::default() }
    };
    who.into_iter().map(entry).collect()
}

/// Which entries to take away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The one with this number, counted from 1.
    pub index: Option<usize>,
    /// Those about these.
    pub who: Vec<(AccessEntryType, Vec<String>)>,
    /// Only those that keep somebody out, or only those that let somebody in; `None` is both.
    pub deny: Option<bool>,
}

impl Wanted {
    /// The list without them; nothing where none of them is in it. An entry that names others too
    /// stays for those.
    pub fn without(&self, entries: Vec<AccessEntry>) -> Option<Vec<AccessEntry>> {
        let mut found = false;
        let mut left = Vec::with_capacity(entries.len());
        for (at, entry) in entries.into_iter().enumerate() {
            match self.rest_of(at + 1, &entry) {
                Some(rest) => {
                    found |= rest != entry;
                    left.push(rest);
                }
                None => found = true,
            }
        }
        found.then_some(left)
    }

    /// What is left of an entry.
    fn rest_of(&self, number: usize, entry: &AccessEntry) -> Option<AccessEntry> {
        let kept = || Some(entry.clone());
        if let Some(index) = self.index {
            return if index == number { None } else { kept() };
        }
        if self.deny.is_some_and(|deny| deny != entry.is_deny) {
            return kept();
        }
        let Some((_, named)) = self.who.iter().find(|(kind, _)| *kind == entry.kind) else {
            return kept();
        };
        if entry.subjects.is_empty() {
            return None;
        }
        let stays = entry.subjects.iter().filter(|id| !named.contains(id)).cloned();
        let subjects: Vec<_> = stays.collect();
        (!subjects.is_empty()).then(|| AccessEntry { subjects, ..entry.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: &[&str]) -> (AccessEntryType, Vec<String>) {
        (AccessEntryType::Users, ids.iter().map(|id| (*id).to_owned()).collect())
    }

    fn everybody() -> (AccessEntryType, Vec<String>) {
        (AccessEntryType::Anonymous, Vec::new())
    }

    fn entries(who: Vec<(AccessEntryType, Vec<String>)>, deny: bool) -> Vec<AccessEntry> {
        made(who, deny, &[Scope::Connect], None, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn only_everybodys_way_in_ends_by_itself() {
        let of = |deny, end: Option<&str>| {
            let end = end.map(|text| text.parse().unwrap());
            let who = vec![everybody(), users(&["a"])];
            let made = made(who, deny, &[Scope::Connect], end, Timestamp::UNIX_EPOCH);
            made.into_iter().map(|it| it.expiration.map(Timestamp::as_second)).collect::<Vec<_>>()
        };
        assert_eq!(of(false, None), [Some(8 * 3600), None]);
        assert_eq!(of(true, None), [None, None]);
        assert_eq!(of(false, Some("1h")), [Some(3600), Some(3600)]);
    }

    #[test]
    fn one_user_of_several_is_taken_away_alone() {
        let list = entries(vec![everybody(), users(&["a", "b"])], false);
        let wanted = |who| Wanted { index: None, who, deny: None };
        let left = wanted(vec![users(&["a"])]).without(list.clone()).unwrap();
        assert_eq!(left[1].subjects, ["b"]);
        let left = wanted(vec![users(&["b", "a"])]).without(list.clone()).unwrap();
        assert_eq!(left, list[..1]);
        let left = wanted(vec![everybody()]).without(list.clone()).unwrap();
        assert_eq!(left, list[1..]);
        assert_eq!(wanted(vec![users(&["c"])]).without(list), None);
    }

    #[test]
    fn an_entry_is_found_by_its_number_or_as_one_that_denies() {
        let mut list = entries(vec![everybody()], false);
        list.extend(entries(vec![everybody()], true));
        let wanted = |index, who, deny| Wanted { index, who, deny };
        assert_eq!(wanted(Some(2), vec![], None).without(list.clone()).unwrap(), list[..1]);
        assert_eq!(wanted(Some(3), vec![], None).without(list.clone()), None);
        let left = wanted(None, vec![everybody()], Some(true)).without(list.clone()).unwrap();
        assert_eq!(left, list[..1]);
        let left = wanted(None, vec![everybody()], Some(false)).without(list.clone()).unwrap();
        assert_eq!(left, list[1..]);
        let none = wanted(None, vec![everybody()], None).without(list).unwrap();
        assert!(none.is_empty());
    }
}
