//! Measures the whole path beside its peers: `cargo run --release -p adit-bench -- [rounds] [seconds]`, and the
//! desktop app: `… -- desktop`.
//!
//! Every path is started first and stays up; then each round measures each path once, so that a
//! machine whose speed drifts treats all alike. Everything shares this machine's processors: the
//! figures rank paths within one run and mean nothing beside another run's.

mod backend;
#[cfg(unix)]
mod desktop;
mod load;
mod process;
mod report;
mod role;
#[cfg(unix)]
mod screen;
mod stack;

use std::{env, fs, io, path::Path, time::Duration};

use process::Process;
use report::{Figure, Row};
use stack::Stack;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut arguments = env::args().skip(1);
    runtime.block_on(async {
        match arguments.next().as_deref() {
            Some("backend") => backend::serve().await,
            Some("relay") => role::relay().await,
            Some("host") => role::host(arguments).await,
            #[cfg(unix)]
            Some("desktop") => desktop::measure().await,
            rounds => {
                let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(5);
                let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3);
                measure(rounds, Duration::from_secs(seconds)).await
            }
        }
    })
}

async fn measure(rounds: usize, span: Duration) -> io::Result<()> {
    let mut backend = Process::start(&mut stack::itself("backend")?)?;
    let port: u16 = backend.line().await?.parse().map_err(io::Error::other)?;
    let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e/ts");
    let mut stacks = vec![stack::direct(port), stack::adit(port).await?];
    if drivers.join("node_modules").is_dir() {
        stacks.push(stack::sdk(port, &drivers).await?);
    } else {
        eprintln!("without the SDK's host: run `npm ci --prefix tests/e2e/ts` first");
    }
    let mut rows: Vec<(String, Row)> =
        stacks.iter().map(|stack| (stack.name.to_owned(), Row::default())).collect();
    for (stack, (_, row)) in stacks.iter().zip(&mut rows) {
        if !stack.processes.is_empty() {
            row.add(Figure::MemoryIdle, stack.memory());
        }
    }
    for round in 1..=rounds {
        for (stack, (name, row)) in stacks.iter().zip(&mut rows) {
            eprintln!("round {round} of {rounds}: {name}");
            one(stack, row, span).await?;
        }
    }
    for (stack, (_, row)) in stacks.iter().zip(&mut rows) {
        if !stack.processes.is_empty() {
            row.add(Figure::MemoryLoaded, stack.memory());
        }
    }
    let json = serde_json::to_string_pretty(&report::json(&rows)).map_err(io::Error::other)?;
    fs::create_dir_all("target")?;
    fs::write("target/bench.json", json)?;
    println!("{}", report::table(&rows));
    eprintln!("every round is in target/bench.json");
    Ok(())
}

async fn one(stack: &Stack, row: &mut Row, span: Duration) -> io::Result<()> {
    // As many bytes as take about `span`, by a first look that is not counted.
    let speed = load::bulk(&stack.target, 1, 32_000_000).await?;
    let bytes = (speed * 1e6 * span.as_secs_f64()) as u64;
    let before = stack.cpu();
    let alone = load::bulk(&stack.target, 1, bytes).await?;
    row.add(Figure::Bulk1, alone);
    if !stack.processes.is_empty() {
        row.add(Figure::CpuPerGigabyte, (stack.cpu() - before) / (bytes as f64 / 1e9));
    }
    // A visitor that asks for much and reads nothing, beside one that reads.
    let mut stalled = load::Connection::open(&stack.target).await?;
    stalled.ask(&stack.target, "/bytes/1000000000", true).await?;
    row.add(Figure::Stalled, load::bulk(&stack.target, 1, bytes).await? / alone);
    drop(stalled);
    row.add(Figure::Bulk8, load::bulk(&stack.target, 8, bytes / 8).await?);
    let rate = load::requests(&stack.target, 16, span).await?;
    row.add(Figure::Requests, rate.per_second);
    row.add(Figure::P50, rate.p50.as_secs_f64() * 1e3);
    row.add(Figure::P99, rate.p99.as_secs_f64() * 1e3);
    let rate = load::connections(&stack.target, 8, span).await?;
    row.add(Figure::Connections, rate.per_second);
    row.add(Figure::ConnectionsP99, rate.p99.as_secs_f64() * 1e3);
    Ok(())
}
