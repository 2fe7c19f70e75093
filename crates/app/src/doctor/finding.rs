//! What is found, as values: [`crate::words`] makes text of them in the language of whoever looks.
//!
//! What a system, a service or another program said goes along as it was said.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Fault;
use crate::cause::Cause;
use crate::relay_url::RelayUrl;
use crate::status::ErrorKind;

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The directory of what the program remembers.
    State,
    /// The file of the keys.
    Keys,
    /// All relays, where there is none.
    Relays,
    /// A relay that the user is signed in to.
    Relay(RelayUrl),
    /// The clock of this computer.
    Clock,
    /// Microsoft's service and the command for it.
    Microsoft,
    /// All that is hosted here, where nothing is.
    Hosting,
    /// A tunnel that is hosted here, by its name.
    Tunnel(String),
    /// A local port of a hosted tunnel.
    Port {
        /// Its number.
        port: u16,
        /// The name of the tunnel.
        tunnel: String,
    },
    /// The trial relay of that name, which does not run now.
    Trial(String),
    /// The systemd unit of the user.
    Service,
    /// Names such as `shop.localhost`.
    Localhost,
}

/// What was found of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The directory can be written.
    Writable(PathBuf),
    /// The file cannot be written.
    NotWritten(PathBuf, String),
    /// The file cannot be read.
    NotRead(PathBuf, String),
    /// The file has a form that only a newer program knows.
    Newer(PathBuf, u32),
    /// The keys that are kept.
    Keys {
        /// How many.
        count: usize,
        /// In which file.
        file: PathBuf,
        /// Its mode as it was found, where there are modes.
        mode: Option<u32>,
        /// A key in the environment is used before any.
        from_environment: bool,
    },
    /// What stands in the environment can be no key.
    NoKey,
    /// The user is signed in to no relay.
    NoRelays,
    /// A relay answers.
    Answers {
        /// After how long.
        took: Duration,
        /// As whom it knows the user.
        user: Option<String>,
        /// Everybody on the way can read along.
        is_exposed: bool,
    },
    /// A relay did not answer as it should.
    NotAsked(Fault),
    /// The clock is right.
    ClockRight,
    /// The clock is ahead of the relay's.
    ClockAhead(Duration),
    /// The clock is behind the relay's.
    ClockBehind(Duration),
    /// Somebody is signed in to Microsoft's service.
    Microsoft {
        /// As whom.
        user: Option<String>,
        /// How long the command took to say so.
        took: Duration,
    },
    /// The command is there, and nobody uses it.
    MicrosoftUnused,
    /// Microsoft's service is wanted and cannot be used.
    MicrosoftNotUsable(Fault),
    /// Nothing is hosted here.
    NothingHosted,
    /// The tunnel is hosted.
    Hosted,
    /// The tunnel is hosted, and something is wrong with it, or it is not hosted because of that.
    Wrong(Why),
    /// The tunnel is on its way up; why it is not up yet, unless this is its first try.
    OnItsWay(Option<Why>),
    /// Another computer hosts the tunnel.
    Elsewhere,
    /// The tunnel was stopped.
    Stopped,
    /// The tunnel is not hosted, and nothing says why.
    NotHosted,
    /// Nothing answers on the local port.
    Silent(u16),
    /// A local server answers on that address only.
    AnswersOn(IpAddr),
    /// A local server answers on both addresses of this computer.
    AnswersOnBoth,
    /// The ports of the trial relay are free.
    TrialFree,
    /// Somebody else listens on these addresses of the trial relay.
    TrialTaken(Vec<String>),
    /// No unit is installed.
    NoUnit,
    /// The unit in that file, which systemd tells nothing of.
    UnitUnknown(PathBuf, Silence),
    /// The unit in that file has failed.
    UnitFailed(PathBuf),
    /// The unit in that file runs, and will again.
    UnitRuns(PathBuf),
    /// The unit in that file runs, but is not enabled: systemd's word for that.
    UnitNotAtLogin(PathBuf, String),
    /// The unit in that file is between two states: systemd's word for that.
    UnitOnItsWay(PathBuf, String),
    /// The unit in that file does not run: systemd's words for that.
    UnitDown {
        /// The file.
        file: PathBuf,
        /// Whether it runs.
        active: String,
        /// Whether it starts at login.
        enabled: String,
    },
    /// Names below `localhost` are found by every program, or by few.
    Names {
        /// By every one.
        by_all: bool,
    },
    /// Somebody else's words.
    Said(String),
}

impl Found {
    /// Whether a file of that mode can be used by others than its owner.
    pub(crate) fn is_open(mode: u32) -> bool {
        mode & 0o077 != 0
    }
}

/// What an engine told of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What kind of error it is, where it is more than a try that failed.
    pub kind: Option<ErrorKind>,
    /// The cause.
    pub said: Cause,
}

/// Why systemd tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its command cannot be run.
    NotRun(String),
    /// It does not answer in time.
    Late,
    /// It said something else.
    Said(String),
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Keep the state elsewhere.
    StateDir,
    /// Make room on the disk.
    Room,
    /// See who owns the file.
    Owner,
    /// Use the newer program.
    Newer,
    /// Have the keys replaced, since others could read them.
    Keys,
    /// The environment is where the key is set.
    KeySet,
    /// Have the relay encrypt.
    Encrypt,
    /// Set the clock.
    Clock,
    /// Try again later.
    Later,
    /// Sign in to the relay again.
    SignIn,
    /// Ask for access.
    Access,
    /// See whether the id and the relay are right.
    Id,
    /// Choose another name.
    Name,
    /// Try again soon.
    Soon,
    /// See whether the relay runs, and what is between.
    Network,
    /// Mend the certificate, or trust its authority.
    Certificate,
    /// See whether the address is that of a relay.
    Address,
    /// Install Microsoft's command with that line.
    Install(&'static str),
    /// Make Microsoft's command one that can be started, or install it anew with that line.
    InstallAnew(&'static str),
    /// Update Microsoft's command with that line.
    Update(&'static str),
    /// Sign in to Microsoft's service.
    Microsoft,
    /// Sign in to Microsoft's service again.
    MicrosoftAgain,
    /// Sign in to Microsoft's service as the user who hosts.
    OtherProfile,
    /// Try Microsoft's command again soon.
    CommandSoon,
    /// See how the tunnel stands.
    Status,
    /// Try at once.
    Retry,
    /// Take the tunnel over.
    TakeOver,
    /// Host the tunnel again, once that is mended.
    Host,
    /// Start the local server.
    Server,
    /// End who listens where a trial relay was.
    EndOther,
    /// Ask in a session that has a systemd.
    Session,
    /// See why the unit failed, and start it again.
    UnitFailed,
    /// Have the unit started at login.
    UnitLogin,
    /// See why the unit takes so long.
    UnitWait,
    /// Start the unit.
    UnitStart,
    /// Somebody else's words.
    Said(String),
}
