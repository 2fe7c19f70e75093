//! `DEVTUNNEL_HEADLESS_HOST`: scripts written for another program start this one to host without a window.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use adit_app::environment::Environment;

/// Hosts in the words of the command `adit`, which is installed beside this program, where the variable is set and no
/// arguments are given; nothing otherwise. Comes before anything that needs a screen.
pub fn run(environment: &Environment, given: &[OsString]) -> Option<ExitCode> {
    environment.headless.as_ref().filter(|_| given.len() <= 1)?;
    let program = beside(std::env::current_exe().ok().as_deref());
    // The command reads the variable itself.
    let failed = hand_over(Command::new(&program));
    eprintln!(
        "error: DEVTUNNEL_HEADLESS_HOST is set, but {} cannot be started: {failed}",
        program.display()
    );
    eprintln!("hint: it is installed together with adit-desktop; put both in the same folder");
    Some(ExitCode::FAILURE)
}

/// The command in the same folder, or wherever the system finds it by its name.
fn beside(own: Option<&Path>) -> PathBuf {
    let name = format!("adit{}", std::env::consts::EXE_SUFFIX);
    let beside = own.and_then(Path::parent).map(|folder| folder.join(&name));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// Becomes the command: its process, its signals and its standard input and output are ours. Returns if that failed.
#[cfg(unix)]
fn hand_over(mut command: Command) -> io::Error {
    use std::os::unix::process::CommandExt as _;
    command.exec()
}

/// Runs the command to its end and ends as it did. Returns if it could not be started.
#[cfg(not(unix))]
fn hand_over(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_beside_the_program_is_preferred() {
        let folder = std::env::temp_dir().join(format!("adit-beside-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let own = folder.join("adit-desktop");
        let name = format!("adit{}", std::env::consts::EXE_SUFFIX);
        assert_eq!(beside(Some(&own)), PathBuf::from(&name));
        std::fs::write(folder.join(&name), "").unwrap();
        assert_eq!(beside(Some(&own)), folder.join(&name));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn arguments_mean_the_window() {
        let environment = Environment { headless: Some("a.loc1".into()), ..Environment::default() };
        assert!(run(&environment, &["adit-desktop".into(), "--demo".into()]).is_none());
        assert!(run(&Environment::default(), &["adit-desktop".into()]).is_none());
    }
}
