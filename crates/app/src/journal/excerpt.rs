//! What somebody sees of the log: the lines that their search leaves, kept up to date beside whoever draws them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adit_wire::{clock, task};
use tokio::sync::watch;

use super::{Journal, Line, Search};

/// Excerpts are told at most this often while lines come: faster than that nobody reads.
const TELL: Duration = Duration::from_millis(200);

/// Lines that are looked at before others have their turn.
const STEP: usize = 500;

/// The lines that a search leaves, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The search.
    pub search: Search,
    /// The lines.
    pub lines: Vec<Arc<Line>>,
}

/// Gathers the lines of a search. Each line is looked at once.
#[derive(Debug, Default)]
pub struct Gatherer {
    search: Search,
    found: VecDeque<Arc<Line>>,
    seen: u64,
}

/// Reads the log for somebody while they look, in a task of its own. Dropping it ends that.
#[derive(Debug)]
pub struct Reader {
    // Ends with this.
    _task: task::Task<()>,
    searches: watch::Sender<Option<Search>>,
    excerpts: watch::Receiver<Arc<Excerpt>>,
}

impl Gatherer {
    /// For a search; nothing is found yet.
    pub fn new(search: Search) -> Self {
        Self { search, ..Self::default() }
    }

    /// The number of the last line that was looked at.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Looks at lines that follow those before. `oldest` is the number of the oldest line that is kept: what is
    /// older is let go of.
    pub fn take(&mut self, lines: &[Arc<Line>], oldest: u64) {
        self.found.extend(lines.iter().filter(|line| self.search.wants(line)).cloned());
        self.seen = lines.last().map_or(self.seen, |line| line.number);
        while self.found.front().is_some_and(|line| line.number < oldest) {
            self.found.pop_front();
        }
    }

    /// What was found.
    pub fn excerpt(&self) -> Excerpt {
        Excerpt { search: self.search.clone(), lines: self.found.iter().cloned().collect() }
    }
}

impl Journal {
    /// Reads the log for somebody. Nothing is done before they [search](Reader::search).
    pub fn read(&self) -> Reader {
        let (searches, asked) = watch::channel(None);
        let (tell, excerpts) = watch::channel(Arc::default());
        let task = task::spawn("log reader", gather(self.clone(), asked, tell));
        Reader { _task: task, searches, excerpts }
    }
}

impl Reader {
    /// Looks for other lines, or for none as long as nobody looks. Never blocks.
    pub fn search(&self, search: Option<Search>) {
        self.searches.send_if_modified(|asked| {
            let is_new = *asked != search;
            *asked = search;
            is_new
        });
    }

    /// The lines, always the newest.
    pub fn excerpts(&self) -> watch::Receiver<Arc<Excerpt>> {
        self.excerpts.clone()
    }
}

async fn gather(
    journal: Journal,
    mut asked: watch::Receiver<Option<Search>>,
    tell: watch::Sender<Arc<Excerpt>>,
) {
    let mut newest = journal.newest();
    let mut gatherer = None::<Gatherer>;
    loop {
        let search = asked.borrow_and_update().clone();
        let Some(search) = search else {
            gatherer = None;
            if asked.changed().await.is_err() {
                return;
            }
            continue;
        };
        newest.borrow_and_update();
        let mut current = match gatherer.take() {
            Some(gatherer) if gatherer.search == search => gatherer,
            _ => Gatherer::new(search),
        };
        for lines in journal.since(current.seen()).chunks(STEP) {
            current.take(lines, journal.oldest());
            tokio::task::yield_now().await;
        }
        tell.send_replace(Arc::new(current.excerpt()));
        gatherer = Some(current);
        let more = async {
            clock::sleep(TELL).await;
            newest.changed().await
        };
        let is_open = tokio::select! {
            changed = asked.changed() => changed.is_ok(),
            changed = more => changed.is_ok(),
        };
        if !is_open {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::tests::kept;
    use super::*;
    use crate::preferences::LogLevel;

    fn search(words: &str) -> Search {
        Search { level: LogLevel::Info, words: words.to_owned(), ..Search::default() }
    }

    fn texts(excerpt: &Excerpt) -> Vec<&str> {
        excerpt.lines.iter().map(|line| &*line.text).collect()
    }

    #[test]
    fn lines_are_gathered_as_they_come_and_let_go_with_the_log() {
        let lines = kept(LogLevel::Info, |_| {
            ["one ant", "two bee", "three ant", "four ant"]
                .iter()
                .for_each(|it| tracing::info!("{it}"));
        });
        let mut gatherer = Gatherer::new(search("ant"));
        gatherer.take(&lines[..2], 1);
        assert_eq!((texts(&gatherer.excerpt()), gatherer.seen()), (vec!["one ant"], 2));
        gatherer.take(&lines[2..], 2);
        assert_eq!(texts(&gatherer.excerpt()), ["three ant", "four ant"]);
        gatherer.take(&[], 4);
        assert_eq!((texts(&gatherer.excerpt()), gatherer.seen()), (vec!["four ant"], 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_tells_what_its_search_leaves_and_what_comes() {
        let journal = Journal::new(LogLevel::Info);
        let say = |text: &str| {
            let subscriber = tracing_subscriber::registry().with(journal.layer());
            tracing::subscriber::with_default(subscriber, || tracing::info!("{text}"));
        };
        say("one ant");
        let reader = journal.read();
        let mut excerpts = reader.excerpts();
        reader.search(Some(search("ant")));
        excerpts.changed().await.unwrap();
        assert_eq!(texts(&excerpts.borrow_and_update().clone()), ["one ant"]);
        say("two bee");
        say("three ant");
        excerpts.changed().await.unwrap();
        assert_eq!(texts(&excerpts.borrow_and_update().clone()), ["one ant", "three ant"]);
        reader.search(Some(search("bee")));
        excerpts.changed().await.unwrap();
        assert_eq!(texts(&excerpts.borrow_and_update().clone()), ["two bee"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_while_nobody_looks() {
        let journal = Journal::new(LogLevel::Info);
        let reader = journal.read();
        reader.search(Some(search("")));
        let mut excerpts = reader.excerpts();
        excerpts.changed().await.unwrap();
        reader.search(None);
        // The reader has gone to sleep before the line comes.
        clock::sleep(TELL * 2).await;
        excerpts.borrow_and_update();
        let subscriber = tracing_subscriber::registry().with(journal.layer());
        tracing::subscriber::with_default(subscriber, || tracing::info!("unseen"));
        clock::sleep(TELL * 2).await;
        assert!(!excerpts.has_changed().unwrap());
        reader.search(Some(search("")));
        excerpts.changed().await.unwrap();
        assert_eq!(texts(&excerpts.borrow_and_update().clone()), ["unseen"]);
    }
}
