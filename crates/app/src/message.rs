//! What the application has to say, as ids with typed arguments. [`crate::words`] makes text of them, last.

use std::path::PathBuf;

use adit_proto::contracts::Protocol;
use adit_proto::health::Proof;
use jiff::Timestamp;

use crate::command::{Command, Ticket};
use crate::failure::Code;
use crate::form::Mistake;
use crate::local::Risk;
use crate::manage::moving::Left;
use crate::persist::Part;
use crate::place_key::PlaceKey;
use crate::port;
use crate::preferences::Refusal;
use crate::setup::ErrandKind;
use crate::status::Phase;
use crate::tunnel_key::TunnelKey;

/// Something to say. Two are equal when they say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A tunnel is on its way up, at this step.
    Connecting(Option<Phase>),
    /// A tunnel is on its way up and waits for its next try.
    ConnectingAgain {
        /// Which try comes next.
        attempt: u32,
        /// When it begins.
        at: Timestamp,
    },
    /// Why a port had better not be at a URL, for a pill.
    Risk(Risk),
    /// A tunnel was given up, until somebody starts it again.
    GivenUp,
    /// Access to a tunnel was asked for.
    AskedForAccess,
    /// A tunnel's session was replaced by plan.
    SessionRenewed,
    /// A tunnel's session was not replaced, and serves on.
    SessionNotRenewed,
    /// Somebody had to sign in again.
    SignInNeeded,
    /// Nothing answered on a local port.
    LocalSilent(u16),
    /// A local port answered again.
    LocalAnswers(u16),
    /// The URL of a port answered.
    UrlAnswers(u16),
    /// The session was up, and the URL of a port did not reach this host.
    UrlDeadOf(u16),
    /// The name of a port's URL is not found, or its certificate is not to be trusted.
    DnsOrTlsOf(u16),
    /// A tunnel is hosted, and nothing has been proven of its URL.
    Checking,
    /// A URL answers.
    Live {
        /// When that was last seen.
        at: Timestamp,
        /// How well it is proven.
        proof: Proof,
    },
    /// Nothing answers on the local port.
    LocalDown(u16),
    /// The local server speaks another protocol than the port says.
    LocalScheme {
        /// The port.
        port: u16,
        /// What the port says, where that is known.
        configured: Option<Protocol>,
    },
    /// The session is up, and the URL does not reach this host.
    UrlDead,
    /// The name of the URL is not found, or its certificate is not to be trusted.
    DnsOrTls,
    /// The relay of a place cannot be reached.
    RelayUnreachable(PlaceKey),
    /// The service allows no more for now.
    Limited,
    /// A tunnel is on its way up again, at this step.
    Reconnecting(Option<Phase>),
    /// A tunnel is on its way up again and waits for its next try.
    Retry {
        /// Which try comes next.
        attempt: u32,
        /// When it begins.
        at: Timestamp,
    },
    /// Another computer hosts this tunnel.
    AnotherHost,
    /// Another computer took this tunnel, and hosts it no longer.
    GivenUpElsewhere,
    /// Somebody has to sign in to the place again.
    SignIn(PlaceKey),
    /// Tunnels are not hosted until somebody has signed in.
    HostedAfter {
        /// What some are called; at least one.
        names: Vec<String>,
        /// How many there are besides.
        more: u64,
    },
    /// The service does not allow this user to host the tunnel.
    AccessRefused,
    /// The service knows no such tunnel.
    UnknownTunnel,
    /// The service refuses the request as it is.
    Refused,
    /// A tunnel is on its way down.
    Stopping,
    /// A tunnel is not hosted.
    Stopped,
    /// A tunnel has no port.
    NoPorts,
    /// The service gives a port its address when it is first hosted.
    NoUrlYet,
    /// A port is not served.
    PortRefused(u16),
    /// The relay knows the tunnel, and no such port of it.
    PortGone(u16),
    /// The access of a hosted tunnel could not be renewed; it is hosted until that ends.
    NotRenewed,
    /// A tunnel's ports could not be asked for; those known are served.
    PortsUnknown,
    /// A tunnel's life was not renewed; it is hosted, and ends at its time.
    RunningOut,
    /// A tunnel or port was asked for and is not confirmed.
    BeingMade,
    /// A tunnel could not be made.
    NotCreated,
    /// A port could not be added.
    PortNotAdded(u16),
    /// A port could not be changed.
    PortNotChanged(u16),
    /// A port could not be removed.
    PortNotDeleted(u16),
    /// A tunnel could not be removed.
    NotDeleted,
    /// Who may visit could not be changed.
    AccessNotChanged,
    /// What a tunnel is could not be changed.
    TunnelNotChanged,
    /// A token for programs could not be made.
    TokenNotMade,
    /// A link that lets its visitors in could not be made.
    LinkNotMade,
    /// A link could not be revoked, and still lets visitors in.
    LinkNotRevoked,
    /// A tunnel could not be made at that other place.
    NotMoved(PlaceKey),
    /// What does not come along to another place.
    Left(Left),
    /// A tunnel could not begin to be hosted.
    CouldNotStart,
    /// A tunnel's ports could not be asked for, and none are known.
    PortsNotTold,
    /// A tunnel goes away then, unless it is used before.
    Expiring(Timestamp),
    /// A tunnel's URL is this now.
    UrlIs(String),
    /// A value of the settings is refused.
    Refusal(Refusal),
    /// What was to be set up failed, for a reason of that kind.
    ErrandFailed(ErrandKind, Code),
    /// A remembered tunnel of that name is gone, and is not hosted again.
    Forgotten(String),
    /// A file made no sense and was moved there.
    FileSetAside(PathBuf),
    /// A file was written by a newer program.
    FileNewer(PathBuf),
    /// A file could not be read.
    FileUnreadable(PathBuf),
    /// Something could not be written.
    NotSaved(Part),
    /// The clock of this computer is wrong.
    ClockWrong,
    /// The command that a place is managed with is not there.
    CommandMissing(PlaceKey),
    /// The command is too old.
    CommandOld {
        /// Of which place.
        place: PlaceKey,
        /// The version it says it is.
        version: String,
    },
    /// No way leads out of this computer.
    NoNetwork,
    /// A tunnel waits for one, since then.
    WaitingForNetwork(Timestamp),
    /// A place does not tell its list.
    ListFailed(PlaceKey),
    /// What is shown of a place was told then.
    AsOf(Timestamp),
    /// How long ago a place was last asked.
    CheckedAgo(Timestamp),
    /// What a person can do; the words of a button.
    Do(Offer),
    /// How many tunnels are live.
    LiveCount {
        /// So many.
        live: u64,
        /// Of so many.
        of: u64,
    },
    /// So many tunnels are in a state.
    Count {
        /// Which.
        what: Counted,
        /// How many.
        n: u64,
    },
    /// It was hosted in the last run and is again, once its place can be asked.
    Resumes,
    /// Nothing is hosted.
    NothingHosted,
    /// There are no tunnels.
    NoTunnels,
    /// The first list has not come.
    Getting,
    /// The same in few words, with how many of them need a person.
    LiveBrief {
        /// So many are live.
        live: u64,
        /// Of so many.
        of: u64,
        /// So many need a person.
        needs: u64,
    },
    /// A tunnel and how it stands, for a line of a menu.
    Line {
        /// What the tunnel is called.
        name: String,
        /// How it stands.
        word: Word,
        /// Who may visit it.
        seen: Seen,
    },
    /// A tunnel and what is wrong with it.
    About {
        /// What the tunnel is called.
        name: String,
        /// What is wrong.
        text: Box<Message>,
    },
    /// Several things, a sentence each.
    All(Vec<Message>),
    /// Why what was typed cannot be taken.
    Mistake(Mistake),
    /// What is about to be removed.
    Deleting {
        /// What the tunnel is called.
        name: String,
        /// Which port of it; `None` is all of it.
        port: Option<u16>,
        /// How many URLs go with it.
        urls: u64,
    },
    /// So many removals wait.
    DeletingMany(u64),
    /// An entry of a menu.
    Menu(Entry),
    /// A state in a word or two, where a row has no room for its sentence.
    Word(Word),
}

/// Who may visit a tunnel, as a line of a menu says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Those who were named.
    ByFew,
    /// Whoever has the link, and reaches it.
    ByLink,
    /// Whoever has the link, from everywhere.
    ByAll,
}

/// A state in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// The URL is proven.
    Live,
    /// Hosted and not proven.
    Checking,
    /// Asked for and not confirmed.
    BeingMade,
    /// On the way up.
    Connecting,
    /// On the way up again.
    Reconnecting,
    /// On the way up again as soon as there is a network.
    Waiting,
    /// Nothing answers on the local port.
    NoAnswer,
    /// The local server speaks another protocol.
    WrongProtocol,
    /// Another host has the tunnel.
    StandingBy,
    /// It cannot be hosted.
    NotHosted,
    /// Hosted, and the URL is dead.
    UrlDead,
    /// On the way down.
    Stopping,
    /// Not hosted, as somebody chose.
    Stopped,
}

/// What a person can do about a state, beside the words that tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Do not wait for the next try.
    TryNow,
    /// Take the tunnel from the host that has it.
    TakeOver,
    /// Sign in to the place.
    SignIn(PlaceKey),
    /// Start to host.
    Start,
    /// Not to host any more what is not there any more.
    Forget,
    /// Put a URL on the clipboard.
    CopyUrl(String),
    /// Add a port.
    AddPort,
    /// Say of the port what its local server speaks.
    ChangeProtocol {
        /// The port.
        port: u16,
        /// To what.
        to: Protocol,
    },
    /// Ask the service again.
    Refresh,
    /// Try a change that failed again.
    Retry(Ticket),
    /// Do not remove it after all.
    Undo(Ticket),
    /// Get the command that a place is managed with.
    GetCommand(PlaceKey),
}

/// What [`Message::Count`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Tunnels whose URL is being checked.
    Checking,
    /// Tunnels on the way up.
    Connecting,
    /// Tunnels on the way up again.
    Reconnecting,
    /// Tunnels that wait for the network.
    Offline,
    /// Tunnels that wait for the local server.
    Waiting,
    /// Tunnels that another computer hosts.
    Elsewhere,
    /// Tunnels that do not work.
    Broken,
    /// Tunnels that nobody wants hosted.
    Stopped,
    /// Tunnels that work.
    Live,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Copies the URL of that port.
    CopyUrl(u16),
    /// Opens the URL of that port.
    Open(u16),
    /// Starts the tunnel of that name.
    Start(String),
    /// Stops the tunnel of that name.
    Stop(String),
    /// Makes a tunnel.
    NewTunnel,
    /// Opens the window.
    OpenWindow,
    /// Stops all.
    StopAll,
    /// What does not fit into the menu.
    More,
    /// Ends the program, which stops so many tunnels.
    Quit(u64),
}

impl Offer {
    /// What it asks of the application, for a tunnel; nothing where a face has to do more first.
    pub fn command(&self, tunnel: &TunnelKey) -> Option<Command> {
        let tunnel = || tunnel.clone();
        Some(match self {
            Self::TryNow => Command::TryNow(tunnel()),
            Self::TakeOver => Command::TakeOver(tunnel()),
            Self::Start => Command::Host(tunnel()),
            Self::Forget => Command::Stop(tunnel()),
            Self::Refresh => Command::Refresh(Some(tunnel().place)),
            Self::Retry(ticket) => Command::Retry(*ticket),
            Self::Undo(ticket) => Command::Undo(*ticket),
            Self::ChangeProtocol { port, to } => {
                let protocol = match to {
                    Protocol::Http => port::Protocol::Http,
                    Protocol::Https => port::Protocol::Https,
                    _ => port::Protocol::Auto,
                };
                let port = port::Port { number: *port, protocol };
                Command::ChangePort { tunnel: tunnel(), port }
            }
            // These ask for something first: a sign-in, a number, an installation, a clipboard.
            Self::SignIn(_) | Self::AddPort | Self::GetCommand(_) | Self::CopyUrl(_) => {
                return None;
            }
        })
    }
}
