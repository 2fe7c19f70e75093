//! Runs the line that installs the official command, exactly as it was shown.

use std::time::Duration;

use adit_tunnel::told;
use adit_wire::clock;
use adit_wire::net::Proxies;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::failure::{Code, Failure, Outcome};

/// The patience with a download and whatever an installer asks of the system.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Windows: no console window for a process that shows nothing.
#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// Runs a line, which somebody has seen, in the system's shell, and tells what it says. What it downloads comes through
/// these proxies.
///
/// # Errors
/// [`Code::Interrupted`] when it takes too long, [`Code::Refused`] when it fails.
pub async fn install(line: &str, proxies: &Proxies, said: &mpsc::Sender<String>) -> Outcome {
    run_line(line, proxies, said, PATIENCE).await
}

async fn run_line(
    line: &str,
    proxies: &Proxies,
    said: &mpsc::Sender<String>,
    within: Duration,
) -> Outcome {
    let mut command = shell(line);
    told::lead(&mut command, proxies);
    let ended = clock::until(clock::now() + within, told::run(command, said)).await;
    let Ok(ended) = ended else {
        let seconds = within.as_secs();
        let message = format!("the install line took longer than {seconds} s and was ended");
        return Err(Failure::new(Code::Interrupted, message));
    };
    match ended {
        Ok(Some(0)) => Ok(()),
        Ok(code) => {
            let how = code.map_or_else(|| "a signal".to_owned(), |it| format!("exit code {it}"));
            Err(Failure::new(Code::Refused, format!("the install line ended with {how}")))
        }
        Err(error) => Err(Failure::caused(Code::Refused, "no shell can be started", &error)),
    }
}

fn shell(line: &str) -> Command {
    #[cfg(windows)]
    {
        let mut command = Command::new("cmd");
        command.args(["/d", "/c"]).raw_arg(line).creation_flags(CREATE_NO_WINDOW);
        command
    }
    #[cfg(not(windows))]
    {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        command
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    async fn ends(script: &str, within: Duration) -> (Option<Code>, Vec<String>) {
        let proxies =
            Proxies::from_vars(|name| (name == "https_proxy").then(|| "p.example".into()));
        let (sender, mut said) = mpsc::channel(64);
        let code =
            run_line(script, &proxies, &sender, within).await.err().map(|failure| failure.code);
        drop(sender);
        let mut lines = Vec::new();
        while let Some(line) = said.recv().await {
            lines.push(line);
        }
        (code, lines)
    }

    #[tokio::test]
    async fn what_a_line_says_is_told_and_how_it_ends() {
        let said = |text: &str| vec![text.to_owned()];
        assert_eq!(ends("echo done | cat", PATIENCE).await, (None, said("done")));
        assert_eq!(ends("echo no; exit 3", PATIENCE).await, (Some(Code::Refused), said("no")));
        let asked = ends("echo $HTTPS_PROXY $http_proxy", PATIENCE).await;
        assert_eq!(asked, (None, said("http://p.example")));
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended() {
        let (code, _) = ends("exec sleep 1000", Duration::from_millis(50)).await;
        assert_eq!(code, Some(Code::Interrupted));
    }
}
