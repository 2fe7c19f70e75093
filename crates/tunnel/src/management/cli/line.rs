//! A command line, with what in it is ours to know apart from what it is made of.

use std::fmt;

use adit_proto::contracts::ProblemDetails;

use crate::management::{Error, Said};

/// The words of a call.
///
/// Values (ids, numbers, descriptions) are remembered: the command may repeat them in what it says,
/// and then they must not be taken for its own words.
#[derive(Clone)]
pub(super) struct Line {
    /// What the call is called in messages: its verbs, and no value.
    what: &'static str,
    words: Vec<String>,
    values: Vec<String>,
}

impl Line {
    /// A call of these verbs, such as `port create`.
    pub(super) fn new(what: &'static str) -> Self {
        let words = what.split(' ').map(str::to_owned).collect();
        Self { what, words, values: Vec::new() }
    }

    /// Adds words of the grammar, such as `-j`.
    #[must_use]
    pub(super) fn words(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Adds a value that cannot be mistaken for anything else: an id, a number, a scope.
    #[must_use]
    pub(super) fn value(mut self, value: impl fmt::Display) -> Self {
        let value = value.to_string();
        self.values.push(value.clone());
        self.words.push(value);
        self
    }

    /// Adds an option with a value like [`Line::value`].
    #[must_use]
    pub(super) fn option(self, name: &str, value: impl fmt::Display) -> Self {
        self.words(&[name]).value(value)
    }

    /// Adds an option with a text of somebody's choice, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a text that the command would read as an option or, after an at sign, as
    /// the name of a file with more arguments.
    pub(super) fn text(self, name: &str, text: Option<&str>) -> Result<Self, Error> {
        match text {
            Some(text) if text.starts_with(['-', '@', '/']) || text.contains('\0') => {
                Err(invalid("a text for the `devtunnel` command cannot begin with - or @ or /"))
            }
            Some(text) if !text.is_empty() => Ok(self.option(name, text)),
            _ => Ok(self),
        }
    }

    /// The words as they are sent.
    pub(super) fn sent(&self) -> &[String] {
        &self.words
    }

    /// What the call is called in messages.
    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// The values in it.
    pub(super) fn values(&self) -> &[String] {
        &self.values
    }
}

/// Values are left out: some name people's things.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "devtunnel {}", self.what)
    }
}

/// A request that is not even sent.
pub(super) fn invalid(detail: &str) -> Error {
    Error::Invalid(Said {
        problem: ProblemDetails::new("Invalid request.", detail),
        request_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_words_is_kept_and_values_are_remembered() {
        let line = Line::new("port create").value("shop.euw").option("-p", 3000).words(&["-j"]);
        assert_eq!(line.sent(), ["port", "create", "shop.euw", "-p", "3000", "-j"]);
        assert_eq!(line.values(), ["shop.euw", "3000"]);
        assert_eq!(format!("{line:?}"), "devtunnel port create");
    }

    #[test]
    fn a_text_that_would_be_read_as_something_else_is_refused() {
        for text in ["-f", "--force", "@/etc/hosts", "/f"] {
            let refused = Line::new("update").text("-d", Some(text));
            assert!(matches!(refused, Err(Error::Invalid(_))), "{text}");
        }
        let line = Line::new("update").text("-d", Some("two words")).unwrap();
        assert_eq!(line.sent(), ["update", "-d", "two words"]);
        assert_eq!(Line::new("update").text("-d", None).unwrap().sent(), ["update"]);
    }
}
