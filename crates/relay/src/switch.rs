//! Splices the channel of a client to the channel of a host, credit for credit.
//!
//! Each direction moves on its own: bytes are taken when the far side has room for them, and only
//! then does the near side get its credit back, so that what waits here is bounded by one window.

use adit_wire::channel::{Channel, Ending, Reader, Writer};

/// Copies both ways until both directions have ended, or either side closed or was lost.
///
/// What one side sent before it closed still reaches the other: a direction ends with its reader,
/// and a channel closes only after what it was given.
pub(crate) async fn splice(a: Channel, b: Channel) {
    let (mut a_reader, mut a_writer) = a.split();
    let (mut b_reader, mut b_writer) = b.split();
    let forth = copy(&mut a_reader, &mut b_writer);
    let back = copy(&mut b_reader, &mut a_writer);
    tokio::pin!(forth, back);
    let (mut forth_ended, mut back_ended) = (false, false);
    while !(forth_ended && back_ended) {
        let end = tokio::select! {
            end = &mut forth, if !forth_ended => { forth_ended = true; end }
            end = &mut back, if !back_ended => { back_ended = true; end }
        };
        if end == End::Gone {
            return;
        }
    }
}

/// How one direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its reader has nothing more to say; the other direction may.
    Eof,
    /// Its writer takes nothing more; what the far side sent before that is still to be had.
    Unwanted,
    /// Its reader has closed or was lost, and all it sent was passed on: nothing is left to do.
    Gone,
}

/// Copies one direction to its own end and passes EOF on.
async fn copy(reader: &mut Reader, writer: &mut Writer) -> End {
    while let Some(data) = reader.recv().await {
        let n = data.len();
        if writer.send(data).await.is_err() {
            return End::Unwanted;
        }
        reader.consumed(n);
    }
    match reader.ending() {
        Some(Ending::Eof) if writer.eof().await.is_ok() => End::Eof,
        Some(Ending::Eof) => End::Unwanted,
        Some(Ending::Closed | Ending::Lost) | None => End::Gone,
    }
}
