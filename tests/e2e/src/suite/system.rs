//! What the system says of processes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// More processor than this with nothing to do is a loop that spins. Of one core, which is 100 %.
pub(super) const IDLE_PERCENT: f64 = 10.0;

/// Processor time that each thread of a process has used, in nanoseconds.
///
/// `/proc/PID/stat` counts in hundredths of a second, too coarse for a process that hardly does anything.
fn used(pid: u32) -> BTreeMap<String, u64> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.unwrap_or_else(|error| panic!("process {pid} is gone: {error}"));
    let read = |thread: std::fs::DirEntry| {
        // A thread that has ended meanwhile is none.
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanos = text.split(' ').next()?.parse().ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), nanos))
    };
    threads.flatten().filter_map(read).collect()
}

/// How much of one core each process uses over `span`, in percent of that core.
///
/// # Panics
/// When one of them is not there.
pub(super) async fn cpu_percent(pids: &[u32], span: Duration) -> Vec<f64> {
    let before: Vec<_> = pids.iter().map(|&pid| used(pid)).collect();
    let began = Instant::now();
    tokio::time::sleep(span).await;
    let took = began.elapsed().as_nanos() as f64;
    let percent = |(&pid, before): (&u32, &BTreeMap<String, u64>)| {
        let since = |(thread, nanos): (&String, &u64)| {
            nanos.saturating_sub(before.get(thread).copied().unwrap_or(0))
        };
        let nanos: u64 = used(pid).iter().map(since).sum();
        (nanos as f64 / took * 10_000.0).round() / 100.0
    };
    pids.iter().zip(&before).map(percent).collect()
}

/// Memory that a process holds, in megabytes (10^6).
pub(super) fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    (kib.unwrap_or(0.0) * 1024.0 / 1e5).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_computes_is_told_from_one_that_waits() {
        let own = std::process::id();
        let busy = std::thread::spawn(|| {
            let until = Instant::now() + Duration::from_millis(600);
            while Instant::now() < until {
                std::hint::black_box(0);
            }
        });
        let mut waiting = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let percent = cpu_percent(&[own, waiting.id()], Duration::from_millis(500)).await;
        waiting.kill().unwrap();
        waiting.wait().unwrap();
        busy.join().unwrap();
        assert!(percent[0] > 1.0 && percent[1] < percent[0], "{percent:?}");
        assert!(resident_mb(own) > 1.0);
    }
}
