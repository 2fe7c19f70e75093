//! The layer of `tracing` that fills a journal.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{self, Context};
use tracing_subscriber::registry::LookupSpan;

use super::redact::is_secret_name;
use super::{Journal, Line, redact};
use crate::preferences::LogLevel;

/// The longest line, in bytes; the rest of one is cut off.
const MAX_TEXT: usize = 4 * 1024;

/// What our own parts are called.
const OWN: &str = "adit";

/// Keeps what passes the filter.
pub(super) struct Keeper {
    journal: Journal,
}

/// Lets through what the journal's level says: of libraries, warnings and worse only, unless details are wanted.
pub(super) struct Filter {
    journal: Journal,
}

/// The tunnel that a span is about.
struct OfTunnel(Box<str>);

impl Keeper {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

impl Filter {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = self.journal.level();
        let is_own = metadata.target().starts_with(OWN);
        let limit = match wanted {
            LogLevel::Error => Level::ERROR,
            // It warns of screens that say strange things of themselves, which nobody can mend.
            LogLevel::Warning | LogLevel::Info if metadata.target().starts_with("winit") => {
                Level::ERROR
            }
            LogLevel::Warning => Level::WARN,
            LogLevel::Info if !is_own => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug if !is_own => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
        };
        // Spans cost nothing by themselves, and say what their events are about.
        metadata.is_span() && is_own || *metadata.level() <= limit
    }
}

impl<S> layer::Filter<S> for Filter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Asked again whenever the level changes.
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.journal.level() {
            LogLevel::Error | LogLevel::Warning | LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        })
    }
}

impl<S> Layer<S> for Keeper
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        if let (Some(tunnel), Some(span)) = (said.tunnel, context.span(id)) {
            span.extensions_mut().insert(OfTunnel(tunnel));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let of_span = || {
            let mut scope = context.event_scope(event)?;
            scope.find_map(|span| span.extensions().get::<OfTunnel>().map(|it| it.0.clone()))
        };
        let tunnel = said.tunnel.take().or_else(of_span);
        let text = said.text();
        let metadata = event.metadata();
        self.journal.push(|number| Line {
            number,
            at: super::now(),
            level: level(*metadata.level()),
            target: metadata.target(),
            tunnel,
            text,
        });
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// What an event or span says.
#[derive(Default)]
struct Said {
    message: String,
    fields: String,
    tunnel: Option<Box<str>>,
}

impl Said {
    /// One line of all, redacted and cut.
    fn text(self) -> Box<str> {
        let all = format!("{}{}", self.message, self.fields);
        let line = all.trim_start().replace(char::is_control, " ");
        let mut end = line.len().min(MAX_TEXT);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        redact(&line[..end]).into()
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "tunnel" | "tunnel_id" => {
                self.tunnel = Some(format!("{value:?}").trim_matches('"').into());
                Ok(())
            }
            name if is_secret_name(name) => write!(self.fields, " {name}=•••"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    /// Texts stand without quotes.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
