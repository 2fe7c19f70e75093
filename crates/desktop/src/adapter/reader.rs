//! A request and its answer, to be read: what is left of them as lines, with what is missing.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use adit_app::history::Request;
use adit_app::traffic::{Body, body};
use adit_app::words::number;
use adit_tunnel::inspect::{Ending, Message};
use slint::{ModelRc, SharedString, VecModel};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::port;
use super::terms::Speech;
use crate::ui;

/// Columns of a line, as many as there is room for in the smallest window.
const COLUMNS: usize = 70;

/// The request that is read; it stays while newer ones push it out of the list.
#[derive(Default)]
pub struct Reader {
    request: RefCell<Option<Arc<Request>>>,
    lines: Rc<VecModel<ui::TextLine>>,
}

/// A line as it is copied: a header's name and value, or a text without a name.
type Written = (String, String);

impl Reader {
    /// Gives the interface the model.
    pub fn attach(&self, reader: &ui::Reader<'_>) {
        reader.set_lines(ModelRc::from(self.lines.clone()));
    }

    /// The request that is read.
    pub fn request(&self) -> Option<Arc<Request>> {
        self.request.borrow().clone()
    }

    /// Another request is read, or none any more.
    pub fn turn_to(&self, request: Option<Arc<Request>>) {
        self.request.replace(request);
        self.lines.set_vec(Vec::new());
    }

    /// Shows the side that is chosen.
    pub fn show(&self, reader: &ui::Reader<'_>, speech: &Speech, strings: &ui::Strings<'_>) {
        let Some(request) = self.request() else {
            reader.set_title(strings.invoke_request());
            reader.set_facts(SharedString::default());
            reader.set_nothing(strings.invoke_request_gone());
            return reader.set_note(SharedString::default());
        };
        let is_answer = reader.get_side() == 1;
        reader.set_title(slint::format!("{} {}", request.method, request.path));
        reader.set_facts(facts(&request, speech, strings));
        let (message, bytes) = side(&request, is_answer);
        let written = written(&request, is_answer).unwrap_or_default();
        self.lines.set_vec(written.iter().flat_map(wrapped).collect::<Vec<_>>());
        reader.set_nothing(match is_answer {
            true if request.status.is_none() => strings.invoke_no_answer_came(),
            _ => strings.invoke_head_not_kept(),
        });
        // Nobody waits for the end of an event stream, so nothing is known of its body.
        let is_told = !(is_answer && request.ending == Ending::Streaming);
        let message = message.filter(|_| is_told);
        let note = message.map(|message| note(message, bytes, speech, strings));
        reader.set_note(note.unwrap_or_default());
    }

    /// What is shown, as a text.
    pub fn text(&self, is_answer: bool) -> Option<String> {
        let written = written(&*self.request()?, is_answer)?;
        let line = |(name, text): &Written| match name.is_empty() {
            true => format!("{text}\n"),
            false => format!("{name}: {text}\n"),
        };
        Some(written.iter().map(line).collect())
    }
}

/// What was kept of one side, and how many bytes its body had.
fn side(request: &Request, is_answer: bool) -> (Option<&Message>, u64) {
    match is_answer {
        false => (request.request.as_deref(), request.sent),
        true => (request.response.as_deref(), request.received),
    }
}

/// The first line, the headers, and the body where that is a text.
fn written(request: &Request, is_answer: bool) -> Option<Vec<Written>> {
    let (message, bytes) = side(request, is_answer);
    let message = message?;
    let version = message.version.as_str();
    let first = match (is_answer, request.status) {
        (true, Some(status)) => format!("{version} {status}"),
        (true, None) => version.to_owned(),
        (false, _) => format!("{} {} {version}", request.method, request.path),
    };
    let bare = |text: &str| (String::new(), text.to_owned());
    let mut lines = vec![bare(&first)];
    lines.extend(message.headers.iter().map(|it| (it.name.to_string(), it.value.to_string())));
    if let Body::Text { text, .. } = body(message, bytes) {
        lines.push(bare(""));
        lines.extend(text.lines().map(bare));
    }
    Some(lines)
}

/// A line in parts that are not longer than there is room.
fn wrapped((name, text): &Written) -> Vec<ui::TextLine> {
    let text = text.replace('\t', "    ");
    let mut parts = Vec::new();
    let (mut part, mut left) = (String::new(), COLUMNS.saturating_sub(name.width() + 2));
    for letter in text.chars() {
        let width = letter.width().unwrap_or(0);
        if left < width {
            parts.push(std::mem::take(&mut part));
            left = COLUMNS;
        }
        part.push(letter);
        left -= width;
    }
    parts.push(part);
    let line = |(index, text): (usize, String)| ui::TextLine {
        name: if index == 0 { name.as_str() } else { "" }.into(),
        text: text.into(),
    };
    parts.into_iter().enumerate().map(line).collect()
}

/// What came of the request, when, and how long that took.
fn facts(request: &Request, speech: &Speech, strings: &ui::Strings<'_>) -> SharedString {
    let time = SharedString::from(port::clock(request.at, speech));
    let took = SharedString::from(number::took(request.took, speech.language));
    let Some(status) = request.status else {
        return strings.invoke_request_unanswered(took, time);
    };
    let status = slint::format!("{status}");
    match request.ending {
        Ending::Complete => strings.invoke_request_answered(status, took, time),
        Ending::Streaming => strings.invoke_request_streams(status, time),
        Ending::Upgraded => strings.invoke_request_upgraded(status, time),
        Ending::CutShort => strings.invoke_request_cut_short(status, took, time),
    }
}

/// What is not shown of a message, and why.
fn note(message: &Message, bytes: u64, speech: &Speech, strings: &ui::Strings<'_>) -> SharedString {
    let told = |bytes: u64| SharedString::from(number::bytes(bytes as f64, speech.language));
    let of_body = match body(message, bytes) {
        Body::None => strings.invoke_no_body(),
        Body::NotKept { bytes } => strings.invoke_body_not_kept(told(bytes)),
        Body::Text { is_cut: true, .. } => strings.invoke_body_cut(told(bytes)),
        Body::Text { .. } => SharedString::default(),
        Body::Binary { bytes, kind } => {
            let kind = kind.map(|kind| format!("{kind}, ")).unwrap_or_default();
            strings.invoke_body_binary(slint::format!("{kind}{}", told(bytes)))
        }
    };
    match message.cut {
        true if of_body.is_empty() => strings.invoke_head_cut(),
        true => slint::format!("{} {of_body}", strings.invoke_head_cut()),
        false => of_body,
    }
}

/// A text to read, in lines.
pub fn lines(text: &str) -> ModelRc<ui::TextLine> {
    let bare = |line: &str| (String::new(), line.to_owned());
    let lines = text.lines().flat_map(|line| wrapped(&bare(line)));
    ModelRc::new(VecModel::from(lines.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_below_without_its_name() {
        let value = "x".repeat(150);
        let parts = wrapped(&("Accept".to_owned(), value.clone()));
        let names: Vec<_> = parts.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["Accept", "", ""]);
        let lengths: Vec<_> = parts.iter().map(|it| it.text.len()).collect();
        assert_eq!(lengths, [62, 70, 18]);
        assert_eq!(parts.iter().map(|it| it.text.as_str()).collect::<String>(), value);
    }

    #[test]
    fn a_name_that_fills_the_line_leaves_its_value_a_line_of_its_own() {
        let parts = wrapped(&("n".repeat(90), "value".to_owned()));
        let texts: Vec<_> = parts.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts, ["", "value"]);
    }

    #[test]
    fn wide_letters_take_two_columns() {
        let parts = wrapped(&(String::new(), "\u{6f22}".repeat(36)));
        let letters: Vec<_> = parts.iter().map(|it| it.text.chars().count()).collect();
        assert_eq!(letters, [34, 2]);
    }

    #[test]
    fn an_empty_line_stays_one() {
        assert_eq!(wrapped(&(String::new(), String::new())).len(), 1);
    }
}
