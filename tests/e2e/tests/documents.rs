//! What documents say of tests is true: a test that they name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "node_modules") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The names of all functions of the tree.
fn functions() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["crates", "tests", "bench"] {
        rust_files(&root().join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for (at, _) in text.match_indices("fn ") {
            let rest = &text[at + 3..];
            let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_');
            names.insert(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    names
}

#[test]
fn every_test_that_the_page_on_reliability_names_is_there() {
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let functions = functions();
    let words = page.split('`').skip(1).step_by(2);
    // Names of tests are sentences; what else stands in code is a command or a word.
    let named: Vec<_> = words
        .filter(|word| word.matches('_').count() >= 3 && !word.contains([' ', '/', '.']))
        .collect();
    assert!(named.len() > 50, "found the names");
    let missing: Vec<_> = named.iter().filter(|name| !functions.contains(**name)).collect();
    assert!(missing.is_empty(), "docs/reliability.md names tests that are not there: {missing:#?}");
}
