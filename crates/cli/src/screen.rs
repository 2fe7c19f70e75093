//! Lines for people on standard output: one after the other, nothing ever moved or rewritten, with
//! colour only on a terminal whose user has not set `NO_COLOR`.

use std::io::{self, IsTerminal, Write};

use adit_app::environment::Environment;
use adit_app::failure::{Failure, Outcome};

use crate::output;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    color: bool,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// What the reader came for.
    Strong,
    /// What may be overlooked.
    Faint,
    /// Went well.
    Good,
    /// Went wrong at the visitor's end.
    Odd,
    /// Went wrong.
    Bad,
}

impl Screen {
    /// Standard output, as this environment wants it.
    pub(crate) fn new(environment: &Environment) -> Self {
        Self { color: !environment.no_color && io::stdout().is_terminal() }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Outcome {
        print_line(text.as_ref())
    }

    /// Text in a style, where there is colour.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Odd => "33",
            Style::Bad => "31",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Prints a whole line at once, so that nothing else gets between.
pub(crate) fn print_line(text: &str) -> Outcome {
    output::print(text)
}

/// Says something that is no result on standard error.
pub(crate) fn remark(text: impl AsRef<str>) {
    // Where standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "adit: {}", text.as_ref());
}

/// Tells a failure on standard error, for a script as one line of JSON.
pub(crate) fn report(failure: &Failure, json: bool) {
    let text = if json { failure.json() } else { format!("adit: {failure}") };
    // Where standard error is gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Text from a stranger without what could move a cursor or turn the reading direction.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || is_direction(char) {
            shown.extend(char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

fn is_direction(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_draw_on_the_screen() {
        assert_eq!(harmless("/a?b=•••&ü"), "/a?b=•••&ü");
        assert_eq!(harmless("/\x1b[2J\r\n"), "/\\u{1b}[2J\\u{d}\\u{a}");
        assert_eq!(harmless("/\u{202e}gnp\u{9b}"), "/\\u{202e}gnp\\u{9b}");
    }

    #[test]
    fn without_colour_text_stays_as_it_is() {
        let plain = Screen { color: false };
        assert_eq!(plain.paint(Style::Bad, "502"), "502");
        assert_eq!(Screen { color: true }.paint(Style::Bad, "502"), "\x1b[31m502\x1b[0m");
    }
}
