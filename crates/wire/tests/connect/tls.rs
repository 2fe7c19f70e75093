//! Certificates: trusted, distrusted for a reason, and replaced while in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use adit_wire::net::{ConnectError, Connector, Proxies};
use adit_wire::tls::{Client, Distrust, Error, FileError, Server};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::duplex;

use super::*;

/// A certificate authority and a directory to keep files in.
pub(super) struct Authority {
    directory: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("first authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { directory, issuer }
    }

    /// A client that trusts this authority.
    pub(super) fn client(&self) -> Client {
        Client::with_authorities(&self.path("ca.pem")).unwrap()
    }

    /// A server with a fresh certificate for `name`.
    pub(super) fn server(&self, name: &str) -> Server {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        self.server_with(params)
    }

    fn server_with(&self, params: CertificateParams) -> Server {
        let (certificate, key) = self.issue(params);
        let files = (self.path("cert.pem"), self.path("key.pem"));
        write(&files.0, &certificate, 1);
        write(&files.1, &key, 1);
        Server::from_files(&files.0, &files.1).unwrap()
    }

    fn issue(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// Writes a file as of so many hours after the epoch, so that a change shows however fast it comes.
fn write(path: &Path, text: &str, hours: u64) {
    fs::write(path, text).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Serves echoes over TLS.
pub(super) fn serve_tls(server: Server) -> (SocketAddr, task::Task<()>) {
    serve(move |stream| {
        let server = server.clone();
        async move {
            if let Ok(stream) = server.accept(stream).await {
                echo(stream).await;
            }
        }
    })
}

async fn attempt(server: Server, client: Client) -> Result<Stream, Error> {
    let (address, _server) = serve_tls(server);
    let connector = Connector::new(client, Proxies::none());
    let uri = format!("https://localhost:{}", address.port());
    match connector.connect(&target(uri), soon()).await {
        Ok(mut stream) => {
            echoes(&mut stream).await;
            Ok(stream)
        }
        Err(ConnectError::Tls { problem, .. }) => Err(problem),
        Err(other) => panic!("{other:?}"),
    }
}

async fn distrust(server: Server, client: Client) -> Distrust {
    match attempt(server, client).await {
        Err(Error::Certificate(distrust)) => distrust,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_certificate_makes_a_connection_with_http_agreed() {
    let ca = Authority::new();
    let stream = attempt(ca.server("localhost"), ca.client()).await.unwrap();
    assert!(stream.is_encrypted() && stream.peer_addr().is_some());
    assert_eq!(stream.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn each_kind_of_distrust_is_told() {
    let (ca, renewed, other) =
        (Authority::new(), Authority::new(), Authority::named("second authority"));
    assert_eq!(distrust(ca.server("localhost"), renewed.client()).await, Distrust::UnknownIssuer);
    assert_eq!(distrust(ca.server("localhost"), other.client()).await, Distrust::UnknownIssuer);
    assert_eq!(distrust(ca.server("a.example"), ca.client()).await, Distrust::WrongName);
    let dated = |from, to| {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        params
    };
    assert_eq!(distrust(ca.server_with(dated(2001, 2002)), ca.client()).await, Distrust::Expired);
    let future = ca.server_with(dated(2900, 2901));
    assert_eq!(distrust(future, ca.client()).await, Distrust::NotYetValid);
}

#[tokio::test]
async fn a_client_that_trusts_anybody_does() {
    let ca = Authority::new();
    attempt(ca.server("elsewhere.example"), Client::danger_unverified()).await.unwrap();
}

#[tokio::test]
async fn a_plain_http_server_is_recognised_as_one() {
    let (address, _server) = serve(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read_u8().await;
    });
    let connector = Connector::new(Client::danger_unverified(), Proxies::none());
    let error = connector.connect(&target(format!("https://{address}")), soon()).await.unwrap_err();
    let ConnectError::Tls { problem: Error::NotTls(_), .. } = &error else { panic!("{error:?}") };
    assert!(error.to_string().contains("plain http"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_replaced_certificate_is_used_without_a_restart_once_it_fits_its_key() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = old.server("localhost");
    let trusts = async |ca: &Authority| handshake(&server, ca.client()).await.is_ok();
    assert!(trusts(&old).await);

    let (certificate, key) =
        new.issue(CertificateParams::new(vec!["localhost".to_owned()]).unwrap());
    write(&old.path("cert.pem"), &certificate, 2);
    clock::sleep(Duration::from_secs(2)).await;
    assert!(trusts(&old).await, "the key does not fit yet");
    write(&old.path("key.pem"), &key, 3);
    assert!(trusts(&old).await, "the files were looked at within this second");
    clock::sleep(Duration::from_secs(2)).await;
    assert!(trusts(&new).await);
    fs::remove_file(old.path("key.pem")).unwrap();
    clock::sleep(Duration::from_secs(2)).await;
    assert!(trusts(&new).await, "what is gone cannot be better");
}

async fn handshake(server: &Server, client: Client) -> Result<Stream, Error> {
    let (near, far) = duplex(16 * 1024);
    let accept = server.accept(Stream::other(far));
    let (near, _far) = tokio::join!(client.connect(Stream::other(near), "localhost"), accept);
    near
}

#[test]
fn unusable_files_are_named() {
    let ca = Authority::new();
    let (certificate, _) = ca.issue(CertificateParams::default());
    let (_, key) = ca.issue(CertificateParams::default());
    let (certificates, keys) = (ca.path("c.pem"), ca.path("k.pem"));
    let load = || Server::from_files(&certificates, &keys).unwrap_err();
    assert!(matches!(load(), FileError::Read { .. }));
    write(&certificates, &key, 1);
    assert!(matches!(load(), FileError::Content { wanted: "certificate", .. }));
    write(&certificates, &certificate, 1);
    write(&keys, &certificate, 1);
    let error = load();
    assert!(matches!(error, FileError::Content { wanted: "private key", .. }));
    assert!(error.to_string().contains("k.pem"), "{error}");
    write(&keys, &key, 1);
    assert!(matches!(load(), FileError::Pair { .. }));
    let client = Client::with_authorities(&keys).unwrap_err();
    assert!(matches!(client, FileError::Content { .. }));
}
