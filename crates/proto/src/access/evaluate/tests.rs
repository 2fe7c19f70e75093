//! Who gets in, and what can never change that.

use std::slice::from_ref;

use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn user(id: &str, groups: &[&str]) -> Subject {
    let groups = groups.iter().map(|group| group.to_string()).collect();
    Subject::User { id: id.parse().unwrap(), groups }
}

fn entry(kind: AccessEntryType, subjects: &[&str], scopes: &[&str]) -> AccessEntry {
    let texts = |list: &[&str]| list.iter().map(|text| text.to_string()).collect();
    AccessEntry { kind, subjects: texts(subjects), scopes: texts(scopes), ..AccessEntry::default() }
}

fn anonymous(scope: &str) -> AccessEntry {
    entry(AccessEntryType::Anonymous, &[], &[scope])
}

fn users(subjects: &[&str], scope: &str) -> AccessEntry {
    entry(AccessEntryType::Users, subjects, &[scope])
}

fn groups(subjects: &[&str], scope: &str) -> AccessEntry {
    entry(AccessEntryType::Groups, subjects, &[scope])
}

fn deny(entry: AccessEntry) -> AccessEntry {
    AccessEntry { is_deny: true, ..entry }
}

fn all_but(entry: AccessEntry) -> AccessEntry {
    AccessEntry { is_inverse: true, ..entry }
}

fn until(seconds: i64, entry: AccessEntry) -> AccessEntry {
    AccessEntry { expiration: Some(at(seconds)), ..entry }
}

fn of(provider: &str, entry: AccessEntry) -> AccessEntry {
    AccessEntry { provider: Some(provider.to_owned()), ..entry }
}

fn ask(subject: &Subject, scope: Scope, tunnel: &[AccessEntry], port: &[AccessEntry]) -> Decision {
    let owner = "olivia".parse().unwrap();
    evaluate(&Request { subject, owner: &owner, scope, now: at(0) }, tunnel, port)
}

/// Who of anonymous (`-`), alice, bob (of group dev) and olivia (the owner) may connect, by initials.
fn who(tunnel: &[AccessEntry], port: &[AccessEntry]) -> String {
    let visitors = [
        ('-', Subject::Anonymous),
        ('a', user("alice", &[])),
        ('b', user("bob", &["dev"])),
        ('o', user("olivia", &[])),
    ];
    let may = |subject| ask(subject, Scope::Connect, tunnel, port).is_allowed();
    visitors.iter().filter(|(_, subject)| may(subject)).map(|(initial, _)| initial).collect()
}

#[test]
fn access_lists_let_in_exactly_whom_they_say() {
    let open = || anonymous("connect");
    let alice = || users(&["alice"], "connect");
    let dev = || groups(&["dev"], "connect");
    let addresses = || entry(AccessEntryType::IpAddressRanges, &["192.0.2.0/24"], &["connect"]);
    let other = || entry(AccessEntryType::from("Robots"), &[], &["connect"]);
    for (expected, tunnel, port, story) in [
        ("o", vec![], vec![], "a tunnel is private"),
        ("-abo", vec![open()], vec![], "anonymous is for everybody"),
        ("-abo", vec![], vec![open()], "a port can be open alone"),
        ("ao", vec![alice()], vec![], "a user by name"),
        ("bo", vec![dev()], vec![], "a user by group"),
        ("abo", vec![alice()], vec![dev()], "a port adds to its tunnel"),
        ("o", vec![users(&[], "connect")], vec![], "no subjects are nobody"),
        ("o", vec![users(&["Alice", "ali", "alice2"], "connect")], vec![], "names match whole"),
        ("o", vec![users(&["dev"], "connect")], vec![], "a group is no user"),
        ("o", vec![groups(&["alice"], "connect")], vec![], "a user is no group"),
        ("o", vec![anonymous("inspect")], vec![], "another scope"),
        ("o", vec![anonymous("Connect")], vec![], "a scope in another spelling"),
        ("o", vec![entry(AccessEntryType::None, &[], &["connect"])], vec![], "an empty entry"),
        ("-bo", vec![open(), deny(alice())], vec![], "denied by name"),
        ("-bo", vec![deny(alice()), open()], vec![], "in any order"),
        ("-bo", vec![deny(alice())], vec![open(), alice()], "no port allows what a tunnel denies"),
        ("bo", vec![alice(), dev()], vec![deny(alice())], "a port takes away"),
        ("o", vec![open()], vec![deny(open())], "a private port of an open tunnel"),
        ("ao", vec![open(), alice()], vec![deny(open())], "where named users still get in"),
        ("o", vec![deny(open())], vec![open()], "a tunnel that opens no port"),
        ("abo", vec![all_but(open())], vec![], "everybody who has signed in"),
        ("-o", vec![open(), deny(all_but(open()))], vec![], "nobody who has signed in"),
        ("bo", vec![all_but(alice())], vec![], "all users but one"),
        ("ao", vec![open(), deny(all_but(alice()))], vec![], "nobody but one"),
        ("bo", vec![open()], vec![deny(all_but(dev()))], "nobody but a group"),
        ("abo", vec![all_but(users(&[], "connect"))], vec![], "all users but none"),
        ("o", vec![of("github", alice())], vec![], "a namesake at another provider"),
        ("ao", vec![of("", alice())], vec![], "an empty provider is none"),
        ("-abo", vec![of("github", open())], vec![], "everybody, whoever provides them"),
        ("o", vec![of("github", all_but(alice()))], vec![], "users that are unknown here"),
        ("-abo", vec![open(), deny(of("github", alice()))], vec![], "a denied namesake"),
        ("o", vec![open(), deny(of("github", all_but(alice())))], vec![], "all but strangers"),
        ("o", vec![addresses(), other()], vec![], "what cannot be known allows nobody"),
        ("o", vec![all_but(addresses())], vec![], "nor does its inverse"),
        ("o", vec![open(), deny(addresses())], vec![], "and denies everybody"),
        ("o", vec![open(), deny(all_but(other()))], vec![], "as does its inverse"),
        ("ao", vec![until(1, alice())], vec![], "until its end"),
        ("o", vec![until(0, alice())], vec![], "but not at its end"),
        ("-abo", vec![open(), until(0, deny(alice()))], vec![], "a denial ends, too"),
        ("-bo", vec![open(), until(1, deny(alice()))], vec![], "at its time"),
    ] {
        assert_eq!(who(&tunnel, &port), expected, "{story}");
    }
}

#[test]
fn inherited_entries_of_a_port_are_left_to_its_tunnel() {
    let stale = AccessEntry { is_inherited: true, ..anonymous("connect") };
    assert_eq!(who(&[], from_ref(&stale)), "o");
    assert_eq!(who(&[anonymous("connect")], &[deny(stale)]), "-abo");
}

#[test]
fn manage_includes_ports_unless_ports_are_denied() {
    let alice = user("alice", &[]);
    let manage = users(&["alice"], "manage");
    let ports = users(&["alice"], "manage:ports");
    let may = |scope, entries: &[AccessEntry]| ask(&alice, scope, entries, &[]).is_allowed();
    assert!(may(Scope::ManagePorts, from_ref(&manage)));
    assert!(!may(Scope::Manage, from_ref(&ports)));
    for scope in [Scope::Create, Scope::Host, Scope::Inspect, Scope::Connect] {
        assert!(!may(scope, from_ref(&manage)), "{scope}");
    }
    let no_ports = [manage.clone(), deny(ports.clone())];
    assert!(may(Scope::Manage, &no_ports) && !may(Scope::ManagePorts, &no_ports));
    let no_manage = [manage.clone(), deny(manage.clone())];
    assert!(!may(Scope::ManagePorts, &no_manage));
    let ports_alone = [manage.clone(), deny(manage), ports];
    assert!(may(Scope::ManagePorts, &ports_alone) && !may(Scope::Manage, &ports_alone));
}

#[test]
fn the_owner_is_not_denied_by_any_entry() {
    let entries = [deny(anonymous("connect")), deny(all_but(users(&[], "connect")))];
    let decision = ask(&user("olivia", &[]), Scope::Connect, &entries, &entries);
    assert_eq!(decision, Decision::Allowed(Grant::Owner));
    assert_eq!(decision.until(), None);
}

#[test]
fn a_denial_holds_also_for_who_has_another_ground_to_come() {
    let owner = "olivia".parse().unwrap();
    let denied = |subject: &Subject, tunnel: &[AccessEntry], port: &[AccessEntry]| {
        let request = Request { subject, owner: &owner, scope: Scope::Connect, now: at(0) };
        denial(&request, tunnel, port)
    };
    let stranger = Subject::Anonymous;
    let everybody = deny(anonymous("connect"));
    assert_eq!(denied(&stranger, &[], &[]), None, "what nothing grants is not denied");
    assert_eq!(denied(&stranger, from_ref(&everybody), &[]), Some(Place::Tunnel));
    assert_eq!(denied(&stranger, &[], from_ref(&everybody)), Some(Place::Port));
    assert_eq!(denied(&stranger, &[until(0, everybody.clone())], &[]), None);
    assert_eq!(denied(&stranger, &[deny(anonymous("host"))], &[]), None);
    assert_eq!(denied(&stranger, &[deny(users(&["alice"], "connect"))], &[]), None);
    assert_eq!(denied(&user("olivia", &[]), &[everybody], &[]), None);
}

#[test]
fn of_several_grants_the_one_that_lasts_longest_counts() {
    let alice = user("alice", &[]);
    let entries = [until(10, anonymous("connect")), until(20, users(&["alice"], "connect"))];
    let decision = ask(&alice, Scope::Connect, &entries, &[]);
    assert_eq!(decision.until(), Some(at(20)));
    let decision = ask(&alice, Scope::Connect, &entries, &[anonymous("connect")]);
    let grant = Grant::Entry { place: Place::Port, kind: AccessEntryType::Anonymous, until: None };
    assert_eq!(decision, Decision::Allowed(grant));
}

#[test]
fn a_refusal_says_what_would_help() {
    let alice = user("alice", &[]);
    let refused = |subject: &Subject, tunnel: &[AccessEntry], port: &[AccessEntry]| match ask(
        subject,
        Scope::Connect,
        tunnel,
        port,
    ) {
        Decision::Refused(refusal) => refusal,
        allowed => panic!("{allowed:?}"),
    };
    let open = anonymous("connect");
    assert_eq!(refused(&alice, &[], &[]), Refusal::NotGranted);
    assert_eq!(refused(&Subject::Anonymous, &[], &[]), Refusal::SignInRequired);
    let denied = [deny(open.clone())];
    assert_eq!(refused(&Subject::Anonymous, &denied, &[]), Refusal::SignInRequired);
    let ended = [until(-5, open.clone()), until(-9, open.clone())];
    assert_eq!(refused(&alice, &ended, &[]), Refusal::Expired { at: at(-5) });
    assert_eq!(refused(&Subject::Anonymous, &ended, &[]), Refusal::Expired { at: at(-5) });
    let denied = [deny(users(&["alice"], "connect"))];
    assert_eq!(refused(&alice, &denied, &[]), Refusal::Denied(Place::Tunnel));
    assert_eq!(refused(&alice, &[open], &denied), Refusal::Denied(Place::Port));
    assert_eq!(Refusal::Denied(Place::Port).to_string(), "the access list of the port denies it");
}

fn any_entry() -> impl Strategy<Value = AccessEntry> {
    let kind = prop::sample::select(vec!["Anonymous", "Users", "Groups", "Organizations", "New"]);
    let subjects = prop::sample::subsequence(vec!["alice", "bob", "olivia", "dev"], 0..=4);
    let scopes = prop::sample::subsequence(Scope::ALL.to_vec(), 0..=6);
    let provider = prop::sample::select(vec![None, None, None, Some("github")]);
    let flags = any::<(bool, bool, bool)>();
    let end = prop::sample::select(vec![None, None, Some(-1), Some(0), Some(1)]);
    (kind, subjects, scopes, provider, flags, end).prop_map(
        |(kind, subjects, scopes, provider, (inherited, denies, inverse), end)| AccessEntry {
            kind: kind.into(),
            subjects: subjects.into_iter().map(str::to_owned).collect(),
            scopes: scopes.into_iter().map(|scope| scope.to_string()).collect(),
            provider: provider.map(str::to_owned),
            is_inherited: inherited,
            is_deny: denies,
            is_inverse: inverse,
            expiration: end.map(at),
            ..AccessEntry::default()
        },
    )
}

fn any_list() -> impl Strategy<Value = Vec<AccessEntry>> {
    prop::collection::vec(any_entry(), 0..6)
}

fn any_visitor() -> impl Strategy<Value = Subject> {
    prop::sample::select(vec![
        Subject::Anonymous,
        user("alice", &[]),
        user("bob", &["dev"]),
        user("carol", &["ops", "dev"]),
    ])
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(Scope::ALL.to_vec())
}

proptest! {
    #[test]
    fn the_owner_always_may(tunnel in any_list(), port in any_list(), scope in any_scope()) {
        prop_assert!(ask(&user("olivia", &[]), scope, &tunnel, &port).is_allowed());
    }

    #[test]
    fn one_more_denial_never_lets_anybody_in(
        visitor in any_visitor(), scope in any_scope(), tunnel in any_list(), port in any_list(),
        more in any_entry(),
    ) {
        let mut longer = tunnel.clone();
        longer.push(deny(more));
        let before = ask(&visitor, scope, &tunnel, &port).is_allowed();
        prop_assert!(before || !ask(&visitor, scope, &longer, &port).is_allowed());
    }

    #[test]
    fn one_more_allowance_never_locks_anybody_out(
        visitor in any_visitor(), scope in any_scope(), tunnel in any_list(), port in any_list(),
        more in any_entry(),
    ) {
        let mut longer = port.clone();
        longer.push(AccessEntry { is_deny: false, ..more });
        let before = ask(&visitor, scope, &tunnel, &port).is_allowed();
        prop_assert!(!before || ask(&visitor, scope, &tunnel, &longer).is_allowed());
    }

    #[test]
    fn the_order_of_entries_does_not_matter(
        visitor in any_visitor(), scope in any_scope(), port in any_list(),
        (tunnel, shuffled) in any_list().prop_flat_map(|list| {
            (Just(list.clone()), Just(list).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(
            ask(&visitor, scope, &tunnel, &port).is_allowed(),
            ask(&visitor, scope, &shuffled, &port).is_allowed()
        );
    }

    #[test]
    fn what_has_ended_and_what_is_inherited_changes_nothing(
        visitor in any_visitor(), scope in any_scope(), tunnel in any_list(), port in any_list(),
    ) {
        let live = |entry: &&AccessEntry| entry.expiration.is_none_or(|end| end > at(0));
        let lean_tunnel: Vec<_> = tunnel.iter().filter(live).cloned().collect();
        let lean_port: Vec<_> =
            port.iter().filter(live).filter(|entry| !entry.is_inherited).cloned().collect();
        prop_assert_eq!(
            ask(&visitor, scope, &tunnel, &port).is_allowed(),
            ask(&visitor, scope, &lean_tunnel, &lean_port).is_allowed()
        );
    }

    #[test]
    fn what_everybody_may_a_user_may_unless_denied(
        visitor in any_visitor(), scope in any_scope(), tunnel in any_list(), port in any_list(),
    ) {
        let everybody = ask(&Subject::Anonymous, scope, &tunnel, &port).is_allowed();
        let decision = ask(&visitor, scope, &tunnel, &port);
        let denied = tunnel.iter().chain(&port).any(|entry| entry.is_deny);
        prop_assert!(!everybody || denied || decision.is_allowed());
    }

    #[test]
    fn nobody_gets_in_without_an_entry_that_allows_it(
        visitor in any_visitor(), scope in any_scope(), tunnel in any_list(), port in any_list(),
    ) {
        let granting = |entry: &AccessEntry| !entry.is_deny
            && scope.granted_by().iter().any(|scope| names(entry, scope));
        if ask(&visitor, scope, &tunnel, &port).is_allowed() {
            prop_assert!(tunnel.iter().chain(&port).any(granting));
        }
    }
}
