//! The register: every condition there is, with what never changes about it.

use std::time::Duration;

use crate::effect::NoticeKind;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Mends itself, or waits for the network or a local server.
    Warning,
    /// Needs a person.
    Bad,
}

/// Names a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A file made no sense and was set aside.
    StateDamaged,
    /// A file was written by a newer program, or cannot be read; what is changed is not kept.
    StateNotKept,
    /// A file cannot be written.
    NotSaved,
    /// The clock of this computer is wrong.
    ClockWrong,
    /// The command that a place is managed with is not there.
    CommandMissing,
    /// It is too old.
    CommandOld,
    /// Somebody has to sign in.
    SignInNeeded,
    /// No way leads to a place, because none leads out of this computer.
    NoNetwork,
    /// A place cannot be reached.
    RelayUnreachable,
    /// A place does not tell its list.
    ListFailed,
    /// The list that is shown is old.
    ListOld,
    /// A tunnel does not come back.
    Reconnecting,
    /// Another computer hosts a tunnel of ours.
    AnotherHost,
    /// A tunnel cannot be hosted, and that will not mend itself.
    NotHosted,
    /// A tunnel's access, or its life, could not be renewed.
    RenewalFailed,
    /// A tunnel's ports could not be asked for.
    PortsUnknown,
    /// A change was not made.
    ChangeFailed,
    /// A port is not served.
    PortRefused,
    /// Nothing answers on a local port.
    LocalDown,
    /// A local server speaks another protocol.
    LocalScheme,
    /// The session is up, and the URL is dead.
    UrlDead,
    /// The service allows no more for now.
    Limited,
    /// A tunnel goes away soon, and nothing keeps it.
    Expiring,
}

/// What never changes about a condition.
struct Registered {
    severity: Severity,
    /// How long it lasts before it is worth telling, in seconds.
    after: u64,
    /// Whether URLs do not work because of it, which the tray icon says.
    stops_urls: bool,
    /// In whose presence it is not told: they say all.
    causes: &'static [Code],
    notice: Option<NoticeKind>,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::StateDamaged,
        Self::StateNotKept,
        Self::NotSaved,
        Self::ClockWrong,
        Self::CommandMissing,
        Self::CommandOld,
        Self::SignInNeeded,
        Self::NoNetwork,
        Self::RelayUnreachable,
        Self::ListFailed,
        Self::ListOld,
        Self::Reconnecting,
        Self::AnotherHost,
        Self::NotHosted,
        Self::RenewalFailed,
        Self::PortsUnknown,
        Self::ChangeFailed,
        Self::PortRefused,
        Self::LocalDown,
        Self::LocalScheme,
        Self::UrlDead,
        Self::Limited,
        Self::Expiring,
    ];

    /// How bad it is.
    pub fn severity(self) -> Severity {
        self.registered().severity
    }

    /// How long it lasts before it is worth telling.
    pub fn after(self) -> Duration {
        Duration::from_secs(self.registered().after)
    }

    /// Whether URLs do not work because of it.
    pub fn stops_urls(self) -> bool {
        self.registered().stops_urls
    }

    /// In whose presence it is not told.
    pub fn causes(self) -> &'static [Self] {
        self.registered().causes
    }

    /// As what it is told outside the window, if it is.
    pub fn notice(self) -> Option<NoticeKind> {
        self.registered().notice
    }

    fn registered(self) -> Registered {
        use Code::*;
        use Severity::{Bad, Info, Warning};
        const NO_PLACE: &[Code] =
            &[CommandMissing, CommandOld, SignInNeeded, NoNetwork, RelayUnreachable, ListFailed];
        const NO_SESSION: &[Code] =
            &[SignInNeeded, NoNetwork, RelayUnreachable, AnotherHost, NotHosted];
        const NO_SERVICE: &[Code] = &[AnotherHost, NotHosted, Reconnecting, PortRefused];
        let of = |severity, after, causes| Registered {
            severity,
            after,
            stops_urls: false,
            causes,
            notice: None,
        };
        let stops = |registered| Registered { stops_urls: true, ..registered };
        let tells = |notice, registered| Registered { notice: Some(notice), ..registered };
        match self {
            StateDamaged | StateNotKept | NotSaved => of(Bad, 0, &[]),
            ClockWrong => of(Bad, 0, &[]),
            CommandMissing | CommandOld => of(Bad, 0, &[]),
            SignInNeeded => tells(NoticeKind::SignIn, of(Bad, 0, &[])),
            // A Wi-Fi that changes is not worth a word.
            NoNetwork => stops(of(Warning, 5, &[])),
            RelayUnreachable => stops(of(Warning, 5, &[ClockWrong, NoNetwork])),
            ListFailed => of(Warning, 0, &[SignInNeeded, CommandMissing, CommandOld]),
            ListOld => of(Info, 10, NO_PLACE),
            // The icon of the tray does not flicker with a reconnect.
            Reconnecting => stops(of(Warning, 10, NO_SESSION)),
            AnotherHost => tells(NoticeKind::TakenOver, stops(of(Bad, 0, &[]))),
            NotHosted => tells(NoticeKind::Broken, stops(of(Bad, 0, &[SignInNeeded]))),
            RenewalFailed => {
                tells(NoticeKind::Broken, of(Bad, 60, &[SignInNeeded, NoNetwork, RelayUnreachable]))
            }
            PortsUnknown => of(Warning, 5, NO_PLACE),
            ChangeFailed => of(Bad, 0, &[]),
            PortRefused => tells(NoticeKind::Broken, stops(of(Bad, 0, NO_SESSION))),
            // A server that restarts is away for a moment.
            LocalDown => tells(NoticeKind::LocalDown, stops(of(Warning, 10, NO_SERVICE))),
            LocalScheme => stops(of(Bad, 10, NO_SERVICE)),
            UrlDead => tells(
                NoticeKind::Broken,
                stops(of(
                    Bad,
                    10,
                    &[AnotherHost, NotHosted, Reconnecting, NoNetwork, RelayUnreachable],
                )),
            ),
            Limited => stops(of(Warning, 10, NO_SERVICE)),
            // A tunnel that is hosted is kept from it, so this needs a person, but works until then.
            Expiring => tells(NoticeKind::AboutToExpire, of(Warning, 0, &[SignInNeeded])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_condition_is_the_cause_of_its_own_causes() {
        fn reaches(from: Code, to: Code, depth: u8) -> bool {
            assert!(depth < 23, "a circle at {from:?}");
            from.causes().iter().any(|cause| *cause == to || reaches(*cause, to, depth + 1))
        }
        for code in Code::ALL {
            assert!(!reaches(code, code, 0), "{code:?}");
        }
    }

    #[test]
    fn every_condition_is_in_the_list_once() {
        let mut all = Code::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Code::ALL.len());
        // The last of the enum: who adds one behind it finds this.
        assert_eq!(Code::Expiring as usize + 1, Code::ALL.len());
    }
}
