//! What a package has besides the program: its man page, and what shells need to complete its arguments.

use std::io::{self, Write};

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use crate::options::Options;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// The man page.
    Manual,
    /// Completions for bash.
    Bash,
    /// Completions for fish.
    Fish,
    /// Completions for zsh.
    Zsh,
}

/// Writes one of them.
///
/// # Errors
/// When it cannot be written.
pub fn write(page: Page, into: &mut dyn Write) -> io::Result<()> {
    let mut command = command();
    let shell = match page {
        Page::Manual => return clap_mangen::Man::new(command).render(into),
        Page::Bash => Shell::Bash,
        Page::Fish => Shell::Fish,
        Page::Zsh => Shell::Zsh,
    };
    // Into memory first: the generator does not say that it could not write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "adit-desktop", &mut script);
    into.write_all(&script)
}

/// The arguments that are for people; the generators of completions leave hidden ones in.
fn command() -> clap::Command {
    let whole = Options::command();
    let shown = whole.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    clap::Command::new("adit-desktop")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .args(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_knows_the_arguments_that_people_use() {
        for page in Page::value_variants() {
            let mut text = Vec::new();
            write(*page, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("demo"), "{page:?}: {text}");
            for hidden in ["print", "ticks"] {
                let is_told =
                    text.contains(&format!("--{hidden}")) || text.contains(&format!("-l {hidden}"));
                assert!(!is_told, "{page:?} tells of {hidden}: {text}");
            }
        }
    }
}
