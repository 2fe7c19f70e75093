//! Connecting out: look up, race the addresses, pass a proxy, agree on TLS.

use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use tokio::io::AsyncWriteExt;

use super::proxy::Proxy;
use super::target::{Host, is_localhost};
use super::{ConnectError, Proxies, ProxyProblem, Step, Stream, Target, head, race};
use crate::{clock, tls};

/// The head start of one address over the next (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// What a [`Dial`] answers with.
pub type Dialed<'a> = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send + 'a>>;

/// Makes the connections of a [`Connector`] in another way than by TCP: in memory, so that a
/// simulation can connect whole programs without a socket.
pub trait Dial: fmt::Debug + Send + Sync + 'static {
    /// Connects to `target`, without TLS. May take for ever; whoever waits has a deadline.
    fn dial<'a>(&'a self, target: &'a Target) -> Dialed<'a>;
}

/// Makes connections to other computers. Cheap to clone.
///
/// The default one is as this computer is set up: it trusts whom the system trusts and goes
/// through the proxies that the environment names.
#[derive(Clone, Debug)]
pub struct Connector {
    tls: tls::Client,
    proxies: Arc<Proxies>,
    dial: Option<Arc<dyn Dial>>,
}

impl Connector {
    /// A connector that trusts whom `tls` trusts and goes through `proxies`.
    pub fn new(tls: tls::Client, proxies: Proxies) -> Self {
        Self { tls, proxies: Arc::new(proxies), dial: None }
    }

    /// The proxies that it goes through.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Whether both go the same way: one is a clone of the other.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.proxies, &other.proxies)
    }

    /// The same connector, but what it connects to, proxies included, is reached by `dial`: no
    /// name is looked up, and no socket opened.
    pub fn dialing(self, dial: Arc<dyn Dial>) -> Self {
        Self { dial: Some(dial), ..self }
    }

    /// Connects to `target`, through the proxy that its kind of URL calls for, with TLS if it is
    /// encrypted. All of it ends by `deadline`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; nothing is retried.
    pub async fn connect(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Stream, ConnectError> {
        let stream = match self.proxies.on_the_way_to(target) {
            Some(proxy) => self.through(proxy, target, deadline).await?,
            None => self.dial(target, deadline).await?,
        };
        self.secure(stream, target, deadline).await
    }

    /// Has a proxy connect to `target`.
    async fn through(
        &self,
        proxy: Result<&Proxy, ProxyProblem>,
        target: &Target,
        deadline: Instant,
    ) -> Result<Stream, ConnectError> {
        let fails = |proxy: &Proxy, problem| ConnectError::Proxy {
            proxy: proxy.target().to_string(),
            problem,
        };
        let proxy = proxy.map_err(|problem| {
            let proxy = "in the environment".to_owned();
            ConnectError::Proxy { proxy, problem }
        })?;
        let unreachable = |error| fails(proxy, ProxyProblem::Unreachable(Box::new(error)));
        let stream = self.dial(proxy.target(), deadline).await.map_err(unreachable)?;
        let stream = self.secure(stream, proxy.target(), deadline).await.map_err(unreachable)?;
        match clock::until(deadline, ask(stream, proxy, target)).await {
            Ok(outcome) => outcome.map_err(|problem| fails(proxy, problem)),
            Err(clock::Late) => Err(late(target, Step::Proxy)),
        }
    }

    /// Connects directly, without TLS.
    async fn dial(&self, target: &Target, deadline: Instant) -> Result<Stream, ConnectError> {
        let Some(other) = &self.dial else { return dial(target, deadline).await };
        match clock::until(deadline, other.dial(target)).await {
            Ok(result) => result.map_err(|error| ConnectError::from_io(target, error)),
            Err(clock::Late) => Err(late(target, Step::Connect)),
        }
    }

    /// Agrees on TLS if `target` calls for it.
    async fn secure(
        &self,
        stream: Stream,
        target: &Target,
        deadline: Instant,
    ) -> Result<Stream, ConnectError> {
        if !target.is_encrypted() {
            return Ok(stream);
        }
        match clock::until(deadline, self.tls.connect(stream, &target.host())).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(problem)) => Err(ConnectError::Tls { target: target.clone(), problem }),
            Err(clock::Late) => Err(late(target, Step::Tls)),
        }
    }
}

impl Default for Connector {
    fn default() -> Self {
        Self::new(tls::Client::system(), Proxies::from_env())
    }
}

/// Asks a proxy to connect further.
async fn ask(mut stream: Stream, proxy: &Proxy, target: &Target) -> Result<Stream, ProxyProblem> {
    stream.write_all(&proxy.request(target)).await.map_err(ProxyProblem::Answer)?;
    stream.flush().await.map_err(ProxyProblem::Answer)?;
    let head = head::read(&mut stream).await?;
    if !head.status.is_success() {
        return Err(ProxyProblem::Status { status: head.status });
    }
    if !head.rest.is_empty() {
        // Nothing that we speak lets the other side begin, so these bytes are not the target's.
        let error = io::Error::new(io::ErrorKind::InvalidData, "it sent more than an answer");
        return Err(ProxyProblem::Answer(error));
    }
    Ok(stream)
}

/// Looks the host up and connects to the first of its addresses that answers.
async fn dial(target: &Target, deadline: Instant) -> Result<Stream, ConnectError> {
    let addresses = match clock::until(deadline, resolve(target)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(source)) => return Err(ConnectError::Dns { host: target.host(), source }),
        Err(clock::Late) => return Err(late(target, Step::Lookup)),
    };
    match clock::until(deadline, race::connect(addresses, STAGGER)).await {
        Ok(Ok(stream)) => Ok(stream.into()),
        Ok(Err(errors)) => Err(ConnectError::most_telling(target, errors)),
        Err(clock::Late) => Err(late(target, Step::Connect)),
    }
}

/// The addresses of a host, in the order in which to try them. Names that are this computer by
/// definition are not looked up: not every system's resolver knows `*.localhost`.
async fn resolve(target: &Target) -> io::Result<Vec<SocketAddr>> {
    let port = target.port();
    match target.parsed_host() {
        Host::Ip(ip) => Ok(vec![(*ip, port).into()]),
        Host::Name(name) if is_localhost(name) => {
            Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()])
        }
        Host::Name(name) => Ok(race::interleave(tokio::net::lookup_host((&**name, port)).await?)),
    }
}

fn late(target: &Target, step: Step) -> ConnectError {
    ConnectError::Timeout { target: target.clone(), step }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::net::Proxies;

    /// Connects to a pipe for port 80, refuses 81, and never answers otherwise.
    #[derive(Debug)]
    struct Pipes;

    impl Dial for Pipes {
        fn dial<'a>(&'a self, target: &'a Target) -> Dialed<'a> {
            Box::pin(async {
                match target.port() {
                    80 => {
                        let (near, mut far) = tokio::io::duplex(64);
                        far.write_all(b"hello").await?;
                        Ok(Stream::other(near))
                    }
                    81 => Err(io::ErrorKind::ConnectionRefused.into()),
                    _ => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connector_that_dials_otherwise_opens_no_socket() {
        let connector = Connector::new(tls::Client::danger_unverified(), Proxies::none());
        let connector = connector.dialing(Arc::new(Pipes));
        let connect = async |port| {
            let uri = format!("http://nowhere.invalid:{port}/").parse().expect("a URL");
            let target = Target::from_uri(&uri).expect("a target");
            connector.connect(&target, clock::now() + Duration::from_secs(5)).await
        };
        let mut heard = String::new();
        let mut stream = connect(80).await.expect("a pipe");
        stream.read_to_string(&mut heard).await.expect("to the end");
        assert_eq!(heard, "hello");
        assert!(matches!(connect(81).await, Err(ConnectError::Refused { .. })));
        let late = connect(82).await;
        assert!(matches!(late, Err(ConnectError::Timeout { step: Step::Connect, .. })));
    }
}
