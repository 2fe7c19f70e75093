//! Everybody who knows a URL, without signing in: what is opened, until when, and how it is closed again.
//!
//! The tunnel lets everybody in, and each port that is to stay closed keeps everybody out for as long. What keeps out
//! comes first and goes last, so that no port is open in between.

use std::collections::BTreeSet;

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessEntry, AccessEntryType, TunnelPort};
use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::{Job, Step, Whole};
use crate::access::Open;
use crate::access::edit::{Edit, Wanted};
use crate::form::Mistake;
use crate::local::{Risk, risk};

/// A URL that everybody may be let in at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Its port.
    pub port: u16,
    /// The address; some services give it when the port is first hosted.
    pub url: Option<String>,
    /// Why it had better stay closed.
    pub risk: Option<Risk>,
    /// It opens.
    pub opens: bool,
}

/// What will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// How many URLs open.
    pub count: usize,
    /// Until when.
    pub until: Timestamp,
    /// Does it; `None` where nothing would open.
    pub job: Option<Job>,
}

/// The URLs of a tunnel, where these ports stay closed.
pub fn doors(whole: &Whole, closed: &BTreeSet<u16>) -> Vec<Door> {
    let door = |port: &TunnelPort| Door {
        port: port.port_number,
        url: port.port_forwarding_uris.iter().flatten().next().cloned(),
        risk: risk(port.port_number),
        opens: !closed.contains(&port.port_number),
    };
    whole.ports().iter().map(door).collect()
}

/// The ports that stay closed unless somebody says otherwise.
pub fn risky(whole: &Whole) -> BTreeSet<u16> {
    let numbers = whole.ports().iter().map(|port| port.port_number);
    numbers.filter(|port| risk(*port).is_some()).collect()
}

/// Until when everybody may visit; `Some(None)` is without an end, `None` not at all.
pub fn is_open(whole: &Whole, now: Timestamp) -> Option<Option<Timestamp>> {
    let control = whole.tunnel.access_control.as_ref()?;
    let ends = (control.entries.iter())
        .filter(|entry| is_open_entry(entry) && entry.expiration.is_none_or(|end| now < end))
        .map(|entry| entry.expiration);
    ends.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
}

/// Opens all URLs but those of the closed ports.
pub fn open(whole: &Whole, closed: &BTreeSet<u16>, until: Timestamp) -> Opening {
    let ports = || whole.ports().iter().map(|port| port.port_number);
    let everybody = |is_deny| AccessEntry {
        kind: AccessEntryType::Anonymous,
        scopes: vec![Scope::Connect.to_string()],
        expiration: Some(until),
        is_deny,
        ..AccessEntry::default()
    };
    let count = ports().filter(|port| !closed.contains(port)).count();
    let mut steps: Vec<_> = ports()
        .filter(|port| closed.contains(port))
        .map(|port| Step { port: Some(port), edit: Edit::Add(vec![everybody(true)]) })
        .collect();
    steps.push(Step { port: None, edit: Edit::Add(vec![everybody(false)]) });
    let kept_out = |port: &&TunnelPort| {
        !closed.contains(&port.port_number) && own(port).any(|entry| is_anyone(&entry, true))
    };
    let let_go = whole.ports().iter().filter(kept_out);
    steps.extend(let_go.map(|port| take(Some(port.port_number), true)));
    Opening { count, until, job: (count > 0).then_some(Job::Access(steps)) }
}

/// Closes what is open to everybody: the tunnel, and single ports. What keeps everybody out of a port with an end
/// belongs to that, and goes too.
pub fn close(whole: &Whole) -> Job {
    let mut steps = vec![take(None, false)];
    for port in whole.ports() {
        if own(port).any(|entry| is_anyone(&entry, false)) {
            steps.push(take(Some(port.port_number), false));
        }
    }
    for port in whole.ports() {
        if own(port).any(|entry| is_anyone(&entry, true) && entry.expiration.is_some()) {
            steps.push(take(Some(port.port_number), true));
        }
    }
    // Nobody is let in by the tunnel itself where only single ports are open.
    let is_of_tunnel = whole.tunnel.access_control.iter().flat_map(|it| &it.entries);
    if !is_of_tunnel.into_iter().any(is_open_entry) && steps.len() > 1 {
        steps.remove(0);
    }
    Job::Access(steps)
}

/// When it ends, as people write that: a time of day, today or tomorrow, or a date with one.
///
/// # Errors
/// The rule, when it is no such time or not within 30 days.
pub fn until(text: &str, now: &ZonedDateTime) -> Result<Timestamp, Mistake> {
    if let Ok(open) = text.trim().parse::<Open>() {
        return Ok(open.end(now.timestamp()));
    }
    let (date, time) = match text.trim().rsplit_once(' ') {
        Some((date, time)) => (Some(date.trim().parse::<Date>().ok().ok_or(Mistake::Until)?), time),
        None => (None, text.trim()),
    };
    let (hour, minute) = time.split_once(':').ok_or(Mistake::Until)?;
    let number = |text: &str| text.parse::<i8>().ok().filter(|it| *it >= 0);
    let time = number(hour).zip(number(minute));
    let time = time.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok());
    let at = |date: Date| date.to_datetime(time?).to_zoned_datetime(now.time_zone().clone()).ok();
    let end = match date {
        Some(date) => at(date),
        None => {
            at(now.date()).filter(|end| end > now).or_else(|| at(now.date().tomorrow().ok()?))
        }
    };
    let end = end.ok_or(Mistake::Until)?.timestamp();
    let last = now.checked_add(30.days()).map_err(|_| Mistake::Until)?.timestamp();
    let first = now.checked_add(1.minute()).map_err(|_| Mistake::Until)?.timestamp();
    (first..=last).contains(&end).then_some(end).ok_or(Mistake::Until)
}

fn own(port: &TunnelPort) -> impl Iterator<Item = AccessEntry> {
    port.access_control.iter().flat_map(|control| control.own().entries)
}

fn is_anyone(entry: &AccessEntry, is_deny: bool) -> bool {
    entry.kind == AccessEntryType::Anonymous && entry.is_deny == is_deny
}

fn is_open_entry(entry: &AccessEntry) -> bool {
    is_anyone(entry, false)
}

fn take(port: Option<u16>, is_deny: bool) -> Step {
    let who = vec![(AccessEntryType::Anonymous, Vec::new())];
    Step { port, edit: Edit::Take(Wanted { index: None, who, deny: Some(is_deny) }) }
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::AccessControl;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::manage::tests::{at, entry, port, whole};

    fn steps(job: &Job) -> &[Step] {
        let Job::Access(steps) = job else { panic!("a change of access") };
        steps
    }

    /// Does the steps to a tunnel, as a service does.
    fn apply(whole: &mut Whole, job: &Job) {
        for step in steps(job) {
            let control = match step.port {
                None => &mut whole.tunnel.access_control,
                Some(number) => {
                    let ports = whole.tunnel.ports.iter_mut().flatten();
                    let port = ports.into_iter().find(|it| it.port_number == number).unwrap();
                    &mut port.access_control
                }
            };
            let known = control.take().unwrap_or_default().entries;
            let entries = step.edit.apply(known.clone(), at(0)).unwrap_or(known);
            *control = Some(AccessControl { entries });
        }
    }

    #[test]
    fn a_risky_port_stays_closed_before_the_others_open() {
        let shop = whole(vec![], vec![port(3002), port(5432)]);
        let closed = risky(&shop);
        assert_eq!(closed, BTreeSet::from([5432]));
        let doors = doors(&shop, &closed);
        assert_eq!([doors[0].opens, doors[1].opens], [true, false]);
        assert_eq!(doors[1].risk, Some(Risk::Database));
        let opening = open(&shop, &closed, at(100));
        assert_eq!(opening.count, 1);
        let job = opening.job.unwrap();
        assert_eq!(steps(&job).iter().map(|it| it.port).collect::<Vec<_>>(), [Some(5432), None]);
        let Edit::Add(first) = &steps(&job)[0].edit else { panic!("an entry") };
        assert!(first[0].is_deny && first[0].expiration == Some(at(100)));
    }

    #[test]
    fn what_was_opened_is_closed_again_without_a_trace() {
        let mut shop = whole(vec![entry(AccessEntryType::Users, &["u"])], vec![port(80), port(22)]);
        let before = shop.tunnel.access_control.clone();
        let job = open(&shop, &risky(&shop), at(100)).job.unwrap();
        apply(&mut shop, &job);
        assert_eq!(is_open(&shop, at(50)), Some(Some(at(100))));
        assert_eq!(is_open(&shop, at(100)), None, "its end has come");
        let job = close(&shop);
        apply(&mut shop, &job);
        assert_eq!(shop.tunnel.access_control, before);
        assert!(shop.ports().iter().all(|it| own(it).count() == 0));
        assert_eq!(is_open(&shop, at(50)), None);
    }

    #[test]
    fn opening_again_moves_the_end_and_opens_what_was_left_closed() {
        let mut shop = whole(vec![], vec![port(80), port(22)]);
        let job = open(&shop, &risky(&shop), at(100)).job.unwrap();
        apply(&mut shop, &job);
        let job = open(&shop, &BTreeSet::new(), at(200)).job.unwrap();
        apply(&mut shop, &job);
        assert_eq!(is_open(&shop, at(50)), Some(Some(at(200))));
        assert!(shop.ports().iter().all(|it| own(it).count() == 0));
    }

    #[test]
    fn nothing_opens_where_every_port_stays_closed() {
        let shop = whole(vec![], vec![port(22)]);
        let opening = open(&shop, &risky(&shop), at(100));
        assert_eq!((opening.count, opening.job), (0, None));
    }

    #[test]
    fn an_end_is_the_next_time_of_that_name_or_one_with_its_date() {
        // 1970-01-02 03:46:40
        let now = at(100_000).to_zoned_datetime(TimeZone::UTC);
        let second = |text: &str| until(text, &now).map(Timestamp::as_second);
        assert_eq!(second("04:00"), Ok(86_400 + 4 * 3_600));
        assert_eq!(second(" 3:00 "), Ok(2 * 86_400 + 3 * 3_600), "tomorrow");
        assert_eq!(second("1970-01-03 12:30"), Ok(2 * 86_400 + 45_000));
        assert_eq!(second("2h"), Ok(107_200), "a length of time");
        for text in [
            "",
            "59s",
            "31d",
            "soon",
            "25:00",
            "12:60",
            "-1:00",
            "1970-01-01 12:00",
            "1970-03-01 0:00",
        ] {
            assert_eq!(second(text), Err(Mistake::Until), "{text}");
        }
    }
}
