//! `adit ping`: how long the way to a relay, or to a URL, and back takes.

use std::time::Duration;

use adit_app::failure::{Code, Failure, Outcome, chain};
use adit_app::place::Place;
use adit_app::service::connector;
use adit_tunnel::management::{Management, Rest};
use adit_wire::{clock, http as wire_http};
use bytes::Bytes;
use http::{Request, Uri};
use serde::Serialize;

use super::target::relay;
use crate::context::Context;
use crate::screen::{harmless, print_line};
use crate::signal::Requests;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first answer takes longer than the others: the connection is made for it.

Examples:
  adit ping                                       the relay where tunnels live now
  adit ping https://shop-3000.relay.example.com   through a tunnel; `adit echo` can be its server")]
pub(crate) struct Args {
    /// A URL, http or https; without it, the relay's management API.
    #[arg(value_name = "URL", value_parser = url)]
    url: Option<Uri>,

    /// How many times.
    #[arg(short, long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// How long to wait before the next, in milliseconds.
    #[arg(short, long, value_name = "MS", default_value_t = 1000)]
    interval: u64,

    /// The relay.
    #[arg(long, value_name = "RELAY", conflicts_with = "url")]
    on: Option<Place>,
}

/// The end of patience with one answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The most of an answer that is read.
const MAX_BODY: usize = 1024 * 1024;

/// What is measured.
enum Aim {
    Relay(Box<Rest>),
    Url(wire_http::Client, Uri),
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    target: String,
    sent: u32,
    received: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<f64>,
    /// In the order of the answers.
    times_ms: Vec<f64>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let mut requests = Requests::listen()?;
    let (aim, target) = match args.url {
        Some(url) => (Aim::Url(wire_http::Client::new(connector()), url.clone()), url.to_string()),
        None => {
            let relay = relay(context, args.on)?;
            let rest = context.profile.service_for_anybody(&relay)?;
            (Aim::Relay(Box::new(rest)), relay.to_string())
        }
    };
    let mut measured = Measured { target, ..Measured::default() };
    let mut last = String::new();
    tokio::select! {
        outcome = measure(&aim, args.count, args.interval, &mut measured, &mut last, context) => outcome?,
        () = requests.next() => {}
    }
    measured.conclude();
    tell(&measured, context)?;
    match measured.received {
        0 if measured.sent > 0 => Err(Failure::new(
            Code::Unreachable,
            format!("{} does not answer: {last}", measured.target),
        )
        .hint("check the address, and the network or proxy between")),
        _ => Ok(()),
    }
}

async fn measure(
    aim: &Aim,
    count: u32,
    interval: u64,
    measured: &mut Measured,
    last: &mut String,
    context: &Context,
) -> Outcome {
    for number in 1..=count {
        if number > 1 {
            clock::sleep(Duration::from_millis(interval)).await;
        }
        measured.sent += 1;
        let begin = clock::now();
        let answer = aim.ask().await;
        let took = clock::now().saturating_duration_since(begin);
        let line = match answer {
            Ok(what) => {
                let ms = took.as_secs_f64() * 1000.0;
                measured.received += 1;
                measured.times_ms.push(ms);
                format!("{number}: {ms:.1} ms{what}")
            }
            Err(cause) => {
                *last = harmless(&cause);
                format!("{number}: no answer: {last}")
            }
        };
        if !context.json {
            context.screen.line(line)?;
        }
    }
    Ok(())
}

fn tell(measured: &Measured, context: &Context) -> Outcome {
    if context.json {
        return print_line(&serde_json::to_string(measured).expect("numbers and texts are JSON"));
    }
    let Measured { target, sent, received, min_ms, avg_ms, max_ms, .. } = measured;
    let times = match (min_ms, avg_ms, max_ms) {
        (Some(min), Some(avg), Some(max)) => {
            format!("; {min:.1} ms at least, {avg:.1} ms on average, {max:.1} ms at most")
        }
        _ => String::new(),
    };
    context.screen.line(format!("{target}: {received} of {sent} answered{times}"))
}

impl Measured {
    /// Works out what all times together say.
    fn conclude(&mut self) {
        if self.times_ms.is_empty() {
            return;
        }
        let times = || self.times_ms.iter().copied();
        self.min_ms = times().reduce(f64::min);
        self.max_ms = times().reduce(f64::max);
        self.avg_ms = Some(times().sum::<f64>() / f64::from(self.received));
    }
}

impl Aim {
    /// Asks once. Any answer is one; of a URL its status is told.
    async fn ask(&self) -> Result<String, String> {
        match self {
            Self::Relay(rest) => {
                rest.clusters().await.map(|_| String::new()).map_err(|error| chain(&error))
            }
            Self::Url(client, url) => {
                let mut request = Request::new(Bytes::new());
                *request.uri_mut() = url.clone();
                let answer = client.send(request, MAX_BODY, clock::now() + DEADLINE).await;
                let answer = answer.map_err(|error| chain(&error))?;
                Ok(format!("   status {}", answer.status().as_u16()))
            }
        }
    }
}

fn url(text: &str) -> Result<Uri, &'static str> {
    const EXPECTED: &str = "an http or https URL is expected, such as https://shop-3000.x.example";
    let url: Uri = text.parse().map_err(|_| EXPECTED)?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(_)) => Ok(url),
        _ => Err(EXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_times_together_say_how_far_it_is() {
        let mut measured =
            Measured { received: 2, times_ms: vec![3.0, 1.0], ..Measured::default() };
        measured.conclude();
        assert_eq!(
            (measured.min_ms, measured.avg_ms, measured.max_ms),
            (Some(1.0), Some(2.0), Some(3.0))
        );
        let mut none = Measured::default();
        none.conclude();
        assert_eq!(none.avg_ms, None);
    }

    #[test]
    fn only_what_speaks_http_can_be_measured() {
        assert!(url("https://x.example/").is_ok() && url("http://127.0.0.1:1").is_ok());
        for text in ["x.example", "tcp://x:1", "udp://x", "/path", ""] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
