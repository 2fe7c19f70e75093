//! Reads gettext catalogues, as far as ours use them: single-line texts, and plurals of two forms.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Language;
use super::key::Key;

/// What a language says for an English sentence: one form, or those for one and for many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) one: String,
    pub(super) many: Option<String>,
}

pub(super) type Catalogue = BTreeMap<String, Translation>;

static PORTUGUESE: LazyLock<Catalogue> =
    LazyLock::new(|| parse(include_str!("../../lang/pt_BR.po")));

/// A sentence that is one in all numbers, by its English.
pub(super) fn translated(english: &str, language: Language) -> Option<&'static str> {
    match language {
        Language::English => None,
        Language::Portuguese => PORTUGUESE.get(english).map(|it| it.one.as_str()),
    }
}

/// The sentence of a key for so many things, with its holes.
pub(super) fn template(key: Key, many: bool, language: Language) -> &'static str {
    let english = key.english();
    let translated = match language {
        Language::English => None,
        Language::Portuguese => PORTUGUESE.get(english.one),
    };
    let (one, more) = match translated {
        Some(translation) => (translation.one.as_str(), translation.many.as_deref()),
        None => (english.one, english.many),
    };
    if many { more.unwrap_or(one) } else { one }
}

/// Reads a catalogue. Lines that mean nothing here are passed over, and untranslated sentences are left out.
pub(super) fn parse(text: &str) -> Catalogue {
    let mut catalogue = Catalogue::new();
    let mut id = String::new();
    let mut translation = Translation::default();
    // One more blank line, so that the last entry ends as the others do.
    for line in text.lines().chain([""]) {
        if let Some(text) = quoted(line, "msgid ") {
            id = text;
        } else if let Some(text) = quoted(line, "msgstr ").or_else(|| quoted(line, "msgstr[0] ")) {
            translation.one = text;
        } else if let Some(text) = quoted(line, "msgstr[1] ") {
            translation.many = Some(text);
        } else if line.is_empty() {
            let (id, translation) = (std::mem::take(&mut id), std::mem::take(&mut translation));
            if !id.is_empty() && !translation.one.is_empty() {
                catalogue.insert(id, translation);
            }
        }
    }
    catalogue
}

fn quoted(line: &str, before: &str) -> Option<String> {
    let text = line.strip_prefix(before)?.strip_prefix('"')?.strip_suffix('"')?;
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::heard::HEARD;

    /// The holes of a sentence, in no order.
    fn holes(text: &str) -> Vec<&str> {
        let mut holes: Vec<_> =
            text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
        holes.sort_unstable();
        holes.dedup();
        holes
    }

    #[test]
    fn every_sentence_is_there_in_portuguese_with_the_same_holes() {
        let mut wrong = Vec::new();
        for key in Key::ALL {
            let english = key.english();
            let fits = PORTUGUESE.get(english.one).is_some_and(|it| {
                let many = match (&it.many, english.many) {
                    (Some(many), Some(english)) => holes(many) == holes(english),
                    (None, None) => true,
                    _ => false,
                };
                many && holes(&it.one) == holes(english.one)
            });
            if !fits {
                wrong.push(english.one);
            }
        }
        for english in HEARD {
            let translated = translated(english, Language::Portuguese);
            if translated.is_none_or(|it| holes(it) != holes(english)) {
                wrong.push(english);
            }
        }
        assert!(wrong.is_empty(), "missing from lang/pt_BR.po, or not fitting: {wrong:#?}");
    }

    #[test]
    fn the_catalogue_has_no_sentence_that_nobody_says() {
        let keys = Key::ALL.iter().map(|key| key.english().one);
        let said: Vec<_> = keys.chain(HEARD.iter().copied()).collect();
        let stale: Vec<_> = PORTUGUESE.keys().filter(|id| !said.contains(&id.as_str())).collect();
        assert!(stale.is_empty(), "{stale:#?}");
    }

    #[test]
    fn no_two_keys_say_the_same() {
        let mut said: Vec<_> = Key::ALL.iter().map(|key| key.english().one).collect();
        said.sort_unstable();
        let mut twice = said.clone();
        twice.dedup();
        assert_eq!(said, twice);
    }

    #[test]
    fn a_catalogue_is_read_with_plurals_and_quotes() {
        let text = "# for people\nmsgid \"\"\nmsgstr \"\"\n\"Language: pt\"\n\n\
            msgid \"a \\\"b\\\"\"\nmsgstr \"c\"\n\n\
            msgid \"{n} cat\"\nmsgid_plural \"{n} cats\"\nmsgstr[0] \"{n} gato\"\nmsgstr[1] \"{n} gatos\"\n\n\
            msgid \"open\"\nmsgstr \"\"\n";
        let catalogue = parse(text);
        assert_eq!(catalogue.len(), 2, "{catalogue:?}");
        assert_eq!(catalogue["a \"b\""].one, "c");
        assert_eq!(catalogue["{n} cat"].many.as_deref(), Some("{n} gatos"));
    }
}
