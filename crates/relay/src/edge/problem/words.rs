//! What is wrong with a visit, in plain words: what happened, and what to do.

use std::borrow::Cow;

use super::Problem;

impl Problem {
    /// What happened, in a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::BadHost | Self::BadRequest => "This request makes no sense here",
            Self::Misdirected => "Nothing here under this name",
            Self::HeadTooLarge => "This request's header is too large",
            Self::NoTunnel => "There is no such tunnel",
            Self::NoPort(_) => "This tunnel does not have that port",
            Self::SignIn => "This tunnel is private",
            Self::BadToken => "This token is not accepted",
            Self::Forbidden => "You may not open this tunnel",
            Self::CrossSite => "Another site may not connect here",
            Self::NoLink => "This link does not work",
            Self::CodeUsed => "Open the link again",
            Self::LinkEnded => "The link you came by has ended",
            Self::ForeignPage => "Another page may not act for you here",
            Self::NoPorts => "This tunnel has no port yet",
            Self::Store => "The relay has a problem of its own",
            Self::NoHost => "Nobody is hosting this tunnel right now",
            Self::HostAway => "The host is reconnecting",
            Self::Busy => "Too many requests at once",
            Self::Restarting => "The relay is restarting",
            Self::HostSilent(_) => "The host took too long",
            Self::NotShared(_) => "The host is not sharing this port",
            Self::Refused { .. } => "Nothing answers on the local port",
            Self::Closed(_) => "Nothing answers on the local port",
            Self::NotHttp(_) => "The local server does not speak HTTP",
            Self::NoTls(_) => "The local server does not speak HTTPS",
            Self::Broken(_) => "The connection broke before an answer came",
            Self::Timeout { .. } => "The local server took too long",
        }
    }

    /// What happened, in a sentence or two.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::BadHost => {
                "The request must name exactly one valid host in its Host header.".into()
            }
            Self::BadRequest => {
                "This address serves one web application; it is not a proxy to others.".into()
            }
            Self::Misdirected => {
                "The request reached this server, but it asks for a host name that is not served \
                 here."
                    .into()
            }
            Self::HeadTooLarge => {
                "All header lines together, cookies included, must fit into 64 KiB.".into()
            }
            Self::NoTunnel => {
                "No tunnel has this name. It may have been deleted or have expired, or the address \
                 was mistyped."
                    .into()
            }
            Self::NoPort(port) => {
                format!("The tunnel exists, but port {port} is not one of its ports.").into()
            }
            Self::SignIn => "Only people whom its owner lets in can open it.".into(),
            Self::BadToken => {
                "The token that came with the request is damaged, expired or revoked.".into()
            }
            Self::Forbidden => {
                "The relay knows who is asking, but the tunnel's access list does not let them \
                 connect to this port."
                    .into()
            }
            Self::CrossSite => {
                "A page from another site tried to open a WebSocket to a server on this computer. \
                 That was stopped."
                    .into()
            }
            Self::NoLink => {
                "It has ended or was revoked, or it was copied incompletely. Which of these it is \
                 is not told."
                    .into()
            }
            Self::CodeUsed => {
                "A link lets you in by a step that works once and for a minute only. This one was \
                 used already, or took too long."
                    .into()
            }
            Self::LinkEnded => {
                "Links to a private tunnel work for a time, and its owner can revoke them at any \
                 moment."
                    .into()
            }
            Self::ForeignPage => {
                "You are let in here by a link. This request was made by a page of another \
                 address, which is not to read or change anything in your name. That was stopped."
                    .into()
            }
            Self::NoPorts => {
                "The link works, but there is nothing that it could lead to: no port was added to \
                 the tunnel."
                    .into()
            }
            Self::Store => {
                "The relay could not look up who is asking, because its store does not answer."
                    .into()
            }
            Self::NoHost => {
                "The tunnel exists, but the computer it leads to is not connected to the relay."
                    .into()
            }
            Self::HostAway => {
                "The computer this tunnel leads to lost its connection to the relay a moment ago \
                 and has not returned yet."
                    .into()
            }
            Self::Busy => {
                "More requests than fit are open at the computer this tunnel leads to, or wait for \
                 its return."
                    .into()
            }
            Self::Restarting => {
                "The computer this tunnel leads to is connected to the relay's new process \
                 already; this connection still led to the old one."
                    .into()
            }
            Self::HostSilent(port) => format!(
                "The computer this tunnel leads to is connected, but did not say in time whether \
                 port {port} can be reached there."
            )
            .into(),
            Self::NotShared(port) => format!(
                "The computer this tunnel leads to is connected, but it does not offer port {port}."
            )
            .into(),
            Self::Refused { port, text: None } => format!(
                "The tunnel works, but on the computer it leads to, nothing accepted the connection \
                 to port {port}."
            )
            .into(),
            Self::Refused { port, text: Some(text) } => format!(
                "The tunnel works, but on the computer it leads to, nothing accepted the connection \
                 to port {port} ({text})."
            )
            .into(),
            Self::Closed(port) => format!(
                "The tunnel works, but the connection to port {port} of the computer it leads to \
                 was closed before a byte came back. Usually nothing is listening there."
            )
            .into(),
            Self::NotHttp(port) => format!(
                "Something listens on port {port} of the computer this tunnel leads to, but its \
                 answer is not HTTP."
            )
            .into(),
            Self::NoTls(port) => format!(
                "Something listens on port {port} of the computer this tunnel leads to, but no TLS \
                 connection could be made with it."
            )
            .into(),
            Self::Broken(port) => format!(
                "The request was sent to port {port} of the computer this tunnel leads to, but the \
                 connection closed without an answer."
            )
            .into(),
            Self::Timeout { port, after } => format!(
                "The server on port {port} of the computer this tunnel leads to sent nothing for \
                 {} seconds.",
                after.as_secs()
            )
            .into(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::BadHost | Self::BadRequest => {
                "Check the program that sent this request, and any proxy in between.".into()
            }
            Self::Misdirected => {
                "Use exactly the address that was printed when the tunnel started.".into()
            }
            Self::HeadTooLarge => {
                "Remove large cookies for this site, or send large data in the body.".into()
            }
            Self::NoTunnel => "Ask whoever gave you this address for the current one.".into(),
            Self::NoPort(port) => format!(
                "If it is your tunnel, add it: adit port create <tunnel> -p {port}. Otherwise ask \
                 whoever gave you this address."
            )
            .into(),
            Self::SignIn => {
                "Programs: send the header \"X-Tunnel-Authorization: tunnel <token>\" with a \
                 connect token (adit token <tunnel> --scopes connect). People: open the link that \
                 you were given. Owners: make one (adit share <tunnel>), or allow anonymous access \
                 if anybody may come in."
                    .into()
            }
            Self::BadToken => {
                "Get a new one: adit token <tunnel> --scopes connect. Tokens end after a day at \
                 the latest."
                    .into()
            }
            Self::Forbidden => "Ask the tunnel's owner for access.".into(),
            Self::CrossSite => {
                "If you are developing that page, open it through the tunnel as well.".into()
            }
            Self::NoLink | Self::LinkEnded => "Ask whoever gave you the link for a new one.".into(),
            Self::CodeUsed => {
                "Go back to where you have the link from, and open it once more.".into()
            }
            Self::ForeignPage => {
                "To get here, follow a link or enter the address. If the page is yours, open it \
                 through the same address."
                    .into()
            }
            Self::NoPorts => {
                "If it is your tunnel, add one: adit port create <tunnel> -p <port>. Otherwise ask \
                 whoever gave you the link."
                    .into()
            }
            Self::Busy => "Try again in a moment.".into(),
            Self::Store => {
                "Try again in a moment. If it stays, tell whoever runs this relay.".into()
            }
            Self::Restarting => "Try again; a new connection gets through.".into(),
            Self::NoHost => {
                "If it is your tunnel, start hosting it: adit host <tunnel>. Otherwise ask its \
                 owner to do so."
                    .into()
            }
            Self::HostAway => "Try again in a few seconds; it usually comes back by itself.".into(),
            Self::NotShared(port) => format!(
                "On that computer, add port {port} to what is hosted, or restart hosting so that \
                 it picks the port up."
            )
            .into(),
            Self::Refused { port, .. } | Self::Closed(port) => {
                format!("Is the server running on port {port}? Start it there, then reload.").into()
            }
            Self::HostSilent(port) => format!(
                "Try again. Look whether that computer is overloaded, or port {port} hangs."
            )
            .into(),
            Self::NotHttp(port) => format!(
                "If this port is meant for something else, reach it with: adit connect <tunnel>. \
                 Otherwise check what runs on port {port}."
            )
            .into(),
            Self::NoTls(port) => format!(
                "If the server on port {port} is plain HTTP, set the port's protocol to http."
            )
            .into(),
            Self::Broken(_) => {
                "Try again. If it keeps happening, look at the local server's own log.".into()
            }
            Self::Timeout { .. } => {
                "If such requests may take that long, the owner can raise the tunnel's request \
                 timeout; 0 turns it off."
                    .into()
            }
        }
    }
}
