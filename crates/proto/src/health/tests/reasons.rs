//! What reasons say in English. Event lines and logs have these sentences, so none changes by itself.

use super::*;

fn dead(sign: Sign) -> Reason {
    Reason::Dead { port: 80, sign }
}

fn no_session(why: NoSession) -> Reason {
    Reason::NoSession { port: 80, why }
}

fn flaw(flaw: Flaw) -> Reason {
    Reason::LocalFlaw { port: 80, flaw }
}

fn unchecked(by: Barred) -> Reason {
    Reason::Unchecked { port: 80, by }
}

#[test]
fn event_lines_say_why_as_they_always_did() {
    let cause = || "no".to_owned();
    let nobody = || Refusal::Nobody { port: 80 };
    let other = Refusal::Other { port: 80, cause: cause() };
    let away = NoSession::Away(Some(Failure::Unavailable { retry_after: None }));
    let rows = [
        (Reason::Local(nobody()), "nothing listens on localhost:80; start your server"),
        (
            Reason::LocalOnly(nobody()),
            "nothing listens on localhost:80; the tunnel is fine, start your server",
        ),
        (Reason::Local(other), "localhost:80 cannot be connected to: no; start your server"),
        (
            flaw(Flaw::Protocol),
            "the server on localhost:80 does not speak the port's protocol; the tunnel is fine",
        ),
        (
            flaw(Flaw::Closes),
            "the server on localhost:80 closes connections without an answer; the tunnel is fine",
        ),
        (
            flaw(Flaw::Silent),
            "the server on localhost:80 accepts connections but does not answer; the tunnel is fine",
        ),
        (
            Reason::LocalScheme { port: 80 },
            "the server on localhost:80 speaks the other of http and https than the port is set to; \
             change the port's protocol or the server",
        ),
        (
            dead(Sign::Status(404)),
            "the URL of port 80 answers with status 404, but not through this host",
        ),
        (
            dead(Sign::NoHost),
            "the URL of port 80 finds no host at the relay, though the session is up",
        ),
        (
            dead(Sign::HostAway),
            "the URL of port 80 waits at the relay for a host, though the session is up",
        ),
        (
            dead(Sign::HostSilent),
            "the URL of port 80 gets no answer through the session that is up",
        ),
        (
            dead(Sign::NotShared),
            "the URL of port 80 finds the port not served, though it is announced",
        ),
        (
            dead(Sign::Edge("odd".into())),
            "the URL of port 80 is answered by an edge that does not serve it (odd)",
        ),
        (dead(Sign::Unreachable(cause())), "the URL of port 80 cannot be connected to: no"),
        (dead(Sign::Silent), "the URL of port 80 does not answer"),
        (Reason::Limited { port: 80 }, "the relay takes no more requests to port 80 for now"),
        (
            unchecked(Barred::Gate(403)),
            "the URL of port 80 cannot be checked: its gate answers 403 to a connect token",
        ),
        (
            unchecked(Barred::Token),
            "the URL of port 80 cannot be checked: the relay does not accept a connect token of \
             this user",
        ),
        (unchecked(Barred::Said(cause())), "the URL of port 80 cannot be checked: no"),
        (
            Reason::SignIn { port: 80 },
            "somebody has to sign in again before the URL of port 80 can be checked",
        ),
        (
            Reason::NoName { port: 80, cause: cause() },
            "the name in the URL of port 80 is not found: no",
        ),
        (
            Reason::Untrusted { port: 80, cause: cause() },
            "the URL of port 80 cannot be reached securely: no",
        ),
        (Reason::UnknownTunnel, "the relay knows no such tunnel any more"),
        (
            Reason::UnknownPort { port: 80 },
            "the relay does not know port 80 of this tunnel any more",
        ),
        (Reason::NotServed { port: 80, cause: cause() }, "port 80 is not served: no"),
        (
            no_session(away),
            "nothing reaches this host for port 80: there is no session with the relay \
             (the service is not available)",
        ),
        (
            no_session(NoSession::Away(None)),
            "nothing reaches this host for port 80: there is no session with the relay \
             (it was given up)",
        ),
        (
            no_session(NoSession::Limited),
            "nothing reaches this host for port 80: the service allows no session for now \
             (too many requests)",
        ),
        (
            no_session(NoSession::AnotherHost),
            "nothing reaches this host for port 80: another host serves the tunnel",
        ),
        (
            no_session(NoSession::SignIn),
            "nothing reaches this host for port 80: somebody has to sign in again",
        ),
        (
            no_session(NoSession::Refused(cause())),
            "nothing reaches this host for port 80: this user may not host the tunnel (no)",
        ),
        (
            no_session(NoSession::UnknownTunnel),
            "nothing reaches this host for port 80: the service knows no such tunnel",
        ),
        (no_session(NoSession::GivenUp(cause())), "nothing reaches this host for port 80: no"),
    ];
    for (reason, english) in rows {
        assert_eq!(reason.to_string(), english);
    }
}
