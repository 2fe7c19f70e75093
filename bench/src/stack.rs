//! The paths that are measured: what is started for each, and where its requests go.

use std::{env, io, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::{
    load::{self, Target},
    process::Process,
};

/// One path from a visitor to the local server.
pub(crate) struct Stack {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    /// The relay and the host; the load generator and the local server are not counted.
    pub(crate) processes: Vec<Process>,
}

impl Stack {
    /// CPU time of all its processes so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.processes.iter().map(Process::cpu).sum()
    }

    /// Memory of all its processes, in megabytes.
    pub(crate) fn memory(&self) -> f64 {
        self.processes.iter().map(Process::memory).sum()
    }
}

/// Runs this program as something else.
pub(crate) fn itself(role: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(role).stderr(Stdio::inherit());
    Ok(command)
}

/// No tunnel at all: what the load generator and the local server reach by themselves.
pub(crate) fn direct(backend: u16) -> Stack {
    let addr = SocketAddr::from(([127, 0, 0, 1], backend));
    let target = Target { addr, host: addr.to_string() };
    Stack { name: "direct", target, processes: Vec::new() }
}

/// A relay and where it listens.
async fn relay(key: &str) -> io::Result<(Process, SocketAddr)> {
    let mut relay = Process::start(itself("relay")?.env("ADIT_BENCH_KEY", key))?;
    let addr = relay.line().await?.parse().map_err(io::Error::other)?;
    Ok((relay, addr))
}

/// Our relay and our host.
pub(crate) async fn adit(backend: u16) -> io::Result<Stack> {
    let key = "bench-owner-key";
    let (relay, addr) = relay(key).await?;
    let mut command = itself("host")?;
    command.arg(addr.to_string()).arg(backend.to_string()).env("ADIT_BENCH_KEY", key);
    let mut host = Process::start(&mut command)?;
    let tunnel = host.line().await?;
    let stack = Stack {
        name: "adit: relay and host",
        target: Target { addr, host: format!("{tunnel}-{backend}.localhost") },
        processes: vec![relay, host],
    };
    ready(stack).await
}

/// Our relay and the host of Microsoft's TypeScript SDK, unmodified.
pub(crate) async fn sdk(backend: u16, drivers: &Path) -> io::Result<Stack> {
    let key = "bench-owner-key";
    let (relay, addr) = relay(key).await?;
    let mut command = Command::new("node");
    command
        .arg(drivers.join("bench-host.js"))
        .arg(format!("http://{addr}"))
        .arg(backend.to_string());
    command.env("ADIT_BENCH_KEY", key).current_dir(drivers);
    let mut host = Process::start(&mut command)?;
    let tunnel = host.line().await?;
    let stack = Stack {
        name: "adit relay, TypeScript SDK host",
        target: Target { addr, host: format!("{tunnel}-{backend}.localhost") },
        processes: vec![relay, host],
    };
    ready(stack).await
}

/// Waits until a request gets through.
async fn ready(stack: Stack) -> io::Result<Stack> {
    let mut tries = 0;
    loop {
        let Err(error) = load::probe(&stack.target).await else { return Ok(stack) };
        tries += 1;
        if tries == 300 {
            return Err(io::Error::other(format!("{} does not answer: {error}", stack.name)));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
