//! The observer of forwarded HTTP: it looks at any two streams and gives up rather than fail. What is kept besides
//! changes nothing of what it sees, and stays within its bounds.

use adit_tunnel::inspect::{
    Exchange, Inspector, Keep, MAX_BODY, Message, Observation, Observed, Observer,
};

use crate::{byte, start, take};

/// Request and response bytes in any order and any pieces.
pub fn heads(mut data: &[u8]) {
    let now = start();
    let mut observer = Observer::new();
    let keep = Keep::heads();
    keep.bodies(80, true);
    let (inspector, mut kept) = Inspector::keeping(keep);
    let mut tap = inspector.tap(80, false);
    let mut same = |observer: &mut Observer| {
        while let Some(seen) = observer.poll() {
            let Ok(Observed { observation, .. }) = kept.try_recv() else {
                panic!("it saw less where it kept more")
            };
            assert_eq!(bare(observation), seen);
        }
        assert!(kept.try_recv().is_err());
    };
    while let Some(step) = byte(&mut data) {
        let piece = take(&mut data, usize::from(step & 0x3f) * 4);
        match step >> 6 {
            0 | 1 => {
                observer.request(piece, now);
                tap.request(piece, now);
            }
            2 => {
                observer.response(piece, now);
                tap.response(piece, now);
            }
            _ => {
                observer.response_end(now);
                tap.response_end(now);
            }
        }
        same(&mut observer);
    }
    observer.close(now);
    tap.close(now);
    same(&mut observer);
}

/// What was seen, without what was kept of it.
fn bare(observation: Observation) -> Observation {
    match observation {
        Observation::Exchange(exchange) => {
            let messages =
                [(&exchange.request, exchange.sent), (&exchange.response, exchange.received)];
            for (message, size) in messages {
                if let Some(message) = message {
                    within_bounds(message, size);
                }
            }
            Observation::Exchange(Exchange { request: None, response: None, ..exchange })
        }
        other => other,
    }
}

fn within_bounds(message: &Message, size: u64) {
    let headers: usize = message.headers.iter().map(|it| it.name.len() + it.value.len()).sum();
    // Hiding and replacing may make a short value longer.
    assert!(headers <= 4 * 8 * 1024);
    if let Some(body) = &message.body {
        let kept = body.bytes().len() as u64;
        assert!(kept <= size && kept <= MAX_BODY as u64);
        assert!(body.is_cut() || kept == size, "it is said to be whole");
    }
}
