//! What a script says on standard input, one command a line.

use adit_app::failure::{Code, Failure};
use adit_tunnel::management::Locator;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Stdin};

/// A line of standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// `host <id>`
    Host(Locator),
    /// `stop <id>`
    Stop(Locator),
    /// `stop`: the tunnels of the command line.
    StopInitial,
    /// `drop <id>`: break the connection, to see it come back.
    Drop(Locator),
    /// `list`: how it stands with each tunnel.
    List,
    /// `quit`, `exit`, or the end of input.
    Quit,
    /// Anything else, cut.
    Unknown(String),
}

impl Order {
    /// Reads a line; nothing for an empty one.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let order = match (words.next()?, words.next(), words.next()) {
            ("quit" | "exit", None, None) => Some(Self::Quit),
            ("list", None, None) => Some(Self::List),
            ("stop", None, None) => Some(Self::StopInitial),
            ("host", Some(id), None) => id.parse().ok().map(Self::Host),
            ("stop", Some(id), None) => id.parse().ok().map(Self::Stop),
            ("drop", Some(id), None) => id.parse().ok().map(Self::Drop),
            _ => None,
        };
        Some(order.unwrap_or_else(|| Self::Unknown(line.trim().chars().take(80).collect())))
    }
}

impl Order {
    /// The tunnel that it is about, where only the service knows which that is.
    pub(super) fn to_look_up(&self) -> Option<Locator> {
        match self {
            Self::Host(locator) | Self::Stop(locator) | Self::Drop(locator) => {
                Some(locator.clone()).filter(|locator| locator.cluster.is_none())
            }
            Self::StopInitial | Self::List | Self::Quit | Self::Unknown(_) => None,
        }
    }

    /// The same about this tunnel.
    pub(super) fn of(self, locator: Locator) -> Self {
        match self {
            Self::Host(_) => Self::Host(locator),
            Self::Stop(_) => Self::Stop(locator),
            Self::Drop(_) => Self::Drop(locator),
            other => other,
        }
    }
}

/// What is said of a line that means nothing.
pub(super) fn unknown_order(line: &str) -> Failure {
    Failure::new(Code::Usage, format!("`{line}` is no command"))
        .hint("there are: host <id>, stop <id>, stop, drop <id>, list, quit")
}

/// The commands of a script.
#[derive(Debug)]
pub(super) struct Orders {
    input: Option<BufReader<Stdin>>,
    /// The line so far; kept when the reading is called off.
    line: Vec<u8>,
}

/// The longest line; nothing that means something is nearly as long.
const LONGEST: usize = 4096;

impl Orders {
    /// Those on standard input.
    pub(super) fn from_stdin() -> Self {
        Self { input: Some(BufReader::new(tokio::io::stdin())), line: Vec::new() }
    }

    /// None, ever.
    pub(super) fn none() -> Self {
        Self { input: None, line: Vec::new() }
    }

    /// The next one. Safe to drop and call again.
    pub(super) async fn next(&mut self) -> Order {
        let Some(input) = &mut self.input else { return std::future::pending().await };
        loop {
            let room = LONGEST.saturating_sub(self.line.len()) as u64;
            // Appends what it has read even when it is dropped half-way.
            let read = input.take(room).read_until(b'\n', &mut self.line).await;
            let is_whole = self.line.ends_with(b"\n");
            if !is_whole && self.line.len() < LONGEST && read.as_ref().is_ok_and(|read| *read > 0) {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match Order::parse(&String::from_utf8_lossy(&line)) {
                Some(order) => return order,
                None if is_whole => {}
                None => return Order::Quit,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(line: &str) -> Option<Order> {
        Order::parse(line)
    }

    #[test]
    fn the_commands_that_scripts_know_are_understood() {
        let id = || "quiet-fox-4k9x2bd.loc1".parse().unwrap();
        assert_eq!(order("host quiet-fox-4k9x2bd.loc1"), Some(Order::Host(id())));
        assert_eq!(order("  stop quiet-fox-4k9x2bd.loc1 \r"), Some(Order::Stop(id())));
        assert_eq!(order("drop quiet-fox-4k9x2bd.loc1"), Some(Order::Drop(id())));
        assert_eq!(order("stop"), Some(Order::StopInitial));
        assert_eq!(order("list"), Some(Order::List));
        assert_eq!(order("quit"), Some(Order::Quit));
        assert_eq!(order("exit"), Some(Order::Quit));
        assert_eq!(order("  "), None);
    }

    #[test]
    fn everything_else_is_unknown_and_said_so() {
        for line in ["hosts x", "host", "drop", "host a b", "quit now", "host UPPER", "host a.b.c"]
        {
            assert_eq!(order(line), Some(Order::Unknown(line.to_owned())), "{line}");
        }
        let Some(Order::Unknown(line)) = order(&"x".repeat(5000)) else { panic!("unknown") };
        assert_eq!(line.len(), 80);
    }
}
