//! Says why something is as it is.

use adit_proto::health::{Barred, Flaw, NoSession, Reason, Refusal, Sign};
use adit_proto::host::{Failure, GiveUp};

use super::Language;
use super::catalogue::template;
use super::heard::heard;
use super::key::Key;
use super::say::{fill, lower_first};
use crate::cause::Cause;

/// Says a cause. It begins small and has no full stop, so that a face can put it where it likes.
pub fn cause(cause: &Cause, language: Language) -> String {
    let speaker = Speaker(language);
    match cause {
        Cause::Url(reason) => speaker.reason(reason),
        Cause::GivenUp(why) => speaker.given_up(why),
        Cause::Said(said) => speaker.heard(said),
    }
}

/// None of this is told against a time, so it needs the language alone.
#[derive(Clone, Copy)]
struct Speaker(Language);

impl Speaker {
    fn reason(self, reason: &Reason) -> String {
        match reason {
            Reason::Local(refusal) => {
                self.say(Key::WhyLocal, &[("refusal", self.refusal(refusal))])
            }
            Reason::LocalOnly(refusal) => {
                self.say(Key::WhyLocalOnly, &[("refusal", self.refusal(refusal))])
            }
            Reason::LocalFlaw { port, flaw } => self.of_port(of_flaw(*flaw), *port),
            Reason::LocalScheme { port } => self.of_port(Key::WhyLocalScheme, *port),
            Reason::Dead { port, sign } => self.dead(*port, sign),
            Reason::Limited { port } => self.of_port(Key::WhyLimited, *port),
            Reason::Unchecked { port, by } => {
                self.with_cause(Key::WhyUnchecked, *port, &self.barred(by))
            }
            Reason::SignIn { port } => self.of_port(Key::WhySignIn, *port),
            Reason::NoName { port, cause } => self.with_cause(Key::WhyNoName, *port, cause),
            Reason::Untrusted { port, cause } => self.with_cause(Key::WhyUntrusted, *port, cause),
            Reason::UnknownTunnel => self.bare(Key::WhyUnknownTunnel),
            Reason::UnknownPort { port } => self.of_port(Key::WhyUnknownPort, *port),
            Reason::NotServed { port, cause } => self.with_cause(Key::WhyNotServed, *port, cause),
            Reason::NoSession { port, why } => {
                self.with_cause(Key::WhyNoSession, *port, &self.no_session(why))
            }
        }
    }

    fn refusal(self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Nobody { port } => self.of_port(Key::WhyNobody, *port),
            Refusal::Other { port, cause } => self.with_cause(Key::WhyNotConnected, *port, cause),
        }
    }

    fn dead(self, port: u16, sign: &Sign) -> String {
        match sign {
            Sign::Status(status) => {
                let holes = [("port", port.to_string()), ("status", status.to_string())];
                self.say(Key::DeadStatus, &holes)
            }
            Sign::NoHost => self.of_port(Key::DeadNoHost, port),
            Sign::HostAway => self.of_port(Key::DeadHostAway, port),
            Sign::HostSilent => self.of_port(Key::DeadHostSilent, port),
            Sign::NotShared => self.of_port(Key::DeadNotShared, port),
            Sign::Edge(code) => {
                let holes = [("port", port.to_string()), ("code", code.to_string())];
                self.say(Key::DeadEdge, &holes)
            }
            Sign::Unreachable(cause) => self.with_cause(Key::DeadUnreachable, port, cause),
            Sign::Silent => self.of_port(Key::DeadSilent, port),
        }
    }

    fn barred(self, by: &Barred) -> String {
        match by {
            Barred::Gate(status) => self.say(Key::BarredGate, &[("status", status.to_string())]),
            Barred::Token => self.bare(Key::BarredToken),
            Barred::Said(said) => self.heard(said),
        }
    }

    fn no_session(self, why: &NoSession) -> String {
        match why {
            NoSession::Away(failure) => {
                let cause = match failure {
                    Some(failure) => self.failure(failure),
                    None => self.bare(Key::LackGivenUp),
                };
                self.say(Key::LackAway, &[("cause", cause)])
            }
            NoSession::Limited => self.bare(Key::LackLimited),
            NoSession::AnotherHost => self.bare(Key::LackAnotherHost),
            NoSession::SignIn => lower_first(&self.bare(Key::SignInNeeded)),
            NoSession::Refused(cause) => {
                self.say(Key::LackRefused, &[("cause", self.heard(cause))])
            }
            NoSession::UnknownTunnel => self.bare(Key::LackUnknownTunnel),
            NoSession::GivenUp(said) => self.heard(said),
        }
    }

    fn failure(self, failure: &Failure) -> String {
        match failure {
            Failure::Unauthorized => self.bare(Key::FailedUnauthorized),
            Failure::Forbidden(said) => self.forbidden(said),
            Failure::NotFound => self.bare(Key::FailedNotFound),
            Failure::RateLimited { .. } => self.bare(Key::FailedRateLimited),
            Failure::Unavailable { .. } => self.bare(Key::FailedUnavailable),
            Failure::Fatal(said) | Failure::Transient(said) => self.heard(said),
        }
    }

    fn given_up(self, why: &GiveUp) -> String {
        match why {
            GiveUp::SignIn => self.bare(Key::GivenUpSignIn),
            GiveUp::Forbidden(said) => self.forbidden(said),
            GiveUp::UnknownTunnel => self.bare(Key::GivenUpUnknown),
            GiveUp::Fatal(said) => self.heard(said),
        }
    }

    fn forbidden(self, said: &str) -> String {
        self.say(Key::FailedForbidden, &[("cause", self.heard(said))])
    }

    /// What others said.
    fn heard(self, said: &str) -> String {
        heard(said, self.0).into_owned()
    }

    fn of_port(self, key: Key, port: u16) -> String {
        self.say(key, &[("port", port.to_string())])
    }

    fn with_cause(self, key: Key, port: u16, cause: &str) -> String {
        self.say(key, &[("port", port.to_string()), ("cause", self.heard(cause))])
    }

    fn bare(self, key: Key) -> String {
        template(key, false, self.0).to_owned()
    }

    fn say(self, key: Key, holes: &[(&str, String)]) -> String {
        fill(template(key, false, self.0), holes)
    }
}

fn of_flaw(flaw: Flaw) -> Key {
    match flaw {
        Flaw::Protocol => Key::FlawProtocol,
        Flaw::Closes => Key::FlawCloses,
        Flaw::Silent => Key::FlawSilent,
    }
}

#[cfg(test)]
mod tests;
