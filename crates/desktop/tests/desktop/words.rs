//! Every text of the interface is in every catalogue.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|it| it == "slint") {
            into.push(path);
        }
    }
}

/// A text: for one thing, and for many where that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    one: String,
    many: Option<String>,
}

/// The English texts of `@tr`, as they are written.
fn texts() -> BTreeMap<String, Text> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut found);
    let mut texts = BTreeMap::new();
    for file in found {
        let source = fs::read_to_string(file).unwrap();
        for rest in source.split("@tr(\"").skip(1) {
            let one = literal(rest);
            let many = rest[one.len() + 1..].trim_start().strip_prefix("| \"").map(literal);
            texts.insert(one.clone(), Text { one, many });
        }
    }
    texts
}

/// Up to the quote that ends it.
fn literal(rest: &str) -> String {
    let mut text = String::new();
    let mut chars = rest.chars();
    while let Some(next) = chars.next().filter(|it| *it != '"') {
        text.push(next);
        if next == '\\' {
            text.extend(chars.next());
        }
    }
    text
}

/// What a catalogue translates, by the English, without what it leaves empty. The English of many comes along.
fn translated(catalogue: &str) -> BTreeMap<String, (Text, Text)> {
    let of = |block: &str| {
        let line = |start: &str| block.lines().find_map(|it| it.strip_prefix(start)).map(literal);
        let english = Text { one: line("msgid \"")?, many: line("msgid_plural \"") };
        let one = line("msgstr \"").or_else(|| line("msgstr[0] \""))?;
        let said = Text { one, many: line("msgstr[1] \"") };
        let is_there = !said.one.is_empty() && said.many.as_ref().is_none_or(|it| !it.is_empty());
        is_there.then(|| (english.one.clone(), (english, said)))
    };
    catalogue.split("\n\n").filter_map(of).collect()
}

/// The holes of a text, in no order: each language has its own.
fn holes(text: &str) -> Vec<&str> {
    let holes = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let mut holes: Vec<_> = holes.collect();
    holes.sort_unstable();
    holes
}

/// Whether a translation has the forms and the holes of the English.
fn fits(english: &Text, said: &Text) -> bool {
    let many = match (&english.many, &said.many) {
        (Some(english), Some(said)) => holes(english) == holes(said),
        (None, None) => true,
        _ => false,
    };
    many && holes(&english.one) == holes(&said.one)
}

#[test]
fn portuguese_has_every_text_and_no_other() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/lang/pt_BR/LC_MESSAGES/adit-desktop-ui.po");
    let translated = translated(&fs::read_to_string(file).unwrap());
    let texts = texts();
    assert!(texts.len() > 50, "found the texts");
    let is_other =
        |text: &&Text| translated.get(&text.one).is_none_or(|(english, _)| english != *text);
    let missing: Vec<_> = texts.values().filter(is_other).collect();
    assert!(missing.is_empty(), "not translated: {missing:?}");
    let unused: Vec<_> = translated.keys().filter(|it| !texts.contains_key(*it)).collect();
    assert!(unused.is_empty(), "nobody says: {unused:?}");
    let odd: Vec<_> = translated.values().filter(|(english, said)| !fits(english, said)).collect();
    assert!(odd.is_empty(), "other holes or forms than the English: {odd:?}");
}

#[test]
fn a_translation_without_a_hole_or_a_form_does_not_fit() {
    let text = |one: &str, many: Option<&str>| Text {
        one: one.to_owned(),
        many: many.map(ToOwned::to_owned),
    };
    let english = text("{n} URL until {}", Some("{n} URLs until {}"));
    assert!(fits(&english, &text("até {}, {n} URL", Some("até {}, {n} URLs"))));
    for (one, many) in [
        ("{n} URL até {}", None),
        ("{n} URL", Some("{n} URLs até {}")),
        ("{n} URL até {}", Some("{n} URLs até {} {}")),
    ] {
        assert!(!fits(&english, &text(one, many)), "{one}");
    }
}
