//! How requests are passed on to the local server, and the words that tunnels are found by.

use std::str::FromStr;

use adit_proto::constraints;
use adit_tunnel::management::change::{Header, OptionsChange};

use super::Mistake;

/// The most seconds that a request may be silent: a day.
pub(crate) const LONGEST_TIMEOUT: u32 = 86_400;

/// Labels of a tunnel or a port: each as services accept it, none twice, and not too many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<String>);

/// Options as they are typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionsText {
    /// Labels, apart by spaces or commas.
    pub labels: String,
    /// The `Host` header.
    pub host: HeaderText,
    /// The `Origin` header.
    pub origin: HeaderText,
    /// How many seconds a request may be silent.
    pub timeout: String,
}

/// A header as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderText {
    /// What the local server gets; empty is as the service has it.
    pub value: String,
    /// The visitor's own is passed on, whatever the value is.
    pub is_passed_on: bool,
}

/// What is said of [`OptionsText`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedOptions {
    /// Of the labels.
    pub labels: Option<Mistake>,
    /// Of the `Host` header.
    pub host: Option<Mistake>,
    /// Of the `Origin` header.
    pub origin: Option<Mistake>,
    /// Of the time.
    pub timeout: Option<Mistake>,
    /// What they come to; nothing while there is a mistake.
    pub value: Option<(Labels, OptionsChange)>,
}

impl Labels {
    /// The labels.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Labels {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Mistake> {
        let mut labels: Vec<String> = Vec::new();
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        for word in words.filter(|word| !word.is_empty()) {
            constraints::label(word).map_err(|_| Mistake::Label(word.to_owned()))?;
            if !labels.iter().any(|it| it == word) {
                labels.push(word.to_owned());
            }
        }
        if labels.len() > constraints::MAX_LABELS {
            return Err(Mistake::ManyLabels);
        }
        Ok(Self(labels))
    }
}

impl HeaderText {
    /// The header that is asked for; one without a value is as the service has it.
    ///
    /// # Errors
    /// When the value is none of a header.
    pub(crate) fn header(&self) -> Result<Header, Mistake> {
        let value = self.value.trim();
        if self.is_passed_on {
            return Ok(Header::Unchanged);
        }
        if !value.is_empty() {
            constraints::header_value(value).map_err(|_| Mistake::Header)?;
        }
        Ok(Header::Is(value.to_owned()))
    }

    /// The same where nothing has been chosen yet: what is left empty is not asked for.
    fn check(&self) -> Result<Option<Header>, Mistake> {
        let header = self.header()?;
        Ok((header != Header::Is(String::new())).then_some(header))
    }
}

impl OptionsText {
    /// Checks all of them.
    pub fn check(&self) -> CheckedOptions {
        let (labels, timeout) = (self.labels.parse::<Labels>(), seconds(&self.timeout));
        let (host, origin) = (self.host.check(), self.origin.check());
        let value = match (&labels, &host, &origin, &timeout) {
            (Ok(labels), Ok(host), Ok(origin), Ok(timeout)) => {
                let options = OptionsChange {
                    host_header: host.clone(),
                    origin_header: origin.clone(),
                    request_timeout: *timeout,
                };
                Some((labels.clone(), options))
            }
            _ => None,
        };
        CheckedOptions {
            labels: labels.err(),
            host: host.err(),
            origin: origin.err(),
            timeout: timeout.err(),
            value,
        }
    }
}

/// The seconds that a request may be silent; nothing where none are typed.
///
/// # Errors
/// When it is no number from 0 to [`LONGEST_TIMEOUT`].
pub(crate) fn seconds(text: &str) -> Result<Option<u32>, Mistake> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && *seconds <= LONGEST_TIMEOUT);
    seconds.map(Some).ok_or(Mistake::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_apart_and_none_twice() {
        let labels: Labels = "team=web, demo  demo,,x_1".parse().unwrap();
        assert_eq!(labels.as_slice(), ["team=web", "demo", "x_1"]);
        assert!("".parse::<Labels>().unwrap().is_empty());
        assert_eq!("ok a/b".parse::<Labels>(), Err(Mistake::Label("a/b".to_owned())));
        let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
        assert_eq!(many.join(",").parse::<Labels>(), Err(Mistake::ManyLabels));
    }

    #[test]
    fn what_is_not_typed_stays_as_the_service_has_it() {
        let checked = OptionsText::default().check();
        assert_eq!(checked.value, Some((Labels::default(), OptionsChange::default())));
    }

    #[test]
    fn each_mistake_stands_at_its_field() {
        let header = |value: &str| HeaderText { value: value.to_owned(), ..HeaderText::default() };
        let text = OptionsText {
            labels: "?".to_owned(),
            host: header("two words"),
            origin: HeaderText { is_passed_on: true, ..header("ignored value") },
            timeout: "-1".to_owned(),
        };
        let checked = text.check();
        assert_eq!(checked.labels, Some(Mistake::Label("?".to_owned())));
        assert_eq!((checked.host, checked.origin), (Some(Mistake::Header), None));
        assert_eq!((checked.timeout, checked.value), (Some(Mistake::Timeout), None));
    }

    #[test]
    fn headers_and_the_time_are_as_typed() {
        let text = OptionsText {
            host: HeaderText { value: " app.test ".to_owned(), is_passed_on: false },
            origin: HeaderText { is_passed_on: true, ..HeaderText::default() },
            timeout: "0".to_owned(),
            ..OptionsText::default()
        };
        let (_, options) = text.check().value.unwrap();
        assert_eq!(options.host_header, Some(Header::Is("app.test".to_owned())));
        assert_eq!(options.origin_header, Some(Header::Unchanged));
        assert_eq!(options.request_timeout, Some(0));
    }

    #[test]
    fn a_request_may_be_silent_for_a_day_at_most() {
        assert_eq!(seconds("86400"), Ok(Some(LONGEST_TIMEOUT)));
        for text in ["86401", "99999999999", "+5", "1.5"] {
            assert_eq!(seconds(text), Err(Mistake::Timeout), "{text}");
        }
    }
}
