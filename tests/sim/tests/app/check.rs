//! What must hold in every world of the application.

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// A tunnel has one engine at a time, and only engines that are there are told something.
    OneHost,
    /// Nothing is hosted that nobody asked for, or that was stopped since.
    OnlyAsked,
    /// What is removed can be undone for its time, is not removed after that was done, nor under its engine.
    DeletesInTime,
    /// The file says what is to be hosted again, at each moment.
    Kept,
    /// A tunnel is forgotten when two answers in a row do not know it, and said to be.
    TwoAnswers,
    /// What is shown is what was told.
    Agrees,
    /// Soon after everything is mended what is wanted is hosted, and nothing else.
    Converges,
    /// After a restart what was wanted is hosted again, and nothing else.
    Restores,
    /// Nobody is told what they do not want to hear.
    Discreet,
    /// What is due is done when it is due, and nothing turns in circles.
    Timers,
    /// What is held is bounded.
    Bounded,
    /// The same state and input do the same and look the same.
    Pure,
    /// Nothing panics.
    Survives,
    /// An end comes in time, once, and nothing begins behind it.
    Ends,
}

/// What a world did: that it does something at all is checked over many.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// What the application took in.
    pub(crate) inputs: u64,
    /// Engines that were started.
    pub(crate) engines: u64,
    /// Times that the application started.
    pub(crate) starts: u64,
    /// Those of them after a crash.
    pub(crate) crashes: u64,
    /// Removals that were sent.
    pub(crate) removals: u64,
    /// Removals that were undone.
    pub(crate) undone: u64,
    /// Notices.
    pub(crate) notices: u64,
    /// Tunnels that were forgotten.
    pub(crate) forgotten: u64,
    /// Answers that came when nobody waited for them any more.
    pub(crate) late: u64,
    /// Tunnels that were hosted again at the last start.
    pub(crate) restored: u64,
    /// Tunnels that another computer has at the end.
    pub(crate) elsewhere: u64,
    /// The most that was held.
    pub(crate) most: usize,
}

impl Summary {
    /// Adds what another world did.
    pub(crate) fn add(&mut self, one: &Summary) {
        self.inputs += one.inputs;
        self.engines += one.engines;
        self.starts += one.starts;
        self.crashes += one.crashes;
        self.removals += one.removals;
        self.undone += one.undone;
        self.notices += one.notices;
        self.forgotten += one.forgotten;
        self.late += one.late;
        self.restored += one.restored;
        self.elsewhere += one.elsewhere;
        self.most = self.most.max(one.most);
    }
}
