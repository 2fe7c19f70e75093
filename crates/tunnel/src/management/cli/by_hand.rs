//! What is told people of a port that they have to make by hand.

use adit_proto::contracts::{AccessControl, TunnelPort};

use super::access;
use super::change::port_creation;
use super::line::Line;
use super::merge::unended;
use crate::management::Locator;

/// The calls of the command that make a port, as far as it can: options and access that it does not know are left out.
pub(super) fn by_hand(at: &Locator, port: &TunnelPort, shell: Shell) -> String {
    let bare = || TunnelPort { options: None, description: None, ..port.clone() };
    let id = at.to_string();
    let port_line = port_creation(&id, port).or_else(|_| port_creation(&id, &bare()));
    let none = AccessControl::default();
    let entries = unended(port).access_control.unwrap_or(none).own().entries;
    let access_lines =
        entries.iter().map(|entry| access::creation(at, Some(port.port_number), entry));
    let lines = std::iter::once(port_line).chain(access_lines).filter_map(Result::ok);
    let separator = match shell {
        Shell::Posix => " && ",
        // Windows PowerShell knows no `&&`.
        Shell::PowerShell => "\n",
    };
    lines.map(|line| shown(&line, shell)).collect::<Vec<_>>().join(separator)
}

/// Where somebody pastes a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shell {
    Posix,
    /// On Windows. The command prompt is not served: to it single quotes are letters.
    PowerShell,
}

impl Shell {
    pub(super) const OWN: Self = if cfg!(windows) { Self::PowerShell } else { Self::Posix };

    fn quoted(self, word: &str) -> String {
        match self {
            Self::Posix => format!("'{}'", word.replace('\'', r"'\''")),
            // It takes the typographic ones for quotes, too. Inside, nothing else means anything.
            Self::PowerShell => {
                let quote = |char: char| "'‘’‚‛".contains(char);
                let twice = |char| std::iter::repeat_n(char, if quote(char) { 2 } else { 1 });
                format!("'{}'", word.chars().flat_map(twice).collect::<String>())
            }
        }
    }
}

fn shown(line: &Line, shell: Shell) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_.:=/".contains(char);
    let words = line.sent().iter().filter(|word| *word != "-j").map(|word| {
        match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => shell.quoted(word),
        }
    });
    std::iter::once("devtunnel".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use adit_proto::contracts::{AccessEntry, AccessEntryType, TunnelOptions};

    use super::*;

    #[test]
    fn what_is_made_by_hand_can_be_pasted_and_leaves_out_what_the_command_cannot_do() {
        let entry =
            |kind| AccessEntry { kind, scopes: vec!["connect".into()], ..Default::default() };
        let entries = vec![entry(AccessEntryType::Users), entry(AccessEntryType::Anonymous)];
        let inspection = TunnelOptions { is_inspection_enabled: Some(true), ..Default::default() };
        let port = TunnelPort {
            port_number: 3000,
            labels: Some(vec!["it's $HOME".into()]),
            options: Some(inspection),
            access_control: Some(AccessControl { entries }),
            ..TunnelPort::default()
        };
        let at = "shop.euw".parse().unwrap();
        assert_eq!(
            by_hand(&at, &port, Shell::Posix),
            r"devtunnel port create shop.euw -p 3000 --labels 'it'\''s $HOME' && devtunnel access create shop.euw --port-number 3000 --anonymous"
        );
        assert_eq!(
            by_hand(&at, &port, Shell::PowerShell),
            "devtunnel port create shop.euw -p 3000 --labels 'it''s $HOME'\n\
             devtunnel access create shop.euw --port-number 3000 --anonymous"
        );
        assert_eq!(Shell::PowerShell.quoted("`n $(gci) it’s"), "'`n $(gci) it’’s'");
    }
}
