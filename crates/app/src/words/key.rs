//! Every sentence, in English: the ids of the other languages' catalogues.
//!
//! Present tense, plain and short; what is, why, what stays safe, what to do. A hole stands in braces.

/// A sentence: for one thing, and for any other number of them where that differs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence {
    pub(super) one: &'static str,
    pub(super) many: Option<&'static str>,
}

macro_rules! sentences {
    ($($key:ident: $one:literal $(| $many:literal)?;)*) => {
        /// Names a sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Key {
            $($key,)*
        }

        impl Key {
            /// All of them, to hold the catalogues against.
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$key,)*];

            /// What it says in English.
            pub(super) const fn english(self) -> Sentence {
                match self {
                    $(Self::$key => Sentence { one: $one, many: sentences!(@many $($many)?) },)*
                }
            }
        }
    };
    (@many $many:literal) => { Some($many) };
    (@many) => { None };
}

sentences! {
    // How it stands with a tunnel or a port.
    Connecting: "Connecting";
    ConnectingAccess: "Connecting: getting access";
    ConnectingRelay: "Connecting: reaching the relay";
    ConnectingPorts: "Connecting: announcing ports";
    ConnectingAgain: "Connecting, try {n} in {time}";
    ConnectingNow: "Connecting, try {n} now";
    Checking: "Hosting, checking the URL";
    Live: "Live, checked {time} ago";
    LiveNow: "Live, checked just now";
    LiveWeak: "Live, an answer was seen {time} ago";
    LiveWeakNow: "Live, an answer was seen just now";
    LocalDown: "Nothing answers on localhost:{port}. The tunnel is fine; start your server.";
    LocalScheme: "localhost:{port} speaks another protocol than the port says.";
    LocalSchemeIs: "localhost:{port} speaks {other}, the port says {configured}.";
    UrlDead: "The URL is dead though the tunnel is up";
    DnsOrTls: "The URL's name or certificate is at fault";
    NoNetwork: "No network. Your tunnels come back by themselves when it returns.";
    WaitingForNetwork: "Waiting for the network since {time}";
    RelayUnreachable: "{place} cannot be reached";
    Limited: "The service allows no more for now";
    Reconnecting: "Reconnecting";
    ReconnectingAccess: "Reconnecting: getting access";
    ReconnectingRelay: "Reconnecting: reaching the relay";
    ReconnectingPorts: "Reconnecting: announcing ports";
    Retry: "Reconnecting, try {n} in {time}";
    RetryNow: "Reconnecting, try {n} now";
    AnotherHost: "Another computer hosts this tunnel";
    GivenUpElsewhere: "Nobody hosts this tunnel any more: another computer took it, and has ended that";
    SignInAgain: "Sign in to {place} again";
    SignInMicrosoft: "Sign in to Microsoft again";
    HostedAfter: "{names} is not hosted until you do" | "{names} are not hosted until you do";
    AndMore: "{n} more";
    AccessRefused: "You may not host this tunnel";
    UnknownTunnel: "There is no such tunnel any more";
    Refused: "The service refuses this tunnel";
    Stopping: "Stopping";
    Stopped: "Stopped";
    NoPorts: "No port yet";
    NoUrlYet: "URL appears after the first connection";
    PortRefused: "Port {port} is not served";
    PortGone: "This tunnel has no port {port} any more";
    NotRenewed: "The tunnel's access could not be renewed; it works until that ends";
    PortsUnknown: "The tunnel's ports could not be asked for; those known are served";
    RunningOut: "The tunnel's life could not be renewed; it works until its time is over";

    BeingMade: "Being made";
    NotCreated: "The tunnel could not be made";
    PortNotAdded: "Port {port} could not be added";
    PortNotChanged: "Port {port} could not be changed";
    PortNotDeleted: "Port {port} could not be removed";
    NotDeleted: "The tunnel could not be removed";
    AccessNotChanged: "Who may visit could not be changed";
    TunnelNotChanged: "The tunnel could not be changed";
    TokenNotMade: "The token for programs could not be made";
    LinkNotMade: "The link could not be made";
    LinkNotRevoked: "The link could not be revoked: it still lets visitors in";
    NotMoved: "The tunnel could not be made on {place}";
    CouldNotStart: "The tunnel could not be started";
    PortsNotTold: "The service does not tell this tunnel's ports";

    // What happened to a tunnel or a port.
    GivenUp: "Given up until it is started again";
    AskedForAccess: "Access was asked for";
    SessionRenewed: "The connection was renewed without a gap";
    SessionNotRenewed: "The connection was not renewed; the old one serves on";
    SignInNeeded: "Somebody has to sign in again";
    LocalSilent: "Nothing answers on localhost:{port}";
    LocalAnswers: "localhost:{port} answers again";
    UrlAnswers: "The URL of :{port} answers";
    UrlDeadOf: "The URL of :{port} is dead though the tunnel is up";
    DnsOrTlsOf: "The name or the certificate of :{port}'s URL is at fault";

    // Why a URL is not well, or a tunnel not hosted. These begin small: event lines and logs have the same sentences.
    WhyLocal: "{refusal}; start your server";
    WhyLocalOnly: "{refusal}; the tunnel is fine, start your server";
    WhyNobody: "nothing listens on localhost:{port}";
    WhyNotConnected: "localhost:{port} cannot be connected to: {cause}";
    FlawProtocol: "the server on localhost:{port} does not speak the port's protocol; the tunnel is fine";
    FlawCloses: "the server on localhost:{port} closes connections without an answer; the tunnel is fine";
    FlawSilent: "the server on localhost:{port} accepts connections but does not answer; the tunnel is fine";
    WhyLocalScheme: "the server on localhost:{port} speaks the other of http and https than the port is set to; change the port's protocol or the server";
    DeadStatus: "the URL of port {port} answers with status {status}, but not through this host";
    DeadNoHost: "the URL of port {port} finds no host at the relay, though the session is up";
    DeadHostAway: "the URL of port {port} waits at the relay for a host, though the session is up";
    DeadHostSilent: "the URL of port {port} gets no answer through the session that is up";
    DeadNotShared: "the URL of port {port} finds the port not served, though it is announced";
    DeadEdge: "the URL of port {port} is answered by an edge that does not serve it ({code})";
    DeadUnreachable: "the URL of port {port} cannot be connected to: {cause}";
    DeadSilent: "the URL of port {port} does not answer";
    WhyLimited: "the relay takes no more requests to port {port} for now";
    WhyUnchecked: "the URL of port {port} cannot be checked: {cause}";
    BarredGate: "its gate answers {status} to a connect token";
    BarredToken: "the relay does not accept a connect token of this user";
    WhySignIn: "somebody has to sign in again before the URL of port {port} can be checked";
    WhyNoName: "the name in the URL of port {port} is not found: {cause}";
    WhyUntrusted: "the URL of port {port} cannot be reached securely: {cause}";
    WhyUnknownTunnel: "the relay knows no such tunnel any more";
    WhyUnknownPort: "the relay does not know port {port} of this tunnel any more";
    WhyNotServed: "port {port} is not served: {cause}";
    WhyNoSession: "nothing reaches this host for port {port}: {cause}";
    LackAway: "there is no session with the relay ({cause})";
    LackGivenUp: "it was given up";
    LackLimited: "the service allows no session for now (too many requests)";
    LackAnotherHost: "another host serves the tunnel";
    LackRefused: "this user may not host the tunnel ({cause})";
    LackUnknownTunnel: "the service knows no such tunnel";
    FailedUnauthorized: "the credential was refused";
    FailedForbidden: "access was refused: {cause}";
    FailedNotFound: "there is no such tunnel";
    FailedRateLimited: "too many requests";
    FailedUnavailable: "the service is not available";
    GivenUpSignIn: "sign-in has expired; sign in again";
    GivenUpUnknown: "the tunnel no longer exists";

    // What does not come along to another place.
    LeftPeople: "{n} person or group with access is not known there. Let them in again." | "{n} people or groups with access are not known there. Let them in again.";
    LeftOpen: "Open access, which ends within the hour.";
    LeftOptions: "Ways to pass requests on that the place does not have.";

    // Why a port had better not be at a URL.
    RiskDatabase: "Database";
    RiskDebugger: "Debugger";
    RiskAdmin: "Admin service";
    RiskLogin: "Login to this computer";
    RiskFiles: "Files of this computer";

    // What asks for a person, and values that are refused.
    Expiring: "It goes away at {time} unless it is used before";
    UrlIs: "Its URL is now {url}";
    RuleNumber: "Between {least} and {most}.";
    RuleSpan: "A time from {least} to {most}, such as 8h or 7d.";
    RuleProxy: "The address of a proxy without a password, such as http://proxy.example:3128.";
    RuleText: "At most {most} characters.";
    StillIs: "Still {still}.";
    StillUnset: "Still as the place has it.";
    StillSystem: "Still as the system says.";
    StillDirect: "Still none.";

    // How it stands with the application and its places.
    Forgotten: "{name} is gone from the service, so it is not started again";
    FileSetAside: "A damaged file was moved to {file}; what it said is not in force";
    FileNewer: "{file} was written by a newer version; what is changed now is not kept";
    FileUnreadable: "{file} cannot be read; what is changed now is not kept";
    SettingsNotSaved: "The settings cannot be saved";
    MemoryNotSaved: "What to host at the next start cannot be saved";
    ListsNotSaved: "The last lists cannot be saved";
    HistoryNotSaved: "The history cannot be saved";
    SetupNotSaved: "Which places are used cannot be saved";
    ClockWrong: "The clock of this computer is wrong; set it, or tokens and times are not to be trusted";
    CommandMissing: "The command for {place} is not installed";
    CommandOld: "The command for {place} is version {version}, which is too old";
    ListFailed: "{place} does not tell your tunnels";
    AsOf: "As of {time}";
    CheckedAgo: "Checked {time} ago";
    CheckedNow: "Checked just now";

    // Why something could not be set up, and what to do.
    RelayRefused: "{place} refused the key. Ask whoever runs the relay for a new one.";
    RelayNotReached: "{place} does not answer as a relay. Check the address, which is mostly cp. and the relay's domain, and the network.";
    NotKept: "The key is good, but it could not be kept.";
    SignInNoCommand: "The devtunnel command cannot be used. Install it, then sign in.";
    SignInLate: "Nobody signed in within 10 minutes. Begin again when you are ready.";
    SignInElsewhere: "The sign-in was kept for another user of this computer. Start Adit without administrator's rights and sign in again.";
    SignInFailed: "The sign-in did not succeed. Nothing is changed; try again, or with a code.";
    InstalledNotFound: "The install line ended, and the devtunnel command is still not found. Read what it said, or run it in a terminal.";
    InstallLate: "The install line took longer than 10 minutes and was ended. Run it in a terminal.";
    InstallFailed: "The install line failed. Run it in a terminal, or try again.";
    NotLeft: "The key for {place} could not be removed.";
    RemoveLosesPorts: "Ports that were removed to be made again could not be made. Remove Adit again, and they are lost.";
    RemoveOthersRun: "Other programs of Adit still host tunnels on this computer. End them, then try again.";
    NotRemoved: "Not everything could be removed. Your tunnels are stopped; try again.";

    // Counts and lists.
    AllLive: "The tunnel is live" | "All {n} tunnels are live";
    NotLive: "1 tunnel is not live";
    LiveCount: "{n} of {all} tunnels is live" | "{n} of {all} tunnels are live";
    CountChecking: "{n} is checking its URL" | "{n} are checking their URLs";
    CountConnecting: "{n} is connecting" | "{n} are connecting";
    CountReconnecting: "{n} is reconnecting" | "{n} are reconnecting";
    CountOffline: "{n} waits for the network" | "{n} wait for the network";
    CountWaiting: "{n} waits for your server" | "{n} wait for your server";
    CountElsewhere: "{n} is hosted by another computer" | "{n} are hosted by other computers";
    CountBroken: "{n} does not work" | "{n} do not work";
    CountStopped: "{n} is stopped" | "{n} are stopped";
    CountLive: "{n} tunnel is live" | "{n} tunnels are live";
    Resumes: "Starts again once its place answers";
    NothingHosted: "Nothing is hosted";
    NoTunnels: "No tunnels yet";
    Getting: "Getting your tunnels";
    Brief: "{live} of {n} live";
    BriefNeeds: "{live}, {n} needs you" | "{live}, {n} need you";
    LinePublic: "{name}: {word} · public";
    LineOpen: "{name}: {word} · anyone with the link";
    Line: "{name}: {word}";
    About: "{name}: {text}";
    Deleting: "{name} will be deleted";
    DeletingUrls: "{name} and its URL will be deleted" | "{name} and its {n} URLs will be deleted";
    DeletingPort: "Port {port} of {name} will be removed";
    DeletingMany: "{n} deletion waits" | "{n} deletions wait";

    // The same in a word or two.
    WordLive: "Live";
    WordChecking: "Checking";
    WordWaiting: "Waiting";
    WordNoAnswer: "No answer";
    WordWrongProtocol: "Wrong protocol";
    WordStandingBy: "Standing by";
    WordNotHosted: "Not hosted";
    WordUrlDead: "URL dead";

    // Why what was typed cannot be taken.
    NameLength: "3 to 49 characters.";
    NameCharacter: "Lower-case letters, digits and hyphens, not “{found}”.";
    NameEnds: "It begins and ends with a letter or a digit.";
    NameAlias: "Eight digits and consonants are the form of an alias. Put a vowel or a hyphen in.";
    NameInspect: "It cannot end in -inspect, which marks inspectors.";
    NameReserved: "The relay needs this name itself.";
    NameTaken: "{place} has a tunnel of this name already.";
    PortNumber: "A port is a number from 1 to 65,535.";
    PortThere: "{name} has port {port} already.";
    BadExpiration: "From 1 hour to 30 days, such as 8h or 7d.";
    BadDescription: "400 characters at most.";
    BadLabel: "“{label}” is no label: up to 50 letters, digits, hyphens, underscores and equals signs.";
    ManyLabels: "100 labels at most.";
    BadHeader: "Visible characters without spaces, 300 at most.";
    BadTimeout: "Seconds from 0 to 86,400; 0 is no limit.";
    DescriptionStays: "Microsoft Dev Tunnels does not take a description away. Write another one.";
    WholeHours: "Microsoft Dev Tunnels takes whole hours, such as 8h or 7d.";
    BadUntil: "A time such as 18:40 or 2026-12-24 18:40, or how long, such as 2h; within 30 days.";

    // Buttons and links.
    TryNow: "Try now";
    TakeOver: "Take over (disconnects it)";
    SignIn: "Sign in";
    Start: "Start";
    Forget: "Remove from the list";
    CopyTheUrl: "Copy URL";
    AddPort: "Add port";
    ChangeProtocol: "Change to {protocol}";
    Refresh: "Look again";
    TryAgain: "Try again";
    Undo: "Undo";
    GetCommand: "Get it";

    // Notifications.
    SignInKeeps: "What was hosted there comes back after you do, with the same URLs.";
    TakeOverHere: "Take over";
    Later: "Later";

    // Menus.
    CopyUrl: "Copy URL of :{port}";
    OpenUrl: "Open :{port} in the browser";
    StartNamed: "Start {name}";
    StopNamed: "Stop {name}";
    NewTunnel: "New tunnel...";
    OpenWindow: "Open window";
    StopAll: "Stop all";
    More: "More...";
    QuitNow: "Quit";
    Quit: "Quit (stops {n} tunnel)" | "Quit (stops {n} tunnels)";

    // What is looked at by the doctor. These begin small: a command puts them behind a name and a colon.
    OfState: "state";
    OfKeys: "keys";
    OfRelays: "relays";
    OfRelay: "relay {relay}";
    OfClock: "clock";
    OfMicrosoft: "Microsoft Dev Tunnels";
    OfHosting: "hosting";
    OfTunnel: "tunnel {name}";
    OfPort: "port {port} of {name}";
    OfTrial: "trial relay {name}";
    OfService: "service";
    OfLocalhost: "names below localhost";
    VerdictOk: "ok";
    VerdictWarn: "look";
    VerdictFail: "FAIL";

    // What it finds of files and keys.
    FoundWritable: "{file} can be written";
    FoundNotWritten: "cannot write {file}: {cause}";
    FoundNotRead: "cannot read {file}: {cause}";
    FoundNewer: "{file} has form {form}, which this adit does not know";
    FoundNoKeys: "none kept";
    FoundKeys: "{n} kept in {file}";
    FoundKeysBefore: "{found}; ADIT_API_KEY is used before any";
    FoundKeysOpen: "{found}, which others could read (mode {mode}) and now cannot";
    FoundKeysOwn: "{found}, for your eyes only (mode {mode}); no keychain is used";
    FoundKeyBad: "that is not an API key";

    // What it finds of places.
    FoundNoRelays: "signed in to no relay: URLs reach this computer, with --lan the local network";
    FoundAnswers: "answers in {time} ms";
    FoundAnswersAs: "answers in {time} ms, signed in as {user}";
    FoundPlain: "{found}, but without encryption: your key can be read on the way";
    FoundNotAsked: "cannot ask it: {cause}";
    FoundClockRight: "agrees with the relay's";
    FoundClockAhead: "{time} ahead of the relay's";
    FoundClockBehind: "{time} behind the relay's";
    FoundMicrosoft: "signed in; the command took {time} ms";
    FoundMicrosoftAs: "signed in as {user}; the command took {time} ms";
    FoundMicrosoftUnused: "the devtunnel command is there; nobody is signed in";
    FoundMicrosoftNotUsable: "cannot use Microsoft Dev Tunnels: {cause}";

    // Why it gets no answer from a service, or from the command for one.
    FaultSignIn: "the service wants to know who you are: {said}";
    FaultForbidden: "not allowed: {said}";
    FaultNotFound: "not found: {said}";
    FaultConflict: "conflict: {said}";
    FaultInvalid: "the service refuses this request: {said}";
    FaultRateLimited: "too many requests: {said}";
    FaultUnavailable: "the service is not available (status {status}): {said}";
    FaultUnreachable: "the service at {host} cannot be reached";
    FaultUntrusted: "the service at {host} cannot be trusted";
    FaultNonsense: "the service at {host} gave an answer that makes no sense";
    FaultMissing: "the `devtunnel` command is not there ({program}): install it, or say where it is";
    FaultUnstartable: "the `devtunnel` command ({program}) cannot be started";
    FaultOld: "the `devtunnel` command is too old: update it";
    FaultOldAs: "the `devtunnel` command is too old (version {version}): update it";
    FaultSignedOut: "nobody is signed in to Microsoft Dev Tunnels";
    FaultExpired: "the sign-in to Microsoft Dev Tunnels has expired";
    FaultOtherProfile: "the sign-in succeeded, but this user's `devtunnel` does not find it: it was kept in another profile, such as an elevated console's, or the keychain is locked";
    FaultQueued: "`devtunnel {what}` waited for its turn for longer than {time} s";
    FaultLate: "`devtunnel {what}` took longer than {time} s and was ended";
    FaultGarbled: "`devtunnel {what}` gave no answer that makes sense: {flaw}";
    FaultFailed: "`devtunnel {what}` failed with exit code {code}: {said}";
    FaultKilled: "`devtunnel {what}` failed by a signal: {said}";

    // What it finds of tunnels, ports and the unit.
    FoundNothingHosted: "nothing is hosted on this computer";
    FoundHosted: "hosted";
    FoundStopped: "stopped";
    FoundNotHosted: "not hosted";
    FoundElsewhere: "another computer hosts it";
    FoundFirstTry: "on its way up (first try)";
    FoundOnItsWay: "on its way up ({cause})";
    FoundSilent: "nothing answers on localhost:{port}, neither on 127.0.0.1 nor on ::1";
    FoundAnswersOn: "a local server answers, on {address} only";
    FoundAnswersOnBoth: "a local server answers, on 127.0.0.1 and ::1";
    FoundTrialFree: "at rest; nobody has taken its ports";
    FoundTrialTaken: "something else listens on {addresses}, where its URLs lead";
    And: "{one} and {other}";
    FoundNoUnit: "not installed: tunnels are hosted while a command runs";
    FoundUnitUnknown: "{file} is there, and systemd does not say how it stands: {cause}";
    SystemctlNotRun: "`systemctl` cannot be run: {cause}";
    SystemctlLate: "`systemctl` does not answer";
    FoundUnitFailed: "{file} has failed";
    FoundUnitRuns: "{file} runs, now and from login on";
    FoundUnitNotAtLogin: "{file} runs, but does not start at login ({enabled})";
    FoundUnitOnItsWay: "{file} is on its way ({active})";
    FoundUnitDown: "{file} does not run ({active}, {enabled})";
    FoundNames: "found by every program";
    FoundNamesByFew: "found by browsers and curl only; other programs take the address with 127.0.0.1";

    // What mends what it finds. A command stands at the end, so there is no full stop.
    MendStateDir: "choose another with ADIT_STATE_DIR";
    MendRoom: "make room on that disk, then try again";
    MendOwner: "check who owns it, or choose another place (see the files in `adit --help`)";
    MendNewer: "use the newer adit that wrote it, or move the file away and sign in again";
    MendKeys: "have each relay make you a new key, and sign in with it: adit login <relay URL>";
    MendKeySet: "ADIT_API_KEY is set to it";
    MendPlain: "have the relay serve https (`docs/relay.md`), and sign in there again";
    MendClock: "set this computer's clock (turn on network time); tokens seem expired otherwise";
    MendLater: "try again later";
    MendSignIn: "sign in again with: adit login <relay URL>";
    MendAccess: "ask the tunnel's owner for access, or sign in as somebody who has it";
    MendId: "check the id, and that this is the relay it lives on (--on)";
    MendName: "choose another name, or use what exists already";
    MendWhile: "try again in a little while";
    MendNetwork: "check that the relay runs there, and the network or proxy between";
    MendCertificate: "its certificate must name this host and come from an authority that this computer trusts (SSL_CERT_FILE names another list of them)";
    MendAddress: "check the address: a relay's is usually https://cp.<its domain>";
    MendInstall: "install it with: {line} (or say where it is: DEVTUNNEL_BIN)";
    MendInstallAnew: "mend its permissions, or install it anew with: {line}";
    MendUpdate: "update it with: {line}";
    MendMicrosoft: "sign in with: adit login microsoft";
    MendMicrosoftAgain: "sign in again with: adit login microsoft";
    MendOtherProfile: "sign in as the user who hosts, in a terminal without administrator's rights: adit login microsoft";
    MendCommandWhile: "try again in a little while; `devtunnel user show` tells whether it works";
    MendStatus: "see `adit status`";
    MendRetry: "try at once with: adit retry";
    MendTakeOver: "take it over, which disconnects the other, with: adit take-over";
    MendHost: "mend that, then host it again";
    MendServer: "start your server; the tunnel is fine";
    MendTrial: "end that before the next `adit up`, or the URLs will be other ones";
    MendSession: "ask in a session with its own systemd: log in at a desktop or with ssh, not with su";
    MendUnitFailed: "see why with `journalctl --user -u adit`, mend that, then: systemctl --user restart adit";
    MendUnitLogin: "have it started: systemctl --user enable adit";
    MendUnitWait: "if that lasts, see why with: journalctl --user -u adit";
    MendUnitStart: "start it, now and at login, with: systemctl --user enable --now adit";

    // Places.
    ThisComputer: "This computer";
    Microsoft: "Microsoft";
}
