//! Chooses the sentence for a message and fills its holes.

use std::path::Path;

use adit_proto::contracts::Protocol;
use adit_proto::health::Proof;
use jiff::ZonedDateTime;

use super::catalogue::template;
use super::key::Key;
use super::{Ages, Language, number, span};
use crate::failure::Code;
use crate::form::Mistake;
use crate::local::Risk;
use crate::manage::moving::Left;
use crate::message::{Counted, Entry, Message, Offer, Seen, Word};
use crate::name::BadName;
use crate::persist::Part;
use crate::place_key::{Kind, PlaceKey};
use crate::preferences::{Refusal, Refused, Still};
use crate::setup::ErrandKind;
use crate::status::Phase;

/// Says messages in a language, at a time.
pub(super) struct Speaker<'a> {
    pub(super) language: Language,
    pub(super) now: &'a ZonedDateTime,
    pub(super) ages: Ages,
}

impl Speaker<'_> {
    pub(super) fn text(&self, message: &Message) -> String {
        match message {
            Message::Connecting(phase) => self.bare(connecting(*phase)),
            Message::ConnectingAgain { attempt, at } => {
                self.next_try(Key::ConnectingAgain, Key::ConnectingNow, *attempt, *at)
            }
            Message::Checking => self.bare(Key::Checking),
            Message::Risk(risk) => self.bare(of_risk(*risk)),
            Message::GivenUp => self.bare(Key::GivenUp),
            Message::AskedForAccess => self.bare(Key::AskedForAccess),
            Message::SessionRenewed => self.bare(Key::SessionRenewed),
            Message::SessionNotRenewed => self.bare(Key::SessionNotRenewed),
            Message::SignInNeeded => self.bare(Key::SignInNeeded),
            Message::LocalSilent(port) => self.of_port(Key::LocalSilent, *port),
            Message::LocalAnswers(port) => self.of_port(Key::LocalAnswers, *port),
            Message::UrlAnswers(port) => self.of_port(Key::UrlAnswers, *port),
            Message::UrlDeadOf(port) => self.of_port(Key::UrlDeadOf, *port),
            Message::DnsOrTlsOf(port) => self.of_port(Key::DnsOrTlsOf, *port),
            Message::Live { at, proof: Proof::Strong } => self.ago(Key::Live, Key::LiveNow, *at),
            Message::Live { at, proof: Proof::Weak } => {
                self.ago(Key::LiveWeak, Key::LiveWeakNow, *at)
            }
            Message::LocalDown(port) => self.of_port(Key::LocalDown, *port),
            Message::LocalScheme { port, configured } => self.local_scheme(*port, configured),
            Message::UrlDead => self.bare(Key::UrlDead),
            Message::DnsOrTls => self.bare(Key::DnsOrTls),
            Message::NoNetwork => self.bare(Key::NoNetwork),
            Message::WaitingForNetwork(since) => {
                self.say(Key::WaitingForNetwork, &[("time", self.clock(*since))])
            }
            Message::RelayUnreachable(place) => self.of_place(Key::RelayUnreachable, place),
            Message::Limited => self.bare(Key::Limited),
            Message::Reconnecting(phase) => self.bare(reconnecting(*phase)),
            Message::Retry { attempt, at } => {
                self.next_try(Key::Retry, Key::RetryNow, *attempt, *at)
            }
            Message::AnotherHost => self.bare(Key::AnotherHost),
            Message::GivenUpElsewhere => self.bare(Key::GivenUpElsewhere),
            // In Portuguese it takes an article, which no relay does.
            Message::SignIn(place) if place.kind() == Kind::Microsoft => {
                self.bare(Key::SignInMicrosoft)
            }
            Message::SignIn(place) => self.of_place(Key::SignInAgain, place),
            Message::HostedAfter { names, more } => self.hosted_after(names, *more),
            Message::AccessRefused => self.bare(Key::AccessRefused),
            Message::UnknownTunnel => self.bare(Key::UnknownTunnel),
            Message::Refused => self.bare(Key::Refused),
            Message::Stopping => self.bare(Key::Stopping),
            Message::Stopped => self.bare(Key::Stopped),
            Message::NoPorts => self.bare(Key::NoPorts),
            Message::NoUrlYet => self.bare(Key::NoUrlYet),
            Message::PortRefused(port) => self.of_port(Key::PortRefused, *port),
            Message::PortGone(port) => self.of_port(Key::PortGone, *port),
            Message::NotRenewed => self.bare(Key::NotRenewed),
            Message::PortsUnknown => self.bare(Key::PortsUnknown),
            Message::RunningOut => self.bare(Key::RunningOut),
            Message::BeingMade => self.bare(Key::BeingMade),
            Message::NotCreated => self.bare(Key::NotCreated),
            Message::PortNotAdded(port) => self.of_port(Key::PortNotAdded, *port),
            Message::PortNotChanged(port) => self.of_port(Key::PortNotChanged, *port),
            Message::PortNotDeleted(port) => self.of_port(Key::PortNotDeleted, *port),
            Message::NotDeleted => self.bare(Key::NotDeleted),
            Message::AccessNotChanged => self.bare(Key::AccessNotChanged),
            Message::TunnelNotChanged => self.bare(Key::TunnelNotChanged),
            Message::TokenNotMade => self.bare(Key::TokenNotMade),
            Message::LinkNotMade => self.bare(Key::LinkNotMade),
            Message::LinkNotRevoked => self.bare(Key::LinkNotRevoked),
            Message::NotMoved(place) => self.of_place(Key::NotMoved, place),
            Message::Left(Left::People(n)) => {
                self.count(Key::LeftPeople, u64::try_from(*n).unwrap_or(u64::MAX), &[])
            }
            Message::Left(Left::Open) => self.bare(Key::LeftOpen),
            Message::Left(Left::Options) => self.bare(Key::LeftOptions),
            Message::CouldNotStart => self.bare(Key::CouldNotStart),
            Message::PortsNotTold => self.bare(Key::PortsNotTold),
            Message::Expiring(at) => self.say(Key::Expiring, &[("time", self.clock(*at))]),
            Message::UrlIs(url) => self.say(Key::UrlIs, &[("url", url.clone())]),
            Message::Refusal(refusal) => self.refusal(refusal),
            Message::ErrandFailed(kind, code) => self.errand_failed(kind, *code),
            Message::Forgotten(name) => self.say(Key::Forgotten, &[("name", name.clone())]),
            Message::FileSetAside(file) => self.of_file(Key::FileSetAside, file),
            Message::FileNewer(file) => self.of_file(Key::FileNewer, file),
            Message::FileUnreadable(file) => self.of_file(Key::FileUnreadable, file),
            Message::NotSaved(part) => self.bare(not_saved(*part)),
            Message::ClockWrong => self.bare(Key::ClockWrong),
            Message::CommandMissing(place) => self.of_place(Key::CommandMissing, place),
            Message::CommandOld { place, version } => {
                let holes = [("place", self.place(place)), ("version", version.clone())];
                self.say(Key::CommandOld, &holes)
            }
            Message::ListFailed(place) => self.of_place(Key::ListFailed, place),
            Message::AsOf(at) => self.say(Key::AsOf, &[("time", self.clock(*at))]),
            Message::CheckedAgo(at) => self.ago(Key::CheckedAgo, Key::CheckedNow, *at),
            Message::LiveCount { live, of } if live == of => self.count(Key::AllLive, *of, &[]),
            Message::LiveCount { of: 1, .. } => self.bare(Key::NotLive),
            Message::LiveCount { live, of } => {
                self.count(Key::LiveCount, *live, &[("all", of.to_string())])
            }
            Message::Count { what, n } => self.count(counted(*what), *n, &[]),
            Message::Resumes => self.bare(Key::Resumes),
            Message::NothingHosted => self.bare(Key::NothingHosted),
            Message::NoTunnels => self.bare(Key::NoTunnels),
            Message::Getting => self.bare(Key::Getting),
            Message::LiveBrief { live, of, needs: 0 } => self.brief(*live, *of),
            Message::LiveBrief { live, of, needs } => {
                let live = self.brief(*live, *of);
                self.count(Key::BriefNeeds, *needs, &[("live", live)])
            }
            Message::Line { name, word, seen } => {
                let key = match seen {
                    Seen::ByFew => Key::Line,
                    Seen::ByLink => Key::LineOpen,
                    Seen::ByAll => Key::LinePublic,
                };
                let word = lower_first(&self.bare(to_key(*word)));
                self.say(key, &[("name", name.clone()), ("word", word)])
            }
            Message::About { name, text } => {
                let text = lower_first(&self.text(text));
                self.say(Key::About, &[("name", name.clone()), ("text", text)])
            }
            Message::All(messages) => self.all(messages),
            Message::Deleting { name, port: None, urls: 0 } => {
                self.say(Key::Deleting, &[("name", name.clone())])
            }
            Message::Deleting { name, port: None, urls } => {
                self.count(Key::DeletingUrls, *urls, &[("name", name.clone())])
            }
            Message::Deleting { name, port: Some(port), .. } => {
                let holes = [("name", name.clone()), ("port", port.to_string())];
                self.say(Key::DeletingPort, &holes)
            }
            Message::DeletingMany(n) => self.count(Key::DeletingMany, *n, &[]),
            Message::Mistake(mistake) => self.mistake(mistake),
            Message::Menu(entry) => self.entry(entry),
            Message::Do(offer) => self.offer(offer),
            Message::Word(word) => self.bare(to_key(*word)),
        }
    }

    /// The rule, and what stays in force.
    fn refusal(&self, Refusal { rule, still }: &Refusal) -> String {
        let count = |n: &u32| number::count((*n).into(), self.language);
        let rule = match rule {
            Refused::Number { least, most } => {
                self.say(Key::RuleNumber, &[("least", count(least)), ("most", count(most))])
            }
            Refused::Span { least, most } => {
                let holes = [("least", least.to_string()), ("most", most.to_string())];
                self.say(Key::RuleSpan, &holes)
            }
            Refused::Proxy => self.bare(Key::RuleProxy),
            Refused::Text { most } => self.say(Key::RuleText, &[("most", count(most))]),
        };
        let still = match still {
            Still::Number(n) => self.say(Key::StillIs, &[("still", count(n))]),
            Still::Text(text) => self.say(Key::StillIs, &[("still", text.clone())]),
            Still::Unset => self.bare(Key::StillUnset),
            Still::System => self.bare(Key::StillSystem),
            Still::Direct => self.bare(Key::StillDirect),
        };
        format!("{rule} {still}")
    }

    fn errand_failed(&self, kind: &ErrandKind, code: Code) -> String {
        match (kind, code) {
            (ErrandKind::Relay(place), Code::SignIn | Code::Access) => {
                self.of_place(Key::RelayRefused, place)
            }
            (ErrandKind::Relay(place), Code::Unreachable) => {
                self.of_place(Key::RelayNotReached, place)
            }
            (ErrandKind::Relay(_), _) => self.bare(Key::NotKept),
            (ErrandKind::SignIn { .. }, Code::Devtunnel) => self.bare(Key::SignInNoCommand),
            (ErrandKind::SignIn { .. }, Code::Interrupted) => self.bare(Key::SignInLate),
            (ErrandKind::SignIn { .. }, Code::Conflict) => self.bare(Key::SignInElsewhere),
            (ErrandKind::SignIn { .. }, _) => self.bare(Key::SignInFailed),
            (ErrandKind::Install, Code::Devtunnel) => self.bare(Key::InstalledNotFound),
            (ErrandKind::Install, Code::Interrupted) => self.bare(Key::InstallLate),
            (ErrandKind::Install, _) => self.bare(Key::InstallFailed),
            (ErrandKind::Forget(place), _) => self.of_place(Key::NotLeft, place),
            (ErrandKind::Remove, Code::Conflict) => self.bare(Key::RemoveLosesPorts),
            (ErrandKind::Remove, Code::AlreadyRunning) => self.bare(Key::RemoveOthersRun),
            (ErrandKind::Remove, _) => self.bare(Key::NotRemoved),
        }
    }

    fn offer(&self, offer: &Offer) -> String {
        match offer {
            Offer::TryNow => self.bare(Key::TryNow),
            Offer::TakeOver => self.bare(Key::TakeOver),
            Offer::SignIn(_) => self.bare(Key::SignIn),
            Offer::CopyUrl(_) => self.bare(Key::CopyTheUrl),
            Offer::Forget => self.bare(Key::Forget),
            Offer::Start => self.bare(Key::Start),
            Offer::AddPort => self.bare(Key::AddPort),
            Offer::ChangeProtocol { to, .. } => {
                self.say(Key::ChangeProtocol, &[("protocol", to.to_string())])
            }
            Offer::Refresh => self.bare(Key::Refresh),
            Offer::Retry(_) => self.bare(Key::TryAgain),
            Offer::Undo(_) => self.bare(Key::Undo),
            Offer::GetCommand(_) => self.bare(Key::GetCommand),
        }
    }

    fn mistake(&self, mistake: &Mistake) -> String {
        match mistake {
            Mistake::Name(bad) => self.bad_name(*bad),
            Mistake::NameTaken(place) => self.of_place(Key::NameTaken, place),
            Mistake::PortNumber => self.bare(Key::PortNumber),
            Mistake::PortThere { name, port } => {
                self.say(Key::PortThere, &[("name", name.clone()), ("port", port.to_string())])
            }
            Mistake::Expiration => self.bare(Key::BadExpiration),
            Mistake::ExpirationHours => self.bare(Key::WholeHours),
            Mistake::Description => self.bare(Key::BadDescription),
            Mistake::DescriptionStays => self.bare(Key::DescriptionStays),
            Mistake::Label(label) => self.say(Key::BadLabel, &[("label", label.clone())]),
            Mistake::ManyLabels => self.bare(Key::ManyLabels),
            Mistake::Header => self.bare(Key::BadHeader),
            Mistake::Timeout => self.bare(Key::BadTimeout),
            Mistake::Until => self.bare(Key::BadUntil),
        }
    }

    fn bad_name(&self, bad: BadName) -> String {
        match bad {
            BadName::Length => self.bare(Key::NameLength),
            BadName::Character(found) => {
                self.say(Key::NameCharacter, &[("found", found.to_string())])
            }
            BadName::Ends => self.bare(Key::NameEnds),
            BadName::Alias => self.bare(Key::NameAlias),
            BadName::Inspect => self.bare(Key::NameInspect),
            BadName::Reserved => self.bare(Key::NameReserved),
        }
    }

    fn entry(&self, entry: &Entry) -> String {
        match entry {
            Entry::CopyUrl(port) => self.of_port(Key::CopyUrl, *port),
            Entry::Open(port) => self.of_port(Key::OpenUrl, *port),
            Entry::Start(name) => self.say(Key::StartNamed, &[("name", name.clone())]),
            Entry::Stop(name) => self.say(Key::StopNamed, &[("name", name.clone())]),
            Entry::NewTunnel => self.bare(Key::NewTunnel),
            Entry::OpenWindow => self.bare(Key::OpenWindow),
            Entry::StopAll => self.bare(Key::StopAll),
            Entry::More => self.bare(Key::More),
            Entry::Quit(0) => self.bare(Key::QuitNow),
            Entry::Quit(n) => self.count(Key::Quit, *n, &[]),
        }
    }

    fn brief(&self, live: u64, of: u64) -> String {
        self.say(Key::Brief, &[("live", live.to_string()), ("n", of.to_string())])
    }

    /// Several counts are one sentence, with commas; anything else is a sentence each.
    fn all(&self, messages: &[Message]) -> String {
        let texts = messages.iter().map(|message| self.text(message));
        if messages.iter().all(|message| matches!(message, Message::Count { .. })) {
            let text = texts.collect::<Vec<_>>().join(", ");
            return if text.is_empty() { text } else { text + "." };
        }
        let ended = texts.map(|text| if text.ends_with('.') { text } else { text + "." });
        ended.collect::<Vec<_>>().join(" ")
    }

    fn next_try(&self, later: Key, at_once: Key, attempt: u32, at: jiff::Timestamp) -> String {
        let n = attempt.to_string();
        match span::until(at, self.now) {
            Some(time) => self.say(later, &[("n", n), ("time", time)]),
            None => self.say(at_once, &[("n", n)]),
        }
    }

    fn local_scheme(&self, port: u16, configured: &Option<Protocol>) -> String {
        let other = match configured {
            Some(Protocol::Http) => "https",
            Some(Protocol::Https) => "http",
            _ => return self.of_port(Key::LocalScheme, port),
        };
        let configured = configured.as_ref().map(ToString::to_string).unwrap_or_default();
        let holes =
            [("port", port.to_string()), ("other", other.to_owned()), ("configured", configured)];
        self.say(Key::LocalSchemeIs, &holes)
    }

    fn clock(&self, at: jiff::Timestamp) -> String {
        span::clock(at, self.now, self.language)
    }

    fn ago(&self, earlier: Key, just_now: Key, at: jiff::Timestamp) -> String {
        match span::ago(at, self.now, self.ages) {
            Some(time) => self.say(earlier, &[("time", time)]),
            None => self.bare(just_now),
        }
    }

    /// "a, b and c", or "a, b, c and 4 more".
    fn hosted_after(&self, names: &[String], more: u64) -> String {
        let (all, last) = match (names, more) {
            ([], _) => return String::new(),
            ([first @ .., last], 0) => (first, last.clone()),
            (all, more) => (all, self.count(Key::AndMore, more, &[])),
        };
        let names = match all {
            [] => last,
            _ => self.say(Key::And, &[("one", all.join(", ")), ("other", last)]),
        };
        let n = all.len() as u64 + 1;
        self.count(Key::HostedAfter, n, &[("names", names)])
    }

    fn of_file(&self, key: Key, file: &Path) -> String {
        self.say(key, &[("file", file.display().to_string())])
    }

    fn of_port(&self, key: Key, port: u16) -> String {
        self.say(key, &[("port", port.to_string())])
    }

    fn of_place(&self, key: Key, place: &PlaceKey) -> String {
        self.say(key, &[("place", self.place(place))])
    }

    /// What a place is called.
    fn place(&self, place: &PlaceKey) -> String {
        match place.kind() {
            Kind::Here => self.bare(Key::ThisComputer),
            Kind::Microsoft => self.bare(Key::Microsoft),
            Kind::Relay => place.host().to_owned(),
        }
    }

    pub(super) fn bare(&self, key: Key) -> String {
        template(key, false, self.language).to_owned()
    }

    fn say(&self, key: Key, holes: &[(&str, String)]) -> String {
        fill(template(key, false, self.language), holes)
    }

    /// With `n` for what there are so many of, in the form that the language has for that.
    fn count(&self, key: Key, n: u64, holes: &[(&str, String)]) -> String {
        let mut holes = holes.to_vec();
        holes.push(("n", n.to_string()));
        fill(template(key, self.language.is_many(n), self.language), &holes)
    }
}

fn connecting(phase: Option<Phase>) -> Key {
    match phase {
        None => Key::Connecting,
        Some(Phase::Authorizing) => Key::ConnectingAccess,
        Some(Phase::ConnectingRelay) => Key::ConnectingRelay,
        Some(Phase::ForwardingPorts) => Key::ConnectingPorts,
    }
}

fn reconnecting(phase: Option<Phase>) -> Key {
    match phase {
        None => Key::Reconnecting,
        Some(Phase::Authorizing) => Key::ReconnectingAccess,
        Some(Phase::ConnectingRelay) => Key::ReconnectingRelay,
        Some(Phase::ForwardingPorts) => Key::ReconnectingPorts,
    }
}

fn to_key(word: Word) -> Key {
    match word {
        Word::Live => Key::WordLive,
        Word::Checking => Key::WordChecking,
        Word::BeingMade => Key::BeingMade,
        Word::Connecting => Key::Connecting,
        Word::Reconnecting => Key::Reconnecting,
        Word::Waiting => Key::WordWaiting,
        Word::NoAnswer => Key::WordNoAnswer,
        Word::WrongProtocol => Key::WordWrongProtocol,
        Word::StandingBy => Key::WordStandingBy,
        Word::NotHosted => Key::WordNotHosted,
        Word::UrlDead => Key::WordUrlDead,
        Word::Stopping => Key::Stopping,
        Word::Stopped => Key::Stopped,
    }
}

fn of_risk(risk: Risk) -> Key {
    match risk {
        Risk::Database => Key::RiskDatabase,
        Risk::Debugger => Key::RiskDebugger,
        Risk::Admin => Key::RiskAdmin,
        Risk::Login => Key::RiskLogin,
        Risk::Files => Key::RiskFiles,
    }
}

fn not_saved(part: Part) -> Key {
    match part {
        Part::Preferences => Key::SettingsNotSaved,
        Part::Memory => Key::MemoryNotSaved,
        Part::Lists => Key::ListsNotSaved,
        Part::History => Key::HistoryNotSaved,
        Part::Setup => Key::SetupNotSaved,
    }
}

fn counted(what: Counted) -> Key {
    match what {
        Counted::Checking => Key::CountChecking,
        Counted::Connecting => Key::CountConnecting,
        Counted::Reconnecting => Key::CountReconnecting,
        Counted::Offline => Key::CountOffline,
        Counted::Waiting => Key::CountWaiting,
        Counted::Elsewhere => Key::CountElsewhere,
        Counted::Broken => Key::CountBroken,
        Counted::Stopped => Key::CountStopped,
        Counted::Live => Key::CountLive,
    }
}

/// For what stands behind a colon. A word in capitals, such as a URL's, stays as it is.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Fills holes in one pass, so that braces in what is filled in stay as they are.
pub(super) fn fill(template: &str, holes: &[(&str, String)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, behind)) = after.split_once('}') else { break };
        match holes.iter().find(|(hole, _)| *hole == name) {
            Some((_, value)) => text.push_str(value),
            None => text.extend(["{", name, "}"]),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}
