//! The walls of the workspace, checked: who may depend on whom, what `proto` may reach, and where
//! the clock is read and tasks are spawned. ARCHITECTURE.md states them; a change here is a change
//! of the architecture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a crate may name in `[dependencies]` of the workspace's own crates.
const ARROWS: &[(&str, &[&str])] = &[
    ("adit-proto", &[]),
    ("adit-wire", &["adit-proto"]),
    ("adit-tunnel", &["adit-proto", "adit-wire"]),
    ("adit-relay", &["adit-proto", "adit-wire"]),
    ("adit-app", &["adit-proto", "adit-wire", "adit-tunnel", "adit-relay"]),
    ("adit-cli", &["adit-proto", "adit-wire", "adit-tunnel", "adit-relay", "adit-app"]),
    ("adit-desktop", &["adit-proto", "adit-wire", "adit-tunnel", "adit-app"]),
    ("adit-e2e", &["adit-proto", "adit-wire", "adit-tunnel", "adit-relay"]),
    ("adit-fuzz-targets", &["adit-proto", "adit-wire", "adit-tunnel", "adit-relay"]),
    ("adit-sim", &["adit-proto"]),
    ("adit-bench", &["adit-proto", "adit-wire", "adit-tunnel", "adit-relay"]),
];

/// Crates with sockets, files, timers, threads or randomness: not even indirectly below `proto`.
const IO_CRATES: &[&str] = &[
    "async-std",
    "aws-lc-rs",
    "crossbeam-channel",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-rustls",
];

/// Never in the tree, on any platform.
const FOREIGN_CRATES: &[&str] = &["glib", "gtk", "gtk4", "native-tls", "openssl", "openssl-sys"];

/// The only files of shipped code that may switch off the ban on clock reads and bare spawns.
const KEEPERS: &[&str] = &["crates/wire/src/clock.rs", "crates/wire/src/task.rs"];

#[test]
fn crates_depend_on_each_other_only_along_the_allowed_arrows() {
    let graph = Graph::read();
    let mut seen = BTreeSet::new();
    for (member, allowed) in ARROWS {
        let own = graph.direct(member, Kind::Normal);
        for dependency in own.iter().filter(|name| graph.is_member(name)) {
            assert!(allowed.contains(&dependency.as_str()), "{member} depends on {dependency}");
        }
        seen.insert((*member).to_owned());
    }
    assert_eq!(graph.members(), seen, "a crate without a line in ARROWS");
}

/// Everything else in the application works with any place that tunnels live in.
#[test]
fn the_application_knows_the_relay_in_its_embedded_part_only() {
    let mut files = Vec::new();
    collect_rust_files(&root().join("crates/app/src"), &mut files);
    let names_it = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains("adit_relay::");
    let naming: Vec<_> = files.iter().filter(names_it).collect();
    assert!(!naming.is_empty(), "found the sources");
    for file in naming {
        let path = file.to_string_lossy().replace('\\', "/");
        assert!(path.contains("/src/embedded"), "{path} names adit_relay");
    }
}

#[test]
fn nothing_depends_on_a_face() {
    let graph = Graph::read();
    for member in graph.members() {
        for face in ["adit-cli", "adit-desktop"] {
            assert!(!graph.direct(&member, Kind::Any).contains(face), "{member} names {face}");
        }
    }
}

/// What decides and what hosts must not need a screen.
#[test]
fn slint_is_below_the_desktop_app_only() {
    let graph = Graph::read();
    for member in graph.members() {
        let draws = graph.closure(&member).contains("slint");
        assert_eq!(draws, member == "adit-desktop", "{member}");
    }
}

/// The lint is at "deny", which a file could switch off, because what Slint generates does so for itself.
#[test]
fn no_file_of_ours_allows_unsafe_code() {
    let mut files = Vec::new();
    for folder in ["crates", "tests", "bench"] {
        collect_rust_files(&root().join(folder), &mut files);
    }
    for file in files.iter().filter(|file| !file.ends_with("tests/walls.rs")) {
        let source = fs::read_to_string(file).unwrap();
        assert!(!source.contains("unsafe_code"), "{} speaks of the lint", file.display());
    }
}

#[test]
fn proto_reaches_no_runtime_no_io_and_no_randomness() {
    let below = Graph::read().closure("adit-proto");
    assert!(below.contains("serde"), "the closure is the real one");
    let bad: Vec<_> = IO_CRATES.iter().filter(|name| below.contains(**name)).collect();
    assert!(bad.is_empty(), "below adit-proto: {bad:?}");
}

#[test]
fn no_foreign_tls_or_toolkit_is_in_the_tree() {
    let graph = Graph::read();
    let found = FOREIGN_CRATES.iter().filter(|name| graph.packages.contains(**name));
    assert_eq!(found.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// No older toolchain is at hand to build with, so this and clippy's `incompatible_msrv` stand for it.
#[test]
fn no_dependency_asks_for_a_newer_rust_than_we_promise() {
    let graph = Graph::read();
    let promised = graph.rust["adit-proto"];
    let newer: Vec<_> = graph.rust.iter().filter(|(_, wanted)| **wanted > promised).collect();
    assert!(newer.is_empty(), "newer than {promised:?}: {newer:?}");
}

#[test]
fn every_crate_is_under_the_workspace_lints() {
    for (member, manifest) in Graph::read().manifests {
        let table: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let workspace = table.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(workspace, Some(&toml::Value::Boolean(true)), "lints of {member}");
    }
}

/// Clippy reads one file and does not merge, so the stricter one must repeat the common list.
#[test]
fn the_clippy_file_of_proto_repeats_all_of_the_workspace() {
    let common = disallowed_methods(&root().join("clippy.toml"));
    let proto = disallowed_methods(&root().join("crates/proto/clippy.toml"));
    let missing: Vec<_> = common.difference(&proto).collect();
    assert!(missing.is_empty(), "not in crates/proto/clippy.toml: {missing:?}");
}

#[test]
fn the_clock_is_read_and_tasks_are_spawned_in_two_files_only() {
    let mut files = Vec::new();
    collect_rust_files(&root().join("crates"), &mut files);
    assert!(files.len() >= 5, "found the sources");
    for file in files {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let source = fs::read_to_string(&file).unwrap();
        let shipped = source.split("#[cfg(test)]").next().unwrap_or_default();
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        let is_keeper = KEEPERS.contains(&name.as_str());
        assert!(
            is_test || is_keeper || !shipped.contains("clippy::disallowed_"),
            "{name} switches off a wall"
        );
    }
}

enum Kind {
    Normal,
    Any,
}

/// The resolved dependency graph of the workspace, all platforms and features included.
struct Graph {
    packages: BTreeSet<String>,
    manifests: BTreeMap<String, PathBuf>,
    /// The Rust that a package asks for, if it says so: (1, 92) for 1.92.
    rust: BTreeMap<String, (u32, u32)>,
    /// From a package to what it names, with whether that is a normal dependency.
    edges: BTreeMap<String, BTreeSet<(String, bool)>>,
}

impl Graph {
    fn read() -> Graph {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let members: BTreeSet<_> = list(&metadata["workspace_members"]).map(text).collect();

        let mut names = BTreeMap::new();
        let mut manifests = BTreeMap::new();
        let mut rust = BTreeMap::new();
        for package in list(&metadata["packages"]) {
            let (id, name) = (text(&package["id"]), text(&package["name"]));
            if members.contains(&id) {
                manifests.insert(name.clone(), PathBuf::from(text(&package["manifest_path"])));
            }
            if let Some(version) = package["rust_version"].as_str() {
                let mut parts = version.split('.').map(|part| part.parse().unwrap());
                rust.insert(name.clone(), (parts.next().unwrap(), parts.next().unwrap_or(0)));
            }
            names.insert(id, name);
        }
        let mut edges: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let from = edges.entry(names[&text(&node["id"])].clone()).or_default();
            for dependency in list(&node["deps"]) {
                let normal = list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
                from.insert((names[&text(&dependency["pkg"])].clone(), normal));
            }
        }
        Graph { packages: names.into_values().collect(), manifests, rust, edges }
    }

    fn members(&self) -> BTreeSet<String> {
        self.manifests.keys().cloned().collect()
    }

    fn is_member(&self, name: &str) -> bool {
        self.manifests.contains_key(name)
    }

    fn direct(&self, name: &str, kind: Kind) -> BTreeSet<String> {
        let wanted = |normal: bool| normal || matches!(kind, Kind::Any);
        let edges = self.edges[name].iter().filter(|(_, normal)| wanted(*normal));
        edges.map(|(name, _)| name.clone()).collect()
    }

    /// Everything that is compiled into `name`, itself excluded.
    fn closure(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            for dependency in self.direct(&next, Kind::Normal) {
                if found.insert(dependency.clone()) {
                    open.push(dependency);
                }
            }
        }
        found
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("an array in cargo's metadata").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string in cargo's metadata").to_owned()
}

fn disallowed_methods(file: &Path) -> BTreeSet<String> {
    let table: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let entries = table["disallowed-methods"].as_array().unwrap();
    entries.iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
}

fn collect_rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
