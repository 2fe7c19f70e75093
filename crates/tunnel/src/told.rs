//! A command of the system that is watched while it runs: what it says is told line by line, as it says it.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use adit_wire::clock;
use adit_wire::net::Proxies;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::mpsc;

/// A line that is longer is told in parts.
const MOST: usize = 4 * 1024;

/// How long what an ended command has said is waited for.
const REST: Duration = Duration::from_secs(1);

/// Has a command reach other computers through the same proxies, or as directly.
pub fn lead(command: &mut Command, proxies: &Proxies) {
    for (name, value) in proxies.told() {
        match value {
            Some(value) => command.env(name, value.expose()),
            None => command.env_remove(name),
        };
    }
}

/// Runs a command without input, and tells what it says to its user or others; its exit code, if it ended by itself.
///
/// Who hears it is waited for, and then the command waits too. Dropping the future kills the process.
///
/// # Errors
///
/// When it cannot be started.
pub async fn run(mut command: Command, said: &mpsc::Sender<String>) -> io::Result<Option<i32>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C at the terminal is for us.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let tells = async { tokio::join!(tell(output, said), tell(errors, said)) };
    tokio::pin!(tells);
    let status = tokio::select! {
        _ = &mut tells => child.wait().await?,
        status = child.wait() => {
            // What it left running may hold the other ends open for ever: its own end counts.
            let _ = clock::until(clock::now() + REST, tells).await;
            status?
        }
    };
    Ok(status.code())
}

async fn tell(stream: Option<impl AsyncRead + Unpin>, said: &mpsc::Sender<String>) {
    let Some(mut stream) = stream else { return };
    let (mut line, mut chunk) = (Vec::new(), [0; 1024]);
    // A stream that breaks has ended.
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        for byte in &chunk[..count] {
            match byte {
                b'\n' | b'\r' => flush(&mut line, said).await,
                byte => line.push(*byte),
            }
            if line.len() >= MOST {
                flush(&mut line, said).await;
            }
        }
    }
    flush(&mut line, said).await;
}

async fn flush(line: &mut Vec<u8>, said: &mpsc::Sender<String>) {
    if !line.is_empty() {
        // Nobody hears it any more: the command runs on all the same.
        let _ = said.send(String::from_utf8_lossy(line).into_owned()).await;
        line.clear();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    async fn run_script(script: &str) -> (Option<i32>, Vec<String>) {
        let (sender, mut said) = mpsc::channel(64);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let code = run(command, &sender).await.unwrap();
        drop(sender);
        let mut lines = Vec::new();
        while let Some(line) = said.recv().await {
            lines.push(line);
        }
        (code, lines)
    }

    #[tokio::test]
    async fn both_streams_are_told_by_lines_and_its_end_is_its_own() {
        let (code, mut lines) = run_script("echo one; printf 'two\\r\\nthree' >&2; exit 7").await;
        lines.sort();
        assert_eq!((code, lines.join(" ")), (Some(7), "one three two".to_owned()));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_told_in_parts() {
        let (_, lines) = run_script("head -c 10000 /dev/zero | tr '\\0' x").await;
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [4096, 4096, 1808]);
    }

    #[tokio::test]
    async fn what_is_not_there_cannot_be_started() {
        let (sender, _said) = mpsc::channel(1);
        let error = run(Command::new("/nowhere/at/all"), &sender).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
