//! Tries a local port: whether something accepts, and whether it speaks what the port is set to.
//!
//! The second is asked in the language that is expected, so that a server that is as it should be sees an
//! ordinary request, or an ordinary TLS connection that ends.

use std::time::Duration;

use adit_proto::health::{Leg, PLAIN_LOOK, Refusal, Speaks};
use adit_wire::net::{ConnectError, Stream, connect_local};
use adit_wire::{clock, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a local server may take to accept, and to say a word. One that says nothing is taken as it is.
const CONNECT: Duration = Duration::from_secs(2);
const WORD: Duration = Duration::from_secs(3);

/// Connects to a local port; with `speaks`, finds out, too, whether its server speaks that.
pub(crate) async fn try_local(port: u16, speaks: Option<Speaks>) -> Leg {
    let stream = match connect_local(port, clock::now() + CONNECT).await {
        Ok(stream) => stream,
        Err(error) => return Leg::Refused(refusal(port, &error)),
    };
    let other = match speaks {
        None | Some(Speaks::Auto) => false,
        Some(Speaks::Https) => {
            let agreed = agree(stream).await;
            matches!(agreed, Some(Err(tls::Error::NotTls(_))))
        }
        Some(Speaks::Http) if answers_http(stream, port).await => false,
        Some(Speaks::Http) => match connect_local(port, clock::now() + CONNECT).await {
            Ok(stream) => matches!(agree(stream).await, Some(Ok(_))),
            Err(_) => false,
        },
    };
    if other { Leg::OtherScheme } else { Leg::Up }
}

/// What is told of a local port that does not accept.
pub(crate) fn refusal(port: u16, error: &ConnectError) -> Refusal {
    match error {
        ConnectError::Refused { .. } => Refusal::Nobody { port },
        error => Refusal::Other { port, cause: error.to_string() },
    }
}

/// Agrees on TLS, with anybody; nothing if no answer came in time.
async fn agree(stream: Stream) -> Option<Result<Stream, tls::Error>> {
    let client = tls::Client::danger_unverified();
    let mut agreed =
        clock::until(clock::now() + WORD, client.connect(stream, "localhost")).await.ok();
    if let Some(Ok(stream)) = &mut agreed {
        // A proper end spares the server a line in its log.
        let _ = clock::until(clock::now() + WORD, stream.shutdown()).await;
    }
    agreed
}

/// Whether a server answers plain HTTP as one that speaks it: a TLS server may say 400, and nothing else.
async fn answers_http(mut stream: Stream, port: u16) -> bool {
    let request = format!(
        "HEAD {PLAIN_LOOK} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: adit\r\nConnection: close\r\n\r\n"
    );
    let mut line = [0; "HTTP/1.1 200".len()];
    let exchange = async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        stream.read_exact(&mut line).await
    };
    let answered = matches!(clock::until(clock::now() + WORD, exchange).await, Ok(Ok(_)));
    answered && line.starts_with(b"HTTP/1.") && &line[9..] != b"400"
}
