//! Access lists, as far as the command can make their entries.

use std::time::Duration;

use adit_proto::access::Scope;
use adit_proto::contracts::{AccessControl, AccessEntry, AccessEntryType};
use adit_wire::clock;

use super::line::{Line, invalid};
use super::{Access, Cli};
use crate::management::{Error, Locator};

const HOUR: u64 = 3600;

/// What the service takes: an hour to 30 days.
const HOURS: std::ops::RangeInclusive<u64> = 1..=30 * 24;

/// How much of a time may have passed between its choice and its use.
const ELAPSED: u64 = 10 * 60;

/// A length of time as the command takes it: `8h`, `30d`.
///
/// Times shrink while they are under way, so what is a little less than whole hours is taken for them.
///
/// # Errors
///
/// [`Error::Invalid`] for other times: rounding would open something for longer, or for less long, than
/// was chosen.
pub(super) fn whole_hours(time: Duration) -> Result<String, Error> {
    let hours = time.as_secs().div_ceil(HOUR);
    if !HOURS.contains(&hours) || hours * HOUR - time.as_secs() > ELAPSED {
        return Err(invalid("Microsoft's service takes whole hours, from 1h to 30d (720h)"));
    }
    Ok(match hours.is_multiple_of(24) {
        true => format!("{}d", hours / 24),
        false => format!("{hours}h"),
    })
}

/// What has to be done to a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Entries with an end cannot be changed, only removed, and only together.
    reset: bool,
    /// The lines that make entries, without the tunnel.
    create: Vec<AccessEntry>,
}

/// Brings a list from what is `known` to what is `wanted`, or says why the command cannot.
///
/// # Errors
///
/// [`Error::Invalid`] where somebody else's access would be lost, or an entry cannot be made.
pub(super) fn plan(wanted: &AccessControl, known: &[AccessEntry]) -> Result<Plan, Error> {
    let is_anonymous = |entry: &&AccessEntry| entry.kind == AccessEntryType::Anonymous;
    let wanted = wanted.own().entries;
    let known: Vec<_> = known.iter().filter(|entry| !entry.is_inherited).collect();
    let same = |a: &AccessEntry, b: &AccessEntry| {
        (&a.kind, a.is_deny, &a.subjects, &a.scopes) == (&b.kind, b.is_deny, &b.subjects, &b.scopes)
    };
    let is_known = |entry: &&AccessEntry| known.iter().any(|it| same(it, entry));
    let new = wanted.iter().filter(|entry| is_anonymous(entry) || !is_known(entry));
    let mut create = Vec::new();
    for entry in new {
        left(entry)?;
        whom(entry).ok_or_else(|| {
            invalid(
                "the command lets in everybody, your tenant or a GitHub organization; for others use \
                 `devtunnel access create`",
            )
        })?;
        create.push(entry.clone());
    }
    let is_gone = |entry: &&AccessEntry| !wanted.iter().any(|it| same(it, entry));
    let reset = known.iter().any(|entry| is_anonymous(entry) || is_gone(entry));
    if reset && wanted.iter().any(|entry| !is_anonymous(&entry) && is_known(&entry)) {
        return Err(invalid(
            "others have access too, which would be lost; use `devtunnel access` to change it",
        ));
    }
    Ok(Plan { reset, create })
}

/// How the command calls those whom an entry is about: a flag, and a name where it takes one. Nothing
/// where it cannot make such an entry.
fn whom(entry: &AccessEntry) -> Option<(&'static str, Option<&str>)> {
    let provider = entry.provider.as_deref();
    let is_of_all = entry.scopes.iter().all(|scope| scope == Scope::Connect.as_str());
    match (&entry.kind, provider, &entry.subjects[..]) {
        _ if entry.is_inverse || !is_of_all => None,
        (AccessEntryType::Anonymous, _, []) => Some(("--anonymous", None)),
        // The tenant of who is signed in: the command takes no other.
        (AccessEntryType::Organizations, Some("microsoft"), []) => Some(("--tenant", None)),
        (AccessEntryType::Organizations, Some("github"), [name]) => {
            Some(("--organization", Some(name)))
        }
        _ => None,
    }
}

/// How long an entry lasts, if it ends.
fn left(entry: &AccessEntry) -> Result<Option<String>, Error> {
    let Some(end) = entry.expiration else { return Ok(None) };
    let left = Duration::try_from(end.duration_since(clock::wall())).unwrap_or_default();
    whole_hours(left).map(Some)
}

/// Lets somebody in, or keeps them out, until the entry ends.
pub(super) fn creation(
    at: &Locator,
    port: Option<u16>,
    entry: &AccessEntry,
) -> Result<Line, Error> {
    let (flag, name) =
        whom(entry).ok_or_else(|| invalid("the command cannot make such an entry"))?;
    let line = of_port(Line::new("access create").value(at), port);
    let mut line = match name {
        Some(name) => line.text(flag, Some(name))?,
        None => line.words(&[flag]),
    };
    if entry.is_deny {
        line = line.words(&["--deny"]);
    }
    if let Some(left) = left(entry)? {
        line = line.option("--expiration", left);
    }
    Ok(line.words(&["-j"]))
}

fn of_port(line: Line, port: Option<u16>) -> Line {
    match port {
        Some(port) => line.option("--port-number", port),
        None => line,
    }
}

impl Cli {
    /// The entries of a tunnel or of one of its ports.
    pub(super) async fn access(
        &self,
        at: &Locator,
        port: Option<u16>,
    ) -> Result<Vec<AccessEntry>, Error> {
        let line = of_port(Line::new("access list").value(at), port).words(&["-j"]);
        Ok(self.read::<Access>(&line).await?.access_control_entries)
    }

    /// Does what was planned. Everything that can be wrong with it is found before anything is done.
    pub(super) async fn set_access(
        &self,
        at: &Locator,
        port: Option<u16>,
        plan: &Plan,
    ) -> Result<(), Error> {
        let lines: Result<Vec<_>, _> =
            plan.create.iter().map(|entry| creation(at, port, entry)).collect();
        let lines = lines?;
        if plan.reset {
            self.tell(&of_port(Line::new("access reset").value(at), port).words(&["-j"])).await?;
        }
        for line in lines {
            self.tell(&line).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: AccessEntryType) -> AccessEntry {
        AccessEntry { kind, scopes: vec!["connect".into()], ..AccessEntry::default() }
    }

    fn control(entries: &[AccessEntry]) -> AccessControl {
        AccessControl { entries: entries.to_vec() }
    }

    #[test]
    fn only_whole_hours_are_taken_and_none_is_prolonged() {
        let hours = |seconds| whole_hours(Duration::from_secs(seconds)).ok();
        assert_eq!(hours(8 * HOUR).as_deref(), Some("8h"));
        assert_eq!(hours(8 * HOUR - 40).as_deref(), Some("8h"));
        assert_eq!(hours(48 * HOUR).as_deref(), Some("2d"));
        assert_eq!(hours(720 * HOUR).as_deref(), Some("30d"));
        for seconds in [0, 59, 30 * 60, 90 * 60, 721 * HOUR] {
            assert_eq!(hours(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn everybody_is_let_in_kept_out_and_let_in_anew() {
        let anonymous = [entry(AccessEntryType::Anonymous)];
        let opened = plan(&control(&anonymous), &[]).unwrap();
        assert_eq!(opened, Plan { reset: false, create: anonymous.to_vec() });
        let closed = plan(&control(&[]), &anonymous).unwrap();
        assert_eq!(closed, Plan { reset: true, create: vec![] });
        let anew = plan(&control(&anonymous), &anonymous).unwrap();
        assert!(anew.reset && anew.create.len() == 1, "its end moves");
        assert_eq!(plan(&control(&[]), &[]).unwrap(), Plan::default());
    }

    #[test]
    fn nobody_loses_access_by_the_way() {
        let both = [entry(AccessEntryType::Anonymous), entry(AccessEntryType::Users)];
        assert!(matches!(plan(&control(&both[1..]), &both), Err(Error::Invalid(_))));
        assert!(matches!(plan(&control(&both[1..]), &[]), Err(Error::Invalid(_))));
        let users = &both[1..];
        assert_eq!(plan(&control(users), users).unwrap(), Plan::default());
    }

    #[test]
    fn a_tenant_or_an_organization_comes_in_beside_others_and_goes_alone() {
        let of = |provider: &str, subjects: &[&str]| AccessEntry {
            provider: Some(provider.into()),
            subjects: subjects.iter().map(|it| (*it).to_owned()).collect(),
            ..entry(AccessEntryType::Organizations)
        };
        let (tenant, org) = (of("microsoft", &[]), of("github", &["rust-lang"]));
        let added =
            plan(&control(&[org.clone(), tenant.clone()]), std::slice::from_ref(&org)).unwrap();
        assert_eq!(added, Plan { reset: false, create: vec![tenant.clone()] });
        let at: Locator = "shop.euw".parse().unwrap();
        let line = |entry: &AccessEntry| creation(&at, None, entry).unwrap().sent().join(" ");
        assert_eq!(line(&tenant), "access create shop.euw --tenant -j");
        assert_eq!(line(&org), "access create shop.euw --organization rust-lang -j");
        let gone = plan(&control(&[]), std::slice::from_ref(&tenant)).unwrap();
        assert_eq!(gone, Plan { reset: true, create: vec![] });
        let both = [tenant, org];
        assert!(matches!(plan(&control(&both[1..]), &both), Err(Error::Invalid(_))));
    }
}
