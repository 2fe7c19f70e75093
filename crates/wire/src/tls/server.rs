//! The server's side: a certificate from two files, read again when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::{Error, HTTP_1_1, provider};
use crate::clock;
use crate::net::Stream;

/// The files are looked at no more often than this, and then only for a handshake.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Accepts TLS connections. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    acceptor: TlsAcceptor,
}

impl Server {
    /// A server with the certificate chain and the key of two PEM files. When a file changes, the
    /// next handshake uses what is new; as long as the files do not fit together the old
    /// certificate stays in use, and the log says so.
    ///
    /// # Errors
    ///
    /// [`FileError`] when the files are unusable now.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, FileError> {
        let files = Files { certificate: certificate.into(), key: key.into() };
        let stamp = files.stamp();
        let current = RwLock::new(Arc::new(files.load()?));
        let watch = Mutex::new(Watch { stamp, looked: clock::now(), complaint: None });
        let resolver = Arc::new(Reloading { files, current, watch });
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of these versions")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Self { acceptor: Arc::new(config).into() })
    }

    /// Agrees on TLS with a client. Give it a deadline: a client may say nothing.
    ///
    /// # Errors
    ///
    /// [`Error`]; the connection is then gone.
    pub async fn accept(&self, stream: Stream) -> Result<Stream, Error> {
        let accepted = self.acceptor.accept(stream).await?;
        Ok(Stream::Tls(Box::new(TlsStream::Server(accepted))))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

/// Why a file with certificates or a key is unusable.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        error: io::Error,
    },
    /// It is no PEM file, or lacks what it should hold.
    #[error("{} holds no {wanted} in PEM form", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// Certificate and key are unusable or not of one pair.
    #[error("the certificate in {} and the key in {} do not work together: {error}",
            certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// The certificates in a PEM file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let wanted = "certificate";
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| content(path, wanted, &error))?;
    match all.is_empty() {
        true => Err(FileError::Content { path: path.into(), wanted }),
        false => Ok(all),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| content(path, "private key", &error))
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|error| FileError::Read { path: path.into(), error })
}

fn content(path: &Path, wanted: &'static str, error: &pem::Error) -> FileError {
    tracing::debug!(path = %path.display(), %error, "not in PEM form");
    FileError::Content { path: path.into(), wanted }
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn load(&self) -> Result<CertifiedKey, FileError> {
        let chain = certificates(&self.certificate)?;
        let key = private_key(&self.key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| FileError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            error,
        })
    }

    /// What changes when a file is replaced or written to.
    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.certificate, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

/// Hands out the current certificate.
#[derive(Debug)]
struct Reloading {
    files: Files,
    current: RwLock<Arc<CertifiedKey>>,
    /// Held by the one handshake that looks; the others go on with what there is.
    watch: Mutex<Watch>,
}

#[derive(Debug)]
struct Watch {
    /// Of the files when they were last loaded well.
    stamp: [Option<(SystemTime, u64)>; 2],
    looked: Instant,
    /// The last failure, so that each is logged once.
    complaint: Option<String>,
}

impl Reloading {
    fn look(&self, now: Instant) {
        let Ok(mut watch) = self.watch.try_lock() else { return };
        if now.saturating_duration_since(watch.looked) < LOOK_EVERY {
            return;
        }
        watch.looked = now;
        let stamp = self.files.stamp();
        if stamp == watch.stamp {
            return;
        }
        match self.files.load() {
            Ok(loaded) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                watch.stamp = stamp;
                watch.complaint = None;
                tracing::info!(path = %self.files.certificate.display(), "certificate reloaded");
            }
            // Perhaps one file is written and the other is not yet: look again.
            Err(error) => {
                let complaint = error.to_string();
                if watch.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!(error = complaint, "keeping the old certificate");
                    watch.complaint = Some(complaint);
                }
            }
        }
    }
}

impl ResolvesServerCert for Reloading {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.look(clock::now());
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
