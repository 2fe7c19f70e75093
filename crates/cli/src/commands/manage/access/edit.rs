//! Entries as the command line means them. Nothing happens here.

use adit_app::access::Open;
use adit_proto::access::Scope;
use adit_proto::contracts::{AccessEntry, AccessEntryType};
use jiff::Timestamp;

/// New entries for these, each kind with its subjects. Only everybody's way in ends by itself, unless
/// an end is given.
pub(super) fn made(
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
#[derive(Debug)]
pub(super) struct Wanted {
    /// The one with this number, counted from 1.
    pub(super) index: Option<usize>,
    /// Those about these.
    pub(super) who: Vec<(AccessEntryType, Vec<String>)>,
    /// Only those that keep somebody out.
    pub(super) only_deny: bool,
}

impl Wanted {
    /// The list without them; nothing where none of them is in it. An entry that names others too
    /// stays for those.
    pub(super) fn without(&self, entries: Vec<AccessEntry>) -> Option<Vec<AccessEntry>> {
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
        if self.only_deny && !entry.is_deny {
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
        let wanted = |who| Wanted { index: None, who, only_deny: false };
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
        let wanted = |index, who, only_deny| Wanted { index, who, only_deny };
        assert_eq!(wanted(Some(2), vec![], false).without(list.clone()).unwrap(), list[..1]);
        assert_eq!(wanted(Some(3), vec![], false).without(list.clone()), None);
        let left = wanted(None, vec![everybody()], true).without(list.clone()).unwrap();
        assert_eq!(left, list[..1]);
        let none = wanted(None, vec![everybody()], false).without(list).unwrap();
        assert!(none.is_empty());
    }
}
