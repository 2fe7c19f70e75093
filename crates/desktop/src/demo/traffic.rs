//! The visitors of the pictures.

use std::time::Duration;

use adit_app::event::Event;
use adit_app::moment::Moment;
use adit_tunnel::host;
use adit_tunnel::inspect::{Exchange, Inspector, Keep, Observation, Observed, Passed};

use super::World;
use super::scene::drawn;

/// A visit, which is seen as any other is.
struct Visit {
    /// First line and headers of the request.
    asks: &'static str,
    /// Its body, where that is kept.
    body: &'static str,
    /// How long its body is, where that is not kept.
    sent: usize,
    /// Status and headers of the answer.
    answer: &'static str,
    /// How long its body is.
    received: usize,
    /// Its body, where that is kept.
    says: &'static str,
    /// In milliseconds.
    took: u64,
}

const VISITS: [Visit; 7] = [
    page("GET / HTTP/1.1\r\nAccept: text/html\r\n", 9),
    page("GET /cart HTTP/1.1\r\nAccept: text/html\r\n", 12),
    Visit {
        answer: "304 Not Modified\r\nETag: \"8f31\"\r\n",
        received: 0,
        ..page("GET /assets/app.8f31.js HTTP/1.1\r\nIf-None-Match: \"8f31\"\r\n", 3)
    },
    Visit {
        sent: 3_000,
        answer: "201 Created\r\nContent-Type: application/json\r\nLocation: /orders/7312\r\n",
        ..page("POST /api/checkout HTTP/1.1\r\nContent-Type: application/json\r\n", 84)
    },
    page("GET /cart?ref=mail HTTP/1.1\r\nAccept: text/html\r\n", 11),
    Visit {
        answer: "404 Not Found\r\nContent-Type: text/plain\r\n",
        ..page("GET /favicon.ico HTTP/1.1\r\nAccept: image/*\r\n", 2)
    },
    Visit {
        body: r#"{"event":"payment.succeeded","order":{"id":"o-7312","items":[{"sku":"mug","count":2}]},"total":38.50}"#,
        answer: "500 Internal Server Error\r\nContent-Type: text/plain\r\n",
        says: "order o-7312 is locked by another payment",
        ..page(
            "POST /hooks/payment HTTP/1.1\r\nHost: k3x9q2mw-5173.relay.example.com\r\n\
             Content-Type: application/json\r\nUser-Agent: payments/2.1\r\nAuthorization: Bearer 5257a8\r\n",
            230,
        )
    },
];

/// The last visits of each port, one of each kind.
const LAST: [usize; 7] = [0, 5, 6, 4, 3, 2, 1];

/// A visit that is answered with a page.
const fn page(asks: &'static str, took: u64) -> Visit {
    let answer = "200 OK\r\nContent-Type: text/html\r\n";
    Visit { asks, body: "", sent: 0, answer, received: 11_250, says: "", took }
}

/// A quarter of an hour of visitors until the moment of the picture: always the same.
pub(super) fn traffic(world: &mut World) {
    let begin = world.now();
    let end = begin.after(Duration::from_secs(12));
    let visits: Vec<_> = VISITS.iter().filter_map(|visit| exchange(visit, begin)).collect();
    for (name, port, base, steps) in [
        ("storefront", 5173, 60, 180),
        ("storefront", 8080, 190, 180),
        ("design-review", 6006, 8, 135),
        ("phone-demo", 8000, 2, 180),
    ] {
        let tunnel = drawn(name);
        let (mut noise, mut level) = (u32::from(port), f64::from(base));
        for step in 0..steps {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let push = f64::from(noise >> 16) / 65_536.0 - 0.5;
            level += (f64::from(base) - level) * 0.3 + push * f64::from(base) * 0.6;
            let ago = Duration::from_secs((180 - step) * 5);
            let wall = end.wall.checked_sub(ago).unwrap_or(end.wall);
            let count = level.max(0.0) as usize;
            let mut passed = Passed::default();
            for n in 0..count {
                // Fewer and fewer, so that those at the head of the list are some time apart.
                let later = Duration::from_secs_f64(4.0 * (n as f64 / count as f64).powi(3));
                let wall = wall.checked_add(later).unwrap_or(wall);
                world.set_now(Moment { at: begin.at, wall });
                let last = (step + 1 == steps).then(|| (n + LAST.len()).checked_sub(count));
                let index = last.flatten().map_or_else(|| index(noise, n), |at| LAST[at]);
                let Some(exchange) = visits.get(index) else { continue };
                passed.received += exchange.sent;
                passed.sent += exchange.received;
                let observation = Observation::Exchange(exchange.clone());
                world.engine(&tunnel, host::Event::Observed(Observed { port, observation }));
            }
            world.event(Event::Passed([(tunnel.clone(), [(port, passed)].into())].into()));
        }
    }
    world.set_now(begin);
}

/// Which visit it is; failures are rare.
fn index(noise: u32, n: usize) -> usize {
    let noise = noise.wrapping_add(n as u32);
    if noise.is_multiple_of(1_501) {
        6
    } else if noise.is_multiple_of(171) {
        5
    } else {
        (noise % 5) as usize
    }
}

/// What is seen of a visit.
fn exchange(visit: &Visit, now: Moment) -> Option<Exchange> {
    const PORT: u16 = 1;
    let keep = Keep::heads();
    keep.bodies(PORT, !visit.body.is_empty());
    let (inspector, mut seen) = Inspector::keeping(keep);
    let mut tap = inspector.tap(PORT, false);
    let written = |head: &str, body: &str, size: usize| {
        let body = if body.is_empty() { "x".repeat(size) } else { body.to_owned() };
        match body.len() {
            0 => format!("{head}\r\n"),
            length => format!("{head}Content-Length: {length}\r\n\r\n{body}"),
        }
    };
    let request = written(visit.asks, visit.body, visit.sent);
    tap.request(request.as_bytes(), now.at);
    let answer = format!("HTTP/1.1 {}", written(visit.answer, visit.says, visit.received));
    tap.response(answer.as_bytes(), now.at + Duration::from_millis(visit.took));
    match seen.try_recv().ok()?.observation {
        Observation::Exchange(exchange) => Some(exchange),
        Observation::NotInspected(_) => None,
    }
}
