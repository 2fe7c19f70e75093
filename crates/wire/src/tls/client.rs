//! The client's side: whom to trust, and why somebody is not trusted.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::sync::OnceCell;
use tokio_rustls::{TlsConnector, TlsStream};

use super::{FileError, HTTP_1_1, provider, server};
use crate::net::Stream;
use crate::task;

/// Makes connections secure. Cheap to clone.
///
/// The system's certificates are read when the first connection needs them, once.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    trust: Trust,
    config: OnceCell<Arc<ClientConfig>>,
}

enum Trust {
    /// Those whom the system trusts, and these.
    SystemAnd(Vec<CertificateDer<'static>>),
    Anybody,
}

impl Client {
    /// Trusts whom the system trusts (or `SSL_CERT_FILE` and `SSL_CERT_DIR`, if set).
    pub fn system() -> Self {
        Self::new(Trust::SystemAnd(Vec::new()))
    }

    /// Trusts the authorities in a PEM file as well.
    ///
    /// # Errors
    ///
    /// [`FileError`] when the file cannot be read or holds no certificate.
    pub fn with_authorities(file: &Path) -> Result<Self, FileError> {
        server::certificates(file).map(|extra| Self::new(Trust::SystemAnd(extra)))
    }

    /// Trusts anybody. For servers on this computer only, which have no certificate that somebody
    /// could check.
    pub fn danger_unverified() -> Self {
        Self::new(Trust::Anybody)
    }

    fn new(trust: Trust) -> Self {
        Self { shared: Arc::new(Shared { trust, config: OnceCell::new() }) }
    }

    /// Agrees on TLS with `host`, a name or address, over a connection that stands.
    ///
    /// # Errors
    ///
    /// [`Error`]; the connection is then gone.
    pub async fn connect(&self, stream: Stream, host: &str) -> Result<Stream, Error> {
        let config = self.config().await?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name)?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        Ok(Stream::Tls(Box::new(TlsStream::Client(connected?))))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let Shared { trust, config } = &*self.shared;
        config.get_or_try_init(|| trust.config()).await.cloned()
    }
}

impl Trust {
    async fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of these versions");
        let builder = match self {
            Self::SystemAnd(extra) => builder.with_root_certificates(roots(extra).await?),
            Self::Anybody => {
                let anybody = Arc::new(Unverified(provider));
                builder.dangerous().with_custom_certificate_verifier(anybody)
            }
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Arc::new(config))
    }
}

async fn roots(extra: &[CertificateDer<'static>]) -> Result<RootCertStore, Error> {
    // Some systems take tens of milliseconds for this.
    let system = task::blocking("load-roots", rustls_native_certs::load_native_certs).await;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(extra.iter().cloned().chain(system.certs));
    if roots.is_empty() {
        tracing::warn!(errors = ?system.errors, "the system trusts no authority");
        return Err(Error::NoAuthorities);
    }
    Ok(roots)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.shared.trust {
            Trust::SystemAnd(_) => "Client",
            Trust::Anybody => "Client(unverified)",
        })
    }
}

/// Why TLS was not agreed. Retrying helps only with [`Error::Io`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate is not to be trusted.
    #[error("{0}")]
    Certificate(Distrust),
    /// What came is no TLS.
    #[error("it does not speak TLS there; is it a plain http: address?")]
    NotTls(#[source] rustls::Error),
    /// The two could not agree, or one broke the rules.
    #[error("TLS was not agreed: {0}")]
    Protocol(rustls::Error),
    /// The host is no name that a certificate could have.
    #[error("no certificate can be for such a host name")]
    Name,
    /// Neither the system nor a file names any authority to trust.
    #[error("this system trusts no certificate authority: install its ca-certificates package")]
    NoAuthorities,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(io::Error),
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Distrust {
    /// It has run out.
    #[error("its certificate has expired: renew it there, or check this computer's date")]
    Expired,
    /// It is not valid yet.
    #[error("its certificate is not valid yet: check this computer's date")]
    NotYetValid,
    /// It is for another name.
    #[error("its certificate is for another name: check the address")]
    WrongName,
    /// Nobody trusted vouches for it.
    #[error("its certificate is from an authority that this computer does not trust")]
    UnknownIssuer,
    /// It was withdrawn.
    #[error("its certificate was revoked")]
    Revoked,
    /// Anything else.
    #[error("its certificate is not acceptable ({0})")]
    Other(CertificateError),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls.cloned() {
            Some(rustls::Error::InvalidCertificate(problem)) => Self::Certificate(problem.into()),
            Some(tls @ rustls::Error::InvalidMessage(_)) => Self::NotTls(tls),
            Some(tls) => Self::Protocol(tls),
            None => Self::Io(error),
        }
    }
}

impl From<CertificateError> for Distrust {
    fn from(problem: CertificateError) -> Self {
        use CertificateError as Problem;
        match problem {
            Problem::Expired | Problem::ExpiredContext { .. } => Self::Expired,
            Problem::NotValidYet | Problem::NotValidYetContext { .. } => Self::NotYetValid,
            Problem::NotValidForName | Problem::NotValidForNameContext { .. } => Self::WrongName,
            // The latter is what an authority of the same name with another key looks like.
            Problem::UnknownIssuer | Problem::BadSignature => Self::UnknownIssuer,
            Problem::Revoked => Self::Revoked,
            other => Self::Other(other),
        }
    }
}

/// Takes any certificate, but checks that the peer holds its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
