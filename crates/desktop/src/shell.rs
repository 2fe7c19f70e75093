//! The process around the window: its runtime, its log, how it begins and how it ends.
//!
//! The interface has the main thread to itself. Everything else runs on a runtime of its own, and the two meet in
//! watches and queues that never make the interface wait.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use adit_app::autostart::Autostart;
use adit_app::command::Command;
use adit_app::desk::{self, Happens, Started};
use adit_app::environment::Environment;
use adit_app::face::{self, Face};
use adit_app::failure::{Code, Failure, Outcome};
use adit_app::journal::{Journal, LogFile, Report, Reporter};
use adit_app::local::{Found, Local};
use adit_app::moment::Moment;
use adit_app::preferences::LogLevel;
use adit_app::profile::Profile;
use adit_app::removal;
use adit_app::unit::Unit;
use adit_wire::task;
use jiff::tz::TimeZone;
use slint::ComponentHandle as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};

use crate::around::{self, Memory, Outer};
use crate::demo::{Demo, Scene};
use crate::desk::{Desk, LogDesk, StatusDesk};
use crate::login;
use crate::outside::Desktop;
use crate::system::{self, System};
use crate::window::Window;

/// Threads for everything but the interface. What is forwarded by one computer is carried by two.
const THREADS: usize = 2;

const NEEDS_SCREEN: &str = "it needs a screen; `adit host` works without one";

/// Tells a person why the application did not start, where they did not start it in a terminal.
pub fn tell(failure: &Failure) {
    if std::io::stderr().is_terminal() {
        return;
    }
    // Without a screen it was said on standard error all the same.
    let Ok(notice) = crate::ui::Sorry::new() else { return };
    notice.set_text(failure.message.as_str().into());
    notice.set_hint(failure.hint.as_deref().unwrap_or_default().into());
    notice.on_closed(|| drop(slint::quit_event_loop()));
    if let Err(error) = notice.run() {
        tracing::warn!(%error, "nothing can be shown");
    }
}

/// Runs the application with its window until somebody quits it. Returns at once where it runs already, after its
/// window was shown.
///
/// # Errors
/// When a process without a window hosts for this user and does not give way, files cannot be read, or nothing can be shown.
pub fn run(environment: Environment, minimised: bool) -> Outcome {
    // Before another process gives way to a window that cannot be.
    if !crate::outside::has_screen() {
        let failure =
            Failure::new(Code::Internal, "the window cannot be shown: there is no screen");
        return Err(failure.hint(NEEDS_SCREEN));
    }
    slint::BackendSelector::new().select().map_err(|error| not_shown(&error))?;
    let journal = Journal::new(LogLevel::default());
    journal.install();
    let mut profile = Profile::new(environment, |remark| tracing::warn!("{remark}"))?;
    profile.autostart = Autostart::of_user()
        .inspect_err(|failure| tracing::warn!(reason = failure.message, "no start at login"))
        .ok();
    if cfg!(target_os = "linux") {
        profile.unit = Unit::of_user(&profile.overrides).ok();
    }
    let program = concat!("adit-desktop ", env!("CARGO_PKG_VERSION")).to_owned();
    let directory = profile.places.reports();
    let reports = Report::find(&directory);
    Reporter { directory, program, journal: journal.clone() }.install();
    let log = LogFile::new(profile.places.log());

    let file = profile.places.window();
    let runtime = runtime()?;
    let Started::Here(desk) = runtime.block_on(desk::start(profile))? else { return Ok(()) };
    let follower = {
        let _inside = runtime.enter();
        journal.follow_to(log)
    };
    let start = Start { file, minimised, reports };
    let (places, views) = (desk.profile().places.clone(), desk.handle().views());
    let ended = show(&runtime, *desk, &journal, start);
    runtime.block_on(follower.finish());
    if views.borrow().setup.is_removed {
        // The log and the window have written their last meanwhile.
        removal::remove(&places)?;
    }
    // All that has something to finish has: nobody waits for a name that is still looked up.
    runtime.shutdown_background();
    ended
}

fn not_shown(error: &slint::PlatformError) -> Failure {
    Failure::caused(Code::Internal, "the window cannot be shown", error).hint(NEEDS_SCREEN)
}

fn runtime() -> Outcome<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(THREADS).thread_name("adit").enable_all();
    builder.build().map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))
}

/// How a window begins.
struct Start {
    /// Where what it remembers of itself is.
    file: PathBuf,
    /// It stays away where there is a tray.
    minimised: bool,
    /// What stopped working in earlier runs, the newest first.
    reports: Vec<Report>,
}

/// What the window remembers of itself.
async fn remembered(file: PathBuf) -> Face {
    let load = move || Face::load(&file);
    let loaded = task::blocking("read window's memory", load).await;
    loaded.unwrap_or_else(|failure| {
        tracing::warn!(reason = failure.message, "what the window remembered is not known");
        Face::default()
    })
}

/// Shows a scripted world until somebody quits it. Nothing is remembered.
///
/// # Errors
/// When nothing can be shown.
pub fn play(scene: Scene, minimised: bool) -> Outcome {
    let failed = |error: slint::PlatformError| not_shown(&error);
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let desk = Demo::new(scene).desk();
    let mut views = desk.views.clone();
    let is_first_run = views.borrow().setup.first_run.is_some();
    let language = crate::outside::language();
    let window = Window::new(desk, Rc::new(Desktop::default()), TimeZone::system(), language);
    let window = window.map_err(failed)?;
    let ending = async move {
        // A script has nothing to stop.
        let _ = views.wait_for(|view| view.is_quitting).await;
        let _ = slint::quit_event_loop();
    };
    slint::spawn_local(ending)
        .and(slint::spawn_local(window.clone().follow()))
        .map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))?;
    window.keep_told();
    let (memory, _saver) = Memory::start(Face::default(), None);
    let placed = around::start(window, memory).map_err(failed)?;
    if !face::begins_hidden(minimised, is_first_run, false) {
        placed.around.raise();
    }
    slint::run_event_loop_until_quit().map_err(failed)
}

/// Shows the window until the application has ended.
fn show(runtime: &Runtime, desk: desk::Desk, journal: &Journal, start: Start) -> Outcome {
    let _inside = runtime.enter();
    let tasks = task::Group::new("shell");
    let system = watch::Sender::new(System::default());
    tasks.spawn("log level", follow_level(desk.handle().views(), journal.clone()));
    if let Some(entry) = desk.profile().autostart.clone() {
        let handle = desk.handle();
        let following = login::follow(entry, handle.views(), handle.commands(), system.clone());
        tasks.spawn("start at login", following);
    }
    tasks.spawn("wishes of the system", system::follow(system.clone()));
    let ends = ends(&desk, &tasks, journal, system.subscribe());
    let (minimised, is_first_run) = {
        let view = ends.views.borrow();
        let wanted = view.preferences.general.start_minimised || start.minimised;
        (wanted, view.setup.first_run.is_some())
    };
    let commands = desk.handle().commands();
    let language = crate::outside::language();
    let window = Window::new(ends, Rc::new(Desktop::default()), TimeZone::system(), language);
    let window = window.map_err(|error| not_shown(&error))?;
    let following = slint::spawn_local(window.clone().follow());
    following.map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))?;
    window.keep_told();
    let remembered = runtime.block_on(remembered(start.file.clone()));
    let (memory, saver) = Memory::start(remembered, Some(start.file));
    let placed = around::start(window.clone(), memory);
    let placed = placed.map_err(|error| Failure::caused(Code::Internal, "cannot start", &error))?;
    let reports = start.reports;
    if !face::begins_hidden(minimised, is_first_run, !reports.is_empty()) {
        placed.around.raise();
    }
    if let Some(newest) = reports.first() {
        let text = newest.text.clone();
        let spawner = tasks.spawner();
        window.show_report(&text, move || spawner.spawn("remove reports", forget(reports.clone())));
    }

    let mut life = task::spawn("life", live(desk, placed.outer.clone()));
    let shown = slint::run_event_loop_until_quit();
    // The event loop may have ended by itself, as when the screen went away.
    runtime.block_on(async {
        commands.send(Command::Quit).await;
        life.join().await;
        saver.finish(placed.around.last()).await;
    });
    drop(tasks);
    shown.map_err(|error| Failure::caused(Code::Internal, "the window was lost", &error))
}

/// Removes reports that somebody has seen.
async fn forget(reports: Vec<Report>) {
    let remove = move || reports.iter().try_for_each(Report::remove);
    if let Err(failure) = task::blocking("remove reports", remove).await {
        tracing::warn!(reason = failure.message, "a report will be shown again");
    }
}

/// The two ends of the application for a window.
fn ends(
    desk: &desk::Desk,
    tasks: &task::Group,
    journal: &Journal,
    system: watch::Receiver<System>,
) -> Desk {
    let (handle, profile) = (desk.handle(), desk.profile());
    let log = profile.places.log();
    let folder = log.parent().unwrap_or(&log).to_owned();
    let asked = Arc::new(Notify::new());
    let (found, listening) = watch::channel(Found::Ports(Arc::default()));
    tasks.spawn("look for listeners", look(asked.clone(), found));
    Desk {
        commands: Rc::new(handle.commands()),
        views: handle.views(),
        rows: handle.rows(),
        details: handle.details(),
        listening,
        look: Rc::new(move || asked.notify_one()),
        log: LogDesk::new(journal, folder),
        status: StatusDesk::new(profile.clone()),
        system,
        clock: Rc::new(Moment::now),
    }
}

/// Looks what listens whenever somebody asks. Who asks during a look is answered by the next.
async fn look(asked: Arc<Notify>, told: watch::Sender<Found>) {
    let local = Local::default();
    loop {
        asked.notified().await;
        let found = local.find().await;
        told.send_if_modified(|shown| {
            let is_new = *shown != found;
            if is_new {
                *shown = found;
            }
            is_new
        });
    }
}

/// Keeps what is logged at what the settings say.
async fn follow_level(mut views: watch::Receiver<Arc<adit_app::view::View>>, journal: Journal) {
    loop {
        let level = views.borrow_and_update().preferences.general.log_level;
        if journal.level() != level {
            journal.set_level(level);
        }
        if views.changed().await.is_err() {
            return;
        }
    }
}

/// The application's life beside the window, from now to its end.
async fn live(mut desk: desk::Desk, outer: Outer) {
    let mut signals = Signals::listen();
    loop {
        tokio::select! {
            happens = desk.next() => match happens {
                Happens::Raised => outer.raise(),
                Happens::Notice(notice) => outer.notice(notice).await,
                Happens::Ended => break,
            },
            () = signals.next() => desk.handle().commands().send(Command::Quit).await,
        }
    }
    desk.quit().await;
    let _ = slint::quit_event_loop();
}

/// What asks a program to end: Ctrl-C, and on Unix SIGTERM and SIGHUP.
struct Signals {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let listen = |kind| {
            signal(kind).inspect_err(|error| tracing::warn!(%error, "a signal is not heard")).ok()
        };
        Self { signals: kinds.into_iter().filter_map(listen).collect() }
    }

    #[cfg(not(unix))]
    fn listen() -> Self {
        Self {}
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let heard = self.signals.iter_mut().any(|it| it.poll_recv(context).is_ready());
            if heard { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
