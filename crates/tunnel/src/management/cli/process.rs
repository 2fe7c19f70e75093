//! Runs the command: one process a question, with a deadline, and only so many at a time.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use adit_proto::host::MINT_QUEUED_WITHIN;
use adit_proto::token::Secret;
use adit_wire::clock;
use adit_wire::net::Connector;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::line::Line;
use super::trouble::Trouble;
use super::{Config, classify};
use crate::management::{Error, Turn, Turns};
use crate::told;

/// How long a call may wait for its turn.
const QUEUED: Duration = MINT_QUEUED_WITHIN;

/// The longest answer: a list of some thousand tunnels.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The most that is kept of what it says to people. The rest is read and thrown away.
const MAX_SAID: usize = 64 * 1024;

/// How long a killed process may take to be gone. Only one that hangs in the kernel takes longer.
const GONE: Duration = Duration::from_secs(5);

/// Windows: no console window for a process that shows nothing.
#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// Windows: a console of its own for a process that shows something.
#[cfg(windows)]
const CREATE_NEW_CONSOLE: u32 = 0x0000_0010;

/// Starts processes of the command.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    program: OsString,
    deadline: Duration,
    /// How this process reaches the service, which the command shall do likewise.
    connector: Connector,
    /// Full means that a call waits for its turn, in the order of asking, for [`QUEUED`] at most; its
    /// deadline begins when it starts. Who gives up meanwhile leaves the queue.
    turns: Arc<Semaphore>,
}

impl Runner {
    pub(super) fn new(connector: Connector, config: &Config) -> Self {
        let turns = Arc::new(Semaphore::new(config.concurrent.max(1)));
        Self { program: config.program.clone(), deadline: config.deadline, connector, turns }
    }

    /// One that shares the limit of processes, and has them go another way.
    pub(super) fn through(&self, connector: Connector) -> Self {
        Self { connector, ..self.clone() }
    }

    /// Whether it goes that way.
    pub(super) fn goes(&self, connector: &Connector) -> bool {
        self.connector.is_same(connector)
    }

    fn command(&self, line: &Line) -> Command {
        let mut command = Command::new(&self.program);
        command.args(line.sent());
        told::lead(&mut command, self.connector.proxies());
        command
    }

    /// The answer of a call that succeeded. It may carry tokens, and is never logged. Who waits for it
    /// hears in `turns` whether it runs.
    pub(super) async fn ask(&self, line: &Line, turns: Option<&Turns>) -> Result<Secret, Error> {
        let turn = self.turn(line, turns).await?;
        self.run(line, self.deadline, turn).await
    }

    /// As [`Runner::ask`], with less patience.
    pub(super) async fn ask_within(&self, line: &Line, within: Duration) -> Result<Secret, Error> {
        let turn = self.turn(line, None).await?;
        self.run(line, within.min(self.deadline), turn).await
    }

    async fn turn(&self, line: &Line, turns: Option<&Turns>) -> Result<SemaphorePermit<'_>, Error> {
        let hear = |turn| turns.map(|turns| turns.send_replace(turn));
        let turn = match self.turns.try_acquire() {
            Ok(turn) => turn,
            Err(_) => {
                hear(Turn::Waits);
                let waited = clock::until(clock::now() + QUEUED, self.turns.acquire()).await;
                let queued = || Trouble::Queued { what: line.what(), after: QUEUED };
                waited.map_err(|clock::Late| queued())?.expect("it is never closed")
            }
        };
        hear(Turn::Runs);
        Ok(turn)
    }

    /// Dropping the future kills the process; one that is late is killed too, and waited for.
    async fn run(
        &self,
        line: &Line,
        within: Duration,
        turn: SemaphorePermit<'_>,
    ) -> Result<Secret, Error> {
        let mut child = self.start(line, Stdio::piped())?;
        let done = clock::until(clock::now() + within, finish(&mut child)).await;
        // Held until the process is gone, or the next one would be one too many.
        let done = match done {
            Ok(done) => done,
            Err(clock::Late) => {
                end(&mut child).await;
                return Err(Trouble::Late { what: line.what(), after: within }.into());
            }
        };
        drop(turn);
        let what = line.what();
        let done = done.map_err(|source| Trouble::Unstartable { program: self.shown(), source })?;
        tracing::debug!(what, code = ?done.code, "devtunnel");
        if done.code != Some(0) {
            return Err(classify::failed(line, done.code, &done.said));
        }
        let answer = done.answer.ok_or(Trouble::Garbled { what, flaw: "it is too long" })?;
        String::from_utf8(answer)
            .map(Secret::new)
            .map_err(|_| Trouble::Garbled { what, flaw: "it is no text" }.into())
    }

    /// Lets the user talk to the command. Its own output goes where `output` leads.
    pub(super) async fn talk(&self, line: &Line, output: Stdio) -> Result<Option<i32>, Error> {
        let mut command = self.command(line);
        command.stdout(output).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| self.not_started(error))?;
        let status = child.wait().await;
        let status = status.map_err(|error| self.not_started(error))?;
        Ok(status.code())
    }

    /// Lets the user sign in without a terminal: what the command says is told as it says it.
    ///
    /// With `shown`, Windows gives it a console of its own, because its window for accounts needs one to stand over;
    /// then it says everything there, and nothing here.
    pub(super) async fn tell(
        &self,
        line: &Line,
        shown: bool,
        said: &mpsc::Sender<String>,
        within: Duration,
    ) -> Result<Option<i32>, Error> {
        let command = self.command(line);
        #[cfg(windows)]
        let mut command = command;
        #[cfg(windows)]
        if shown {
            command.creation_flags(CREATE_NEW_CONSOLE).kill_on_drop(true);
            let mut child = command.spawn().map_err(|error| self.not_started(error))?;
            let ended = clock::until(clock::now() + within, child.wait()).await;
            let Ok(status) = ended else {
                return Err(Trouble::Late { what: line.what(), after: within }.into());
            };
            return Ok(status.map_err(|error| self.not_started(error))?.code());
        }
        #[cfg(windows)]
        command.creation_flags(CREATE_NO_WINDOW);
        #[cfg(not(windows))]
        let _ = shown;
        match clock::until(clock::now() + within, told::run(command, said)).await {
            Ok(code) => code.map_err(|error| self.not_started(error)),
            Err(clock::Late) => Err(Trouble::Late { what: line.what(), after: within }.into()),
        }
    }

    fn start(&self, line: &Line, output: Stdio) -> Result<Child, Error> {
        let mut command = self.command(line);
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C at the terminal is for us; what we then still ask must not die of it.
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(windows)]
        command.creation_flags(CREATE_NO_WINDOW);
        command.spawn().map_err(|error| self.not_started(error))
    }

    fn not_started(&self, error: io::Error) -> Error {
        let program = self.shown();
        match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing { program }.into(),
            _ => Trouble::Unstartable { program, source: error }.into(),
        }
    }

    fn shown(&self) -> Box<str> {
        self.program.to_string_lossy().into()
    }
}

/// What a process left behind.
struct Done {
    code: Option<i32>,
    /// None when it is longer than any answer.
    answer: Option<Vec<u8>>,
    said: String,
}

async fn finish(child: &mut Child) -> io::Result<Done> {
    let (answer, said) = (child.stdout.take(), child.stderr.take());
    let (answer, said) = tokio::try_join!(read(answer, MAX_ANSWER), read(said, MAX_SAID))?;
    let code = child.wait().await?.code();
    let answer = (answer.len() <= MAX_ANSWER).then_some(answer);
    Ok(Done { code, answer, said: String::from_utf8_lossy(&said).into_owned() })
}

/// Reads to the end and keeps one byte more than `most`, which tells that there was more.
async fn read(stream: Option<impl AsyncRead + Unpin>, most: usize) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(stream) = stream {
        let mut stream = stream.take(most as u64 + 1);
        stream.read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stream.into_inner(), &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

/// Kills and reaps.
async fn end(child: &mut Child) {
    if clock::until(clock::now() + GONE, child.kill()).await.is_err() {
        tracing::warn!(pid = child.id(), "a killed devtunnel process does not go away");
    }
}
