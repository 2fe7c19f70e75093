//! Reading the head of an HTTP/1.1 response off a connection that then becomes something else.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head that is read. Servers refuse requests of this size, so none has cause to
/// answer with more.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;

/// A response up to its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What was read beyond the head.
    pub(crate) rest: Bytes,
}

/// Why there is no head.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the connection ended before a whole answer came")]
    Ended,
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    #[error("the head of the answer is too long")]
    TooLong,
}

/// Reads one final response head, passing over interim ones (1xx except 101).
pub(crate) async fn read(io: &mut (impl AsyncRead + Unpin)) -> Result<Head, HeadError> {
    let mut buffer = BytesMut::with_capacity(2048);
    loop {
        while let Some((length, status, headers)) = parse(&buffer)? {
            buffer.advance(length);
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Head { status, headers, rest: buffer.freeze() });
            }
        }
        if buffer.len() >= MAX_HEAD {
            return Err(HeadError::TooLong);
        }
        if io.read_buf(&mut buffer).await? == 0 {
            return Err(HeadError::Ended);
        }
    }
}

/// The first whole head in `bytes` and its length.
fn parse(bytes: &[u8]) -> Result<Option<(usize, StatusCode, HeaderMap)>, HeadError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut fields);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
        Err(_) => return Err(HeadError::NotHttp),
    };
    let code = response.code.filter(|_| response.version == Some(1)).ok_or(HeadError::NotHttp)?;
    let status = StatusCode::from_u16(code).map_err(|_| HeadError::NotHttp)?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::NotHttp)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| HeadError::NotHttp)?;
        headers.append(name, value);
    }
    Ok(Some((length, status, headers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut bytes: &[u8]) -> Result<Head, HeadError> {
        read(&mut bytes).await
    }

    #[tokio::test]
    async fn interim_answers_are_passed_over_and_the_rest_is_kept() {
        let head =
            read_all(b"HTTP/1.1 103 Hi\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nrest")
                .await;
        let head = head.expect("a whole head");
        assert_eq!((head.status, &*head.rest), (StatusCode::OK, &b"rest"[..]));
        assert_eq!(head.headers.len(), 1);
    }

    #[tokio::test]
    async fn what_is_no_head_says_so() {
        assert!(matches!(read_all(b"SSH-2.0-x\r\n").await, Err(HeadError::NotHttp)));
        assert!(matches!(read_all(b"HTTP/1.1 200 OK\r\nA").await, Err(HeadError::Ended)));
        let endless = [&b"HTTP/1.1 200 OK\r\nA: "[..], &vec![b'a'; 2 * MAX_HEAD]].concat();
        assert!(matches!(read_all(&endless).await, Err(HeadError::TooLong)));
    }
}
