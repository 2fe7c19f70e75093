//! A panic leaves a report that the next start finds. Alone in its process, because the hook and the log are the
//! process's.

use std::fs;
use std::path::Path;

use adit_app::journal::{Journal, Report, Reporter};
use adit_app::preferences::LogLevel;
use adit_wire::task;

#[tokio::test]
async fn a_panic_leaves_a_report_with_the_log_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("reports");
    let journal = Journal::new(LogLevel::Info);
    assert!(journal.install());
    assert!(!journal.install(), "there is a log already");
    let program = "adit-test 1.2.3".to_owned();
    Reporter { directory: directory.clone(), program, journal }.install();

    let url = "https://h/?key=hunter2";
    tracing::info!(target: "adit_app", tunnel = "shop.loc1", url, "about to break");
    let mut task = task::spawn("doomed", async { panic!("it broke with Bearer hunter2") });
    assert_eq!(task.join().await, None::<()>);

    let reports = Report::find(&directory);
    let text = &reports[0].text;
    assert!(text.starts_with("adit-test 1.2.3 stopped working at "), "{text}");
    assert!(text.contains("it broke with Bearer •••\nat crates/app/tests/panic.rs:"), "{text}");
    assert!(text.contains("[shop.loc1] about to break url=https://h/?key=•••\n"), "{text}");
    assert_eq!((reports.len(), text.contains("hunter2")), (1, false));
    is_private(&reports[0].path);
}

#[cfg(unix)]
fn is_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(not(unix))]
fn is_private(path: &Path) {
    assert!(fs::metadata(path).is_ok());
}
