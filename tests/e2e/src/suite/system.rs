//! What the system says of a process.

use std::time::Duration;

/// A clock tick of `/proc`: `sysconf(_SC_CLK_TCK)` is 100 on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time that a process has used, in seconds of one core.
fn used(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in brackets, may contain anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let tick = |at: usize| fields.split_whitespace().nth(at).and_then(|it| it.parse::<f64>().ok());
    (tick(11).unwrap_or(0.0) + tick(12).unwrap_or(0.0)) / TICKS_PER_SECOND
}

/// How much of one core a process uses over `span`, in percent of that core.
pub(super) async fn cpu_percent(pid: u32, span: Duration) -> f64 {
    let before = used(pid);
    tokio::time::sleep(span).await;
    let percent = (used(pid) - before) / span.as_secs_f64() * 100.0;
    (percent * 10.0).round() / 10.0
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
            let until = std::time::Instant::now() + Duration::from_millis(600);
            while std::time::Instant::now() < until {
                std::hint::black_box(0);
            }
        });
        assert!(cpu_percent(own, Duration::from_millis(500)).await > 1.0);
        busy.join().unwrap();
        assert!(resident_mb(own) > 1.0);
    }
}
