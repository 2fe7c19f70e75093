//! One-time codes, which take a visitor from the management host to a tunnel's own.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use adit_proto::token::Secret;

use super::Grant;
use crate::auth::hash_key;
use crate::record::KeyHash;

/// How long a code is good: a redirect takes no longer, however slow the network.
const LIFE: Duration = Duration::from_secs(60);

/// Codes at a time, of some 150 bytes each. Full means that the oldest goes of the tunnel that has most, so that who
/// has one tunnel cannot keep others from sharing theirs; whoever had it opens the link again.
const CAPACITY: usize = 4096;

/// Codes of one link at a time. Full means that its oldest goes, so that who has one link cannot keep
/// others from using theirs.
const OF_ONE_LINK: usize = 64;

/// Codes that were given out and not yet used, the oldest first. They are few, so they are looked
/// through.
#[derive(Debug, Default)]
pub(super) struct Codes(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    code: KeyHash,
    grant: Grant,
    end: Instant,
}

impl Codes {
    /// From now on `code` stands for `grant`, once.
    pub(super) fn put(&mut self, code: &Secret, grant: Grant, now: Instant) {
        self.forget(now);
        let is_same = |waiting: &Waiting| waiting.grant.share == grant.share;
        if self.0.iter().filter(|it| is_same(it)).count() >= OF_ONE_LINK {
            let oldest = self.0.iter().position(is_same);
            oldest.and_then(|at| self.0.remove(at));
        }
        if self.0.len() >= CAPACITY {
            self.make_room();
        }
        let code = hash_key(code.expose());
        self.0.push_back(Waiting { code, grant, end: now + LIFE });
    }

    fn make_room(&mut self) {
        let mut counts = HashMap::<_, usize>::new();
        for waiting in &self.0 {
            *counts.entry(&waiting.grant.tunnel).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let oldest = self.0.iter().position(|it| counts.get(&it.grant.tunnel).copied() == most);
        oldest.and_then(|at| self.0.remove(at));
    }

    /// What `code` stands for. It is used up by that, also where it is of no use.
    pub(super) fn take(&mut self, code: &str, now: Instant) -> Option<Grant> {
        self.forget(now);
        let code = hash_key(code);
        let at = self.0.iter().position(|waiting| waiting.code == code)?;
        self.0.remove(at).map(|waiting| waiting.grant)
    }

    /// All last equally long, so that those which have ended stand at the front.
    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|waiting| waiting.end <= now) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use adit_wire::clock;

    use super::*;

    fn grant(share: &str) -> Grant {
        Grant { tunnel: "quiet-fox".parse().unwrap(), share: share.into(), port: 3000 }
    }

    fn code(number: usize) -> Secret {
        Secret::from(format!("code {number}"))
    }

    #[test]
    fn a_code_works_once() {
        let (mut codes, now) = (Codes::default(), clock::now());
        codes.put(&code(1), grant("one"), now);
        codes.put(&code(2), grant("two"), now);
        assert_eq!(codes.take("code 3", now), None);
        assert_eq!(codes.take("code 1", now), Some(grant("one")));
        assert_eq!(codes.take("code 1", now), None);
        assert_eq!(codes.take("code 2", now), Some(grant("two")));
    }

    #[test]
    fn a_code_works_for_a_minute() {
        let (mut codes, now) = (Codes::default(), clock::now());
        codes.put(&code(1), grant("one"), now);
        codes.put(&code(2), grant("one"), now + Duration::from_secs(1));
        let late = now + LIFE;
        assert_eq!(codes.take("code 1", late), None);
        assert_eq!(codes.take("code 2", late), Some(grant("one")));
        codes.put(&code(3), grant("one"), late);
        assert_eq!(codes.take("code 3", late + LIFE - Duration::from_nanos(1)), Some(grant("one")));
    }

    #[test]
    fn there_are_only_so_many_and_the_oldest_go() {
        let (mut codes, now) = (Codes::default(), clock::now());
        for number in 0..CAPACITY + 1 {
            codes.put(&code(number), grant(&format!("link {number}")), now);
        }
        assert_eq!(codes.0.len(), CAPACITY);
        assert_eq!(codes.take("code 0", now), None);
        assert!(codes.take("code 1", now).is_some());
    }

    #[test]
    fn who_has_many_links_takes_no_other_tunnel_s_codes_away() {
        let (mut codes, now) = (Codes::default(), clock::now());
        let quiet = Grant { tunnel: "calm-owl".parse().unwrap(), ..grant("quiet") };
        codes.put(&code(0), quiet.clone(), now);
        for number in 1..2 * CAPACITY {
            codes.put(&code(number), grant(&format!("link {number}")), now);
        }
        assert_eq!(codes.0.len(), CAPACITY);
        assert_eq!(codes.take("code 0", now), Some(quiet));
    }

    #[test]
    fn who_has_one_link_takes_no_other_s_codes_away() {
        let (mut codes, now) = (Codes::default(), clock::now());
        codes.put(&code(0), grant("quiet"), now);
        for number in 1..10_000 {
            codes.put(&code(number), grant("busy"), now);
        }
        assert_eq!(codes.0.len(), OF_ONE_LINK + 1);
        assert!(codes.take("code 0", now).is_some());
        assert!(codes.take("code 9999", now).is_some());
    }
}
