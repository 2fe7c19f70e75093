//! Secrets stay where they belong: a key in its file, and nowhere else.

use crate::support::{Local, Relay, Sandbox};

#[test]
fn a_key_is_in_its_own_file_only_and_in_no_output_however_much_is_logged() {
    let relay = Relay::start();
    let key = relay.add_user("ann");
    let sandbox = Sandbox::new();
    let login = sandbox.run_with(&["login", &relay.url, "-vvv"], &key).ended_with(0);
    let mut output = login.out + &login.err;

    let local = Local::start();
    let mut up = sandbox.start(&["up", &local.port.to_string(), "--json", "-vvv"]);
    up.event("ready");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", up.pid())).unwrap_or_default();
    assert!(!contains(&arguments, &key));
    let (status, lines, err) = up.interrupted();
    assert_eq!(status.code(), Some(0));
    output.push_str(&lines.join("\n"));
    output.push_str(&err);
    assert!(err.contains("TRACE") || err.contains("DEBUG"), "it does log");
    assert!(!output.contains(&key));
    assert!(!output.contains("eyJ"), "no token either");

    let files = sandbox.files();
    let holders: Vec<_> = files.iter().filter(|(_, bytes)| contains(bytes, &key)).collect();
    assert_eq!(holders.len(), 1);
    assert!(holders[0].0.ends_with("config/credentials.toml"));
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}
