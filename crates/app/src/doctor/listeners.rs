//! Who listens on this computer: the local servers of hosted tunnels, and whoever sits where a trial relay was.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use adit_wire::clock;
use tokio::net::TcpStream;

use super::{Check, Found, Mend, Subject};
use crate::embedded;
use crate::places::Places;

/// How long a local server may take to accept.
const LOCAL: Duration = Duration::from_millis(800);

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A local port of a tunnel that is hosted here.
pub(super) async fn local_port(tunnel: &str, port: u16) -> Check {
    let mut answer = Vec::new();
    for address in LOOPBACK {
        if answers(address, port).await {
            answer.push(address);
        }
    }
    judge(tunnel, port, &answer)
}

/// A tunnel is served by either address.
fn judge(tunnel: &str, port: u16, answer: &[IpAddr]) -> Check {
    let subject = Subject::Port { port, tunnel: tunnel.to_owned() };
    match answer {
        [] => Check::warn(subject, Found::Silent(port), Mend::Server),
        [one] => Check::ok(subject, Found::AnswersOn(*one)),
        _ => Check::ok(subject, Found::AnswersOnBoth),
    }
}

/// The trial relays that do not run now: each wants the ports again that its URLs name.
pub(super) async fn trials(places: &Places) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, ports) in embedded::resting(places) {
        checks.push(of_trial(&name, &ports).await);
    }
    checks
}

async fn of_trial(name: &str, ports: &[u16]) -> Check {
    let mut taken = Vec::new();
    for port in ports {
        if answers(LOOPBACK[0], *port).await {
            taken.push(format!("127.0.0.1:{port}"));
        }
    }
    let subject = Subject::Trial(name.to_owned());
    match taken.is_empty() {
        true => Check::ok(subject, Found::TrialFree),
        false => Check::warn(subject, Found::TrialTaken(taken), Mend::EndOther),
    }
}

async fn answers(address: IpAddr, port: u16) -> bool {
    let connect = TcpStream::connect((address, port));
    matches!(clock::until(clock::now() + LOCAL, connect).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::Verdict;
    use super::*;

    #[tokio::test]
    async fn a_port_is_served_by_either_address() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let check = local_port("shop", port).await;
        assert_eq!(check.verdict, Verdict::Ok);
        assert_eq!(check.found, Found::AnswersOn(LOOPBACK[0]));
        assert_eq!(judge("shop", port, &LOOPBACK).found, Found::AnswersOnBoth);
        let check = judge("shop", port, &[]);
        assert_eq!((check.verdict, check.mend.is_some()), (Verdict::Warn, true));
    }

    #[tokio::test]
    async fn whoever_sits_where_a_trial_relay_was_is_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let taken = listener.local_addr().unwrap().port();
        let free = tokio::net::TcpSocket::new_v4().unwrap();
        free.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let free = free.local_addr().unwrap().port();
        let check = of_trial("shop", &[free, taken]).await;
        assert_eq!(check.verdict, Verdict::Warn);
        assert_eq!(check.found, Found::TrialTaken(vec![format!("127.0.0.1:{taken}")]));
        assert_eq!(of_trial("shop", &[free]).await.verdict, Verdict::Ok);
    }
}
