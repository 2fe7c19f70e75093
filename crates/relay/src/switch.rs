//! Splices the channel of a client to the channel of a host, credit for credit.
//!
//! Each direction moves on its own: bytes are taken when the far side has room for them, and only
//! then does the near side get its credit back, so that what waits here is bounded by one window.

use adit_wire::channel::{Channel, Ending, Reader, Writer};

/// Copies both ways until both directions have ended, or either side closed or was lost.
///
/// What one side sent before it closed still reaches the other: a channel closes only after what
/// it was given.
pub(crate) async fn splice(a: Channel, b: Channel) {
    let (mut a_reader, mut a_writer) = a.split();
    let (mut b_reader, mut b_writer) = b.split();
    let forth = copy(&mut a_reader, &mut b_writer);
    let back = copy(&mut b_reader, &mut a_writer);
    tokio::pin!(forth, back);
    let (mut forth_ended, mut back_ended) = (false, false);
    while !(forth_ended && back_ended) {
        let ending = tokio::select! {
            ending = &mut forth, if !forth_ended => { forth_ended = true; ending }
            ending = &mut back, if !back_ended => { back_ended = true; ending }
        };
        if ending != Ending::Eof {
            return;
        }
    }
}

/// Copies one direction to its own end and passes EOF on.
async fn copy(reader: &mut Reader, writer: &mut Writer) -> Ending {
    while let Some(data) = reader.recv().await {
        let n = data.len();
        if writer.send(data).await.is_err() {
            return Ending::Closed;
        }
        reader.consumed(n);
    }
    let ending = reader.ending().unwrap_or(Ending::Lost);
    if ending == Ending::Eof && writer.eof().await.is_err() {
        return Ending::Closed;
    }
    ending
}
