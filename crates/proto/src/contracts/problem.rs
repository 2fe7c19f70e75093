//! How a service says what is wrong (RFC 7807, in the members that the SDKs read).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The body of an answer that refuses or fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Written")]
pub struct ProblemDetails {
    /// What is wrong, in a few words that do not change from case to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is wrong in this case, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What is wrong with each member of the request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
}

impl ProblemDetails {
    /// Makes a problem with a title and a detail.
    pub fn new(title: impl Into<String>, detail: impl Into<String>) -> Self {
        ProblemDetails {
            title: Some(title.into()),
            detail: Some(detail.into()),
            errors: BTreeMap::new(),
        }
    }

    /// Adds what is wrong with members of the request.
    #[must_use]
    pub fn with_errors(mut self, errors: BTreeMap<String, Vec<String>>) -> Self {
        self.errors = errors;
        self
    }
}

/// Everything it says, on one line.
impl fmt::Display for ProblemDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = [self.title.as_deref(), self.detail.as_deref()];
        let mut separator = "";
        for text in texts.into_iter().flatten() {
            write!(f, "{separator}{text}")?;
            separator = " ";
        }
        for (member, messages) in &self.errors {
            write!(f, "{separator}{member}: {}", messages.join(", "))?;
            separator = "; ";
        }
        if separator.is_empty() { f.write_str("no reason given") } else { Ok(()) }
    }
}

/// What services write: also a bare `message` for failures, and one text for a list of one.
#[derive(Deserialize)]
struct Written {
    title: Option<String>,
    detail: Option<String>,
    message: Option<String>,
    errors: Option<BTreeMap<String, Option<Messages>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Messages {
    One(String),
    Many(Vec<Option<String>>),
}

impl From<Written> for ProblemDetails {
    fn from(written: Written) -> Self {
        let messages = |messages| match messages {
            None => Vec::new(),
            Some(Messages::One(message)) => vec![message],
            Some(Messages::Many(many)) => many.into_iter().flatten().collect(),
        };
        let errors = written.errors.unwrap_or_default().into_iter();
        ProblemDetails {
            title: written.title,
            detail: written.detail.or(written.message),
            errors: errors.map(|(member, list)| (member, messages(list))).collect(),
        }
    }
}
