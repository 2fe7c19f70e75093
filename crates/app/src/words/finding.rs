//! Says what was found when everything was looked at.

use std::path::Path;
use std::time::Duration;

use super::catalogue::template;
use super::key::Key;
use super::say::{fill, lower_first};
use super::{Language, cause, heard, span};
use crate::doctor::{Check, Fault, Found, Mend, Silence, Subject, Told, Verdict, Why};
use crate::status::ErrorKind;

/// A check in words.
pub(crate) fn told(check: &Check, language: Language) -> Told {
    let speaker = Speaker(language);
    Told {
        name: speaker.subject(&check.subject),
        verdict: check.verdict,
        found: speaker.found(&check.found),
        mend: check.mend.as_ref().map(|mend| speaker.mend(mend)),
    }
}

/// A verdict in four letters at most.
pub(crate) fn verdict(verdict: Verdict, language: Language) -> &'static str {
    let key = match verdict {
        Verdict::Ok => Key::VerdictOk,
        Verdict::Warn => Key::VerdictWarn,
        Verdict::Fail => Key::VerdictFail,
    };
    template(key, false, language)
}

/// None of this is told against a time, so it needs the language alone.
#[derive(Clone, Copy)]
struct Speaker(Language);

impl Speaker {
    fn subject(self, subject: &Subject) -> String {
        match subject {
            Subject::State => self.bare(Key::OfState),
            Subject::Keys => self.bare(Key::OfKeys),
            Subject::Relays => self.bare(Key::OfRelays),
            Subject::Relay(relay) => self.say(Key::OfRelay, &[("relay", relay.to_string())]),
            Subject::Clock => self.bare(Key::OfClock),
            Subject::Microsoft => self.bare(Key::OfMicrosoft),
            Subject::Hosting => self.bare(Key::OfHosting),
            Subject::Tunnel(name) => self.say(Key::OfTunnel, &[("name", name.clone())]),
            Subject::Port { port, tunnel } => {
                self.say(Key::OfPort, &[("port", port.to_string()), ("name", tunnel.clone())])
            }
            Subject::Trial(name) => self.say(Key::OfTrial, &[("name", name.clone())]),
            Subject::Service => self.bare(Key::OfService),
            Subject::Localhost => self.bare(Key::OfLocalhost),
        }
    }

    fn found(self, found: &Found) -> String {
        match found {
            Found::Writable(file) => self.of_file(Key::FoundWritable, file, &[]),
            Found::NotWritten(file, cause) => {
                self.of_file(Key::FoundNotWritten, file, &[("cause", self.heard(cause))])
            }
            Found::NotRead(file, cause) => {
                self.of_file(Key::FoundNotRead, file, &[("cause", self.heard(cause))])
            }
            Found::Newer(file, form) => {
                self.of_file(Key::FoundNewer, file, &[("form", form.to_string())])
            }
            Found::Keys { count, file, mode, from_environment } => {
                self.keys(*count, file, *mode, *from_environment)
            }
            Found::NoKey => self.bare(Key::FoundKeyBad),
            Found::NoRelays => self.bare(Key::FoundNoRelays),
            Found::Answers { took, user, is_exposed } => {
                let found = self.signed_in([Key::FoundAnswers, Key::FoundAnswersAs], *took, user);
                match is_exposed {
                    true => self.say(Key::FoundPlain, &[("found", found)]),
                    false => found,
                }
            }
            Found::NotAsked(fault) => self.say(Key::FoundNotAsked, &[("cause", self.fault(fault))]),
            Found::ClockRight => self.bare(Key::FoundClockRight),
            Found::ClockAhead(by) => self.say(Key::FoundClockAhead, &[("time", span::span(*by))]),
            Found::ClockBehind(by) => self.say(Key::FoundClockBehind, &[("time", span::span(*by))]),
            Found::Microsoft { user, took } => {
                self.signed_in([Key::FoundMicrosoft, Key::FoundMicrosoftAs], *took, user)
            }
            Found::MicrosoftUnused => self.bare(Key::FoundMicrosoftUnused),
            Found::MicrosoftNotUsable(fault) => {
                self.say(Key::FoundMicrosoftNotUsable, &[("cause", self.fault(fault))])
            }
            Found::NothingHosted => self.bare(Key::FoundNothingHosted),
            Found::Hosted => self.bare(Key::FoundHosted),
            Found::Wrong(why) => self.why(why),
            Found::OnItsWay(None) => self.bare(Key::FoundFirstTry),
            Found::OnItsWay(Some(why)) => self.say(Key::FoundOnItsWay, &[("cause", self.why(why))]),
            Found::Elsewhere => self.bare(Key::FoundElsewhere),
            Found::Stopped => self.bare(Key::FoundStopped),
            Found::NotHosted => self.bare(Key::FoundNotHosted),
            Found::Silent(port) => self.say(Key::FoundSilent, &[("port", port.to_string())]),
            Found::AnswersOn(address) => {
                self.say(Key::FoundAnswersOn, &[("address", address.to_string())])
            }
            Found::AnswersOnBoth => self.bare(Key::FoundAnswersOnBoth),
            Found::TrialFree => self.bare(Key::FoundTrialFree),
            Found::TrialTaken(addresses) => {
                self.say(Key::FoundTrialTaken, &[("addresses", self.all(addresses))])
            }
            Found::NoUnit => self.bare(Key::FoundNoUnit),
            Found::UnitUnknown(file, silence) => {
                self.of_file(Key::FoundUnitUnknown, file, &[("cause", self.silence(silence))])
            }
            Found::UnitFailed(file) => self.of_file(Key::FoundUnitFailed, file, &[]),
            Found::UnitRuns(file) => self.of_file(Key::FoundUnitRuns, file, &[]),
            Found::UnitNotAtLogin(file, enabled) => {
                self.of_file(Key::FoundUnitNotAtLogin, file, &[("enabled", enabled.clone())])
            }
            Found::UnitOnItsWay(file, active) => {
                self.of_file(Key::FoundUnitOnItsWay, file, &[("active", active.clone())])
            }
            Found::UnitDown { file, active, enabled } => {
                let holes = [("active", active.clone()), ("enabled", enabled.clone())];
                self.of_file(Key::FoundUnitDown, file, &holes)
            }
            Found::Names { by_all: true } => self.bare(Key::FoundNames),
            Found::Names { by_all: false } => self.bare(Key::FoundNamesByFew),
            Found::Said(said) => said.clone(),
        }
    }

    fn keys(self, count: usize, file: &Path, mode: Option<u32>, from_environment: bool) -> String {
        let found = match count {
            0 => self.bare(Key::FoundNoKeys),
            count => self.of_file(Key::FoundKeys, file, &[("n", count.to_string())]),
        };
        let found = match from_environment {
            true => self.say(Key::FoundKeysBefore, &[("found", found)]),
            false => found,
        };
        let Some(mode) = mode else { return found };
        let key = match Found::is_open(mode) {
            true => Key::FoundKeysOpen,
            false => Key::FoundKeysOwn,
        };
        self.say(key, &[("found", found), ("mode", format!("{mode:03o}"))])
    }

    fn signed_in(
        self,
        [key, with_user]: [Key; 2],
        took: Duration,
        user: &Option<String>,
    ) -> String {
        let time = ("time", took.as_millis().to_string());
        match user {
            Some(user) => self.say(with_user, &[time, ("user", user.clone())]),
            None => self.say(key, &[time]),
        }
    }

    /// English tells the cause alone, as it always has: scripts read it. Others get the kind in their own words
    /// before the cause.
    fn why(self, why: &Why) -> String {
        let said = cause(&why.said, self.0);
        let Some(kind) = why.kind.filter(|_| self.0 != Language::English) else { return said };
        let key = match kind {
            ErrorKind::SignIn => Key::SignInNeeded,
            ErrorKind::Access => Key::AccessRefused,
            ErrorKind::NotFound => Key::UnknownTunnel,
            ErrorKind::Refused => Key::Refused,
            ErrorKind::NotRenewed => Key::NotRenewed,
            ErrorKind::PortsUnknown => Key::PortsUnknown,
            ErrorKind::RunningOut => Key::RunningOut,
        };
        let kind_said = lower_first(&self.bare(key));
        match kind {
            // The cause would say the same again.
            ErrorKind::SignIn | ErrorKind::NotFound => kind_said,
            _ => format!("{kind_said}: {said}"),
        }
    }

    fn silence(self, silence: &Silence) -> String {
        match silence {
            Silence::NotRun(cause) => {
                self.say(Key::SystemctlNotRun, &[("cause", self.heard(cause))])
            }
            Silence::Late => self.bare(Key::SystemctlLate),
            Silence::Said(said) => said.clone(),
        }
    }

    fn all(self, things: &[String]) -> String {
        let both = |one: String, other: &String| {
            self.say(Key::And, &[("one", one), ("other", other.clone())])
        };
        let Some((first, others)) = things.split_first() else { return String::new() };
        others.iter().fold(first.clone(), both)
    }

    fn fault(self, fault: &Fault) -> String {
        let said = |key, said: &String| self.say(key, &[("said", said.clone())]);
        let at = |key, host: &String, cause: &String| {
            self.say(key, &[("host", host.clone())]) + &self.behind(cause)
        };
        let late = |key, what: &String, after: &Duration| {
            self.say(key, &[("what", what.clone()), ("time", after.as_secs().to_string())])
        };
        match fault {
            Fault::SignIn(it) => said(Key::FaultSignIn, it),
            Fault::Forbidden(it) => said(Key::FaultForbidden, it),
            Fault::NotFound(it) => said(Key::FaultNotFound, it),
            Fault::Conflict(it) => said(Key::FaultConflict, it),
            Fault::Invalid(it) => said(Key::FaultInvalid, it),
            Fault::RateLimited(it) => said(Key::FaultRateLimited, it),
            Fault::Unavailable { status, said } => {
                let holes = [("status", status.to_string()), ("said", said.clone())];
                self.say(Key::FaultUnavailable, &holes)
            }
            Fault::Unreachable { host, cause } => at(Key::FaultUnreachable, host, cause),
            Fault::Untrusted { host, cause } => at(Key::FaultUntrusted, host, cause),
            Fault::Nonsense { host, cause } => at(Key::FaultNonsense, host, cause),
            Fault::Missing { program } => {
                self.say(Key::FaultMissing, &[("program", program.clone())])
            }
            Fault::Unstartable { program, cause } => {
                self.say(Key::FaultUnstartable, &[("program", program.clone())])
                    + &self.behind(cause)
            }
            Fault::TooOld { version: None } => self.bare(Key::FaultOld),
            Fault::TooOld { version: Some(version) } => {
                self.say(Key::FaultOldAs, &[("version", version.clone())])
            }
            Fault::SignedOut => self.bare(Key::FaultSignedOut),
            Fault::Expired => self.bare(Key::FaultExpired),
            Fault::OtherProfile => self.bare(Key::FaultOtherProfile),
            Fault::Queued { what, after } => late(Key::FaultQueued, what, after),
            Fault::Late { what, after } => late(Key::FaultLate, what, after),
            Fault::Garbled { what, flaw } => {
                self.say(Key::FaultGarbled, &[("what", what.clone()), ("flaw", flaw.clone())])
            }
            Fault::Failed { what, code, said } => {
                let (what, said) = (("what", what.clone()), ("said", said.clone()));
                match code {
                    Some(code) => {
                        self.say(Key::FaultFailed, &[what, said, ("code", code.to_string())])
                    }
                    None => self.say(Key::FaultKilled, &[what, said]),
                }
            }
            Fault::Other(said) => self.heard(said),
        }
    }

    fn mend(self, mend: &Mend) -> String {
        let with = |key, line: &str| self.say(key, &[("line", line.to_owned())]);
        self.bare(match mend {
            Mend::StateDir => Key::MendStateDir,
            Mend::Room => Key::MendRoom,
            Mend::Owner => Key::MendOwner,
            Mend::Newer => Key::MendNewer,
            Mend::Keys => Key::MendKeys,
            Mend::KeySet => Key::MendKeySet,
            Mend::Encrypt => Key::MendPlain,
            Mend::Clock => Key::MendClock,
            Mend::Later => Key::MendLater,
            Mend::SignIn => Key::MendSignIn,
            Mend::Access => Key::MendAccess,
            Mend::Id => Key::MendId,
            Mend::Name => Key::MendName,
            Mend::Soon => Key::MendWhile,
            Mend::Network => Key::MendNetwork,
            Mend::Certificate => Key::MendCertificate,
            Mend::Address => Key::MendAddress,
            Mend::Install(line) => return with(Key::MendInstall, line),
            Mend::InstallAnew(line) => return with(Key::MendInstallAnew, line),
            Mend::Update(line) => return with(Key::MendUpdate, line),
            Mend::Microsoft => Key::MendMicrosoft,
            Mend::MicrosoftAgain => Key::MendMicrosoftAgain,
            Mend::OtherProfile => Key::MendOtherProfile,
            Mend::CommandSoon => Key::MendCommandWhile,
            Mend::Status => Key::MendStatus,
            Mend::Retry => Key::MendRetry,
            Mend::TakeOver => Key::MendTakeOver,
            Mend::Host => Key::MendHost,
            Mend::Server => Key::MendServer,
            Mend::EndOther => Key::MendTrial,
            Mend::Session => Key::MendSession,
            Mend::UnitFailed => Key::MendUnitFailed,
            Mend::UnitLogin => Key::MendUnitLogin,
            Mend::UnitWait => Key::MendUnitWait,
            Mend::UnitStart => Key::MendUnitStart,
            Mend::Said(said) => return said.clone(),
        })
    }

    fn of_file(self, key: Key, file: &Path, holes: &[(&str, String)]) -> String {
        let file = ("file", file.display().to_string());
        self.say(key, &[holes, &[file]].concat())
    }

    /// What others said.
    fn heard(self, said: &str) -> String {
        heard(said, self.0).into_owned()
    }

    /// The same with the colon that it stands behind.
    fn behind(self, cause: &str) -> String {
        match cause.strip_prefix(": ") {
            Some(said) => format!(": {}", self.heard(said)),
            None => cause.to_owned(),
        }
    }

    fn bare(self, key: Key) -> String {
        template(key, false, self.0).to_owned()
    }

    fn say(self, key: Key, holes: &[(&str, String)]) -> String {
        fill(template(key, false, self.0), holes)
    }
}

#[cfg(test)]
mod tests;
