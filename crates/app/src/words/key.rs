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
    LiveWeak: "Live, an answer was seen {time} ago";
    LocalDown: "Nothing answers on localhost:{port}. The tunnel is fine; start your server.";
    LocalScheme: "localhost:{port} speaks another protocol than the port says.";
    LocalSchemeIs: "localhost:{port} speaks {other}, the port says {configured}.";
    UrlDead: "The URL is dead though the tunnel is up";
    DnsOrTls: "The URL's name or certificate is at fault";
    RelayUnreachable: "{place} cannot be reached";
    Limited: "The service allows no more for now";
    Reconnecting: "Reconnecting";
    ReconnectingAccess: "Reconnecting: getting access";
    ReconnectingRelay: "Reconnecting: reaching the relay";
    ReconnectingPorts: "Reconnecting: announcing ports";
    Retry: "Reconnecting, try {n} in {time}";
    RetryNow: "Reconnecting, try {n} now";
    AnotherHost: "Another computer hosts this tunnel";
    SignInAgain: "Sign in to {place} again";
    AccessRefused: "You may not host this tunnel";
    UnknownTunnel: "There is no such tunnel any more";
    Refused: "The service refuses this tunnel";
    Stopping: "Stopping";
    Stopped: "Stopped";
    NoPorts: "No port yet";
    NoUrlYet: "URL appears after the first connection";
    PortRefused: "The relay does not serve port {port}";
    NotRenewed: "The tunnel's access could not be renewed; it works until that ends";
    PortsUnknown: "The tunnel's ports could not be asked for; those known are served";

    // The same in a word or two.
    WordLive: "Live";
    WordChecking: "Checking";
    WordNoAnswer: "No answer";
    WordWrongProtocol: "Wrong protocol";
    WordStandingBy: "Standing by";
    WordNotHosted: "Not hosted";
    WordUrlDead: "URL dead";

    // Buttons and links.
    TryNow: "Try now";
    TakeOver: "Take over (disconnects it)";
    SignIn: "Sign in";
    Start: "Start";
    AddPort: "Add port";
    ChangeProtocol: "Change to {protocol}";

    // Places.
    ThisComputer: "This computer";
    Microsoft: "Microsoft";
}
