//! Measures the desktop app as it is shipped, on a virtual screen: `cargo run --release -p adit-bench -- desktop`.
//!
//! It and the command must be built before (`./package programs`). Everything shares this machine's processors, so times
//! are upper bounds.

use std::{
    env, fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{net::TcpListener, process::Command, task::JoinSet, time};

use crate::{
    load::{self, Target},
    process::Process,
    role,
    screen::Screen,
    stack,
};

/// Starts to the first frame.
const STARTS: usize = 11;

/// Tunnels that are hosted.
const TUNNELS: usize = 10;

/// Before idleness is measured: the first looks at the URLs are over.
const SETTLE: Duration = Duration::from_secs(20);

const IDLE: Duration = Duration::from_secs(60);

/// How long it is kept busy, and how often a second.
const BUSY: Duration = Duration::from_secs(20);
const EVENTS: u32 = 200;

/// Steps of the wheel over a thousand tunnels.
const WHEEL: u32 = 600;

const KEY: &str = "bench-owner-key";

pub(crate) async fn measure() -> io::Result<()> {
    let screen = Screen::start().await?;
    let app = built("adit-desktop")?;
    let size = fs::metadata(&app)?.len() as f64 / 1e6;
    tell("binary, stripped", format!("{size:.1} MB"));
    let played = || demo(&app, "main", &screen);
    first_frames("start to first frame, five tunnels of a script", played, &screen).await?;
    let files = Directory::new()?;
    let environment = files.fill(&[], false)?;
    let real = || {
        let mut command = on(&app, &screen);
        command.envs(environment.clone());
        command
    };
    first_frames("start to first frame, files and sockets of its own", real, &screen).await?;
    drop(files);
    scrolling(&app, &screen).await?;
    let hosted = Hosted::start(&screen).await?;
    hosted.idle(&screen).await?;
    drop(hosted);
    Hosted::among_hangers(&screen).await?.busy().await
}

fn tell(what: &str, figure: String) {
    println!("| {what} | {figure} |");
}

/// A program as it is shipped.
fn built(name: &str) -> io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/dist").join(name);
    let missing = |_| io::Error::other(format!("{} is not built yet", path.display()));
    path.canonicalize().map_err(missing)
}

/// From the start of the process to the first change on the screen.
async fn first_frames(
    what: &str,
    command: impl Fn() -> Command,
    screen: &Screen,
) -> io::Result<()> {
    let empty = screen.look().await?;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let started = Process::start(command().stderr(Stdio::null()))?;
        while screen.look().await? == empty {
            within(start, 30)?;
        }
        took.push(start.elapsed());
        drop(started);
        while screen.look().await? != empty {
            within(start, 60)?;
        }
    }
    took.sort_unstable();
    let ms = |at: usize| took[at].as_secs_f64() * 1e3;
    let (median, worst) = (ms(STARTS / 2), ms(STARTS - 1));
    tell(what, format!("{median:.0} ms, worst of {STARTS}: {worst:.0} ms"));
    Ok(())
}

fn within(start: Instant, seconds: u64) -> io::Result<()> {
    let late = start.elapsed() > Duration::from_secs(seconds);
    if late { Err(io::Error::other(format!("nothing changed in {seconds} s"))) } else { Ok(()) }
}

fn demo(app: &Path, scene: &str, screen: &Screen) -> Command {
    let mut command = on(app, screen);
    command.args(["--demo", scene]);
    command
}

fn on(app: &Path, screen: &Screen) -> Command {
    let mut command = Command::new(app);
    command.env("DISPLAY", screen.name()).env_remove("WAYLAND_DISPLAY");
    command
}

/// A thousand tunnels under the wheel: a late beat is a frame, or whatever else held up the thread that draws.
async fn scrolling(app: &Path, screen: &Screen) -> io::Result<()> {
    let empty = screen.look().await?;
    let mut app = Process::start(demo(app, "many", screen).arg("--ticks"))?;
    let start = Instant::now();
    while screen.look().await? == empty {
        within(start, 30)?;
    }
    time::sleep(Duration::from_secs(3)).await;
    let (cpu, start) = (app.cpu(), Instant::now());
    let longest = {
        let mut turning = std::pin::pin!(screen.scroll(WHEEL, 16));
        // The first line is about the time before.
        app.line().await?;
        let mut longest = 0.0_f64;
        loop {
            tokio::select! {
                turned = &mut turning => break turned.map(|()| longest)?,
                line = app.line() => longest = longest.max(late(&line?)?),
            }
        }
    };
    let share = (app.cpu() - cpu) / start.elapsed().as_secs_f64() * 100.0;
    tell("1,000 tunnels, wheel turned 60 times a second", format!("longest frame {longest:.1} ms"));
    tell("… processor time while scrolling", format!("{share:.0} % of one"));
    Ok(())
}

/// How late the latest beat of a second came, in milliseconds.
fn late(line: &str) -> io::Result<f64> {
    let told: Value = serde_json::from_str(line)?;
    told["longest_ms"].as_f64().ok_or_else(|| io::Error::other(format!("no beat: {line}")))
}

/// The app with tunnels on a relay, each with the same local server behind it.
struct Hosted {
    app: Process,
    targets: Vec<Target>,
    // What it needs, in the order in which it ends.
    _host: Process,
    _relay: Process,
    _backend: Process,
    _silent: Option<TcpListener>,
    files: Directory,
}

impl Hosted {
    async fn start(screen: &Screen) -> io::Result<Self> {
        Self::with(screen, None, &[]).await
    }

    /// Beside a relay that takes connections and says nothing, and a `devtunnel` that never ends.
    async fn among_hangers(screen: &Screen) -> io::Result<Self> {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::with(screen, Some(silent), &["--ticks"]).await
    }

    async fn with(
        screen: &Screen,
        silent: Option<TcpListener>,
        options: &[&str],
    ) -> io::Result<Self> {
        let files = Directory::new()?;
        let mut backend = Process::start(&mut stack::itself("backend")?)?;
        let port: u16 = backend.line().await?.parse().map_err(io::Error::other)?;
        let mut relay = Process::start(stack::itself("relay")?.env("ADIT_BENCH_KEY", KEY))?;
        let addr: SocketAddr = relay.line().await?.parse().map_err(io::Error::other)?;
        let mut ids = Vec::new();
        for _ in 0..TUNNELS {
            ids.push(role::make(&addr.to_string(), port, KEY).await?);
        }
        let silent_addr = silent.as_ref().map(TcpListener::local_addr).transpose()?;
        let relays: Vec<_> = [Some(addr), silent_addr].into_iter().flatten().collect();
        let environment = files.fill(&relays, silent_addr.is_some())?;
        let mut app = on(&built("adit-desktop")?, screen);
        app.args(options);
        let app = Process::start(app.envs(environment.clone()).stderr(Stdio::null()))?;
        time::sleep(Duration::from_secs(2)).await;
        let mut host = Command::new(built("adit")?);
        host.arg("host").args(ids.iter().map(ToString::to_string)).arg("--json");
        host.args(["--on", &format!("http://{addr}")]);
        let host = Process::start(host.envs(environment).stderr(Stdio::inherit()))?;
        let target = |id: &adit_proto::id::FullId| Target {
            addr,
            host: format!("{}-{port}.localhost", id.tunnel),
        };
        let targets: Vec<_> = ids.iter().map(target).collect();
        for target in &targets {
            let start = Instant::now();
            while load::probe(target).await.is_err() {
                within(start, 30)?;
                time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(Self {
            app,
            targets,
            _host: host,
            _relay: relay,
            _backend: backend,
            _silent: silent,
            files,
        })
    }

    async fn idle(&self, screen: &Screen) -> io::Result<()> {
        time::sleep(SETTLE).await;
        let what = format!("idle, {TUNNELS} tunnels hosted, each looked at once a minute");
        tell(&what, self.spends(IDLE).await);
        tell("… resident memory then", format!("{:.1} MB", self.app.memory()));
        screen.focus().await?;
        time::sleep(SETTLE).await;
        tell("… and the window has the keyboard", self.spends(IDLE).await);
        Ok(())
    }

    /// The processor time that the app takes in a while.
    async fn spends(&self, span: Duration) -> String {
        let (cpu, start) = (self.app.cpu(), Instant::now());
        time::sleep(span).await;
        let spent = self.app.cpu() - cpu;
        let share = spent / start.elapsed().as_secs_f64() * 100.0;
        format!("{share:.2} % ({spent:.2} s of {} s)", span.as_secs())
    }

    /// Requests at an even pace, spread over all tunnels, while the app tells how late its beats come.
    async fn busy(mut self) -> io::Result<()> {
        let end = Instant::now() + BUSY;
        let mut visitors = JoinSet::new();
        for target in self.targets.clone() {
            visitors.spawn(visit(target, EVENTS / TUNNELS as u32, end));
        }
        let (mut longest, mut seconds) = (0.0_f64, 0);
        while Instant::now() < end {
            longest = longest.max(late(&self.app.line().await?)?);
            seconds += 1;
        }
        let mut requests = 0;
        while let Some(done) = visitors.join_next().await {
            requests += done.map_err(io::Error::other)??;
        }
        if !self.files.has_hung() {
            return Err(io::Error::other("the app never started the hanging `devtunnel`"));
        }
        let rate = f64::from(requests) / BUSY.as_secs_f64();
        let what = format!("{rate:.0} requests a second, a silent relay, a hanging `devtunnel`");
        tell(&what, format!("longest tick {longest:.1} ms in {seconds} s"));
        tell("… resident memory then", format!("{:.1} MB", self.app.memory()));
        Ok(())
    }
}

async fn visit(target: Target, a_second: u32, end: Instant) -> io::Result<u32> {
    let mut pace = time::interval(Duration::from_secs(1) / a_second);
    let mut connection = load::Connection::open(&target).await?;
    let mut count = 0;
    while Instant::now() < end {
        pace.tick().await;
        connection.get(&target, "/small", true).await?;
        count += 1;
    }
    Ok(count)
}

/// The app's own directories, gone with this.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("adit-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Whether the `devtunnel` that never ends was started.
    fn has_hung(&self) -> bool {
        self.0.join("devtunnel.ran").exists()
    }

    /// A sign-in to each relay; the environment that leads there.
    fn fill(&self, relays: &[SocketAddr], hangs: bool) -> io::Result<Vec<(&'static str, PathBuf)>> {
        let mut keys = "version = 1\n".to_owned();
        for addr in relays {
            keys += &format!("\n[[sign_in]]\nrelay = \"http://{addr}\"\nkey = \"{KEY}\"\n");
        }
        fs::write(self.0.join("credentials.toml"), keys)?;
        let mut devtunnel = self.0.join("no-devtunnel");
        if hangs {
            devtunnel = self.0.join("devtunnel");
            // The app asks Microsoft's service only where somebody has chosen it.
            fs::write(self.0.join("adit.toml"), "where = \"microsoft\"\n")?;
            fs::write(&devtunnel, "#!/bin/sh\n: >\"$0.ran\"\nexec sleep 1000\n")?;
            fs::set_permissions(&devtunnel, fs::Permissions::from_mode(0o755))?;
        }
        let state = self.0.join("state");
        Ok(vec![
            ("ADIT_CONFIG", self.0.clone()),
            ("ADIT_STATE_DIR", state),
            ("DEVTUNNEL_BIN", devtunnel),
        ])
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays is in the system's directory for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
