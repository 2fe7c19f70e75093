//! Every text of the interface is in every catalogue.

use std::collections::BTreeSet;
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

/// The English texts of `@tr`, as they are written.
fn texts() -> BTreeSet<String> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"), &mut found);
    let mut texts = BTreeSet::new();
    for file in found {
        let source = fs::read_to_string(file).unwrap();
        for rest in source.split("@tr(\"").skip(1) {
            texts.insert(literal(rest));
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

/// What a catalogue translates, without what it leaves empty.
fn translated(catalogue: &str) -> BTreeSet<String> {
    let blocks = catalogue.split("\n\n");
    let of = |block: &str| {
        let line = |start: &str| block.lines().find_map(|it| it.strip_prefix(start)).map(literal);
        let text = line("msgid \"")?;
        let is_there = |start| line(start).is_some_and(|it| !it.is_empty());
        let is_whole =
            is_there("msgstr \"") || (is_there("msgstr[0] \"") && is_there("msgstr[1] \""));
        is_whole.then_some(text)
    };
    blocks.filter_map(of).collect()
}

#[test]
fn portuguese_has_every_text_and_no_other() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/lang/pt_BR/LC_MESSAGES/adit-desktop-ui.po");
    let translated = translated(&fs::read_to_string(file).unwrap());
    let texts = texts();
    assert!(texts.len() > 50, "found the texts");
    let missing: Vec<_> = texts.difference(&translated).collect();
    assert!(missing.is_empty(), "not translated: {missing:?}");
    let unused: Vec<_> = translated.difference(&texts).collect();
    assert!(unused.is_empty(), "nobody says: {unused:?}");
}
