//! Certificates of nobody whom the machine trusts.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Makes a root and a certificate of `localhost` by it: `ca.pem`, `server.pem`, `server.key`.
pub fn certificates(at: &Path) {
    let openssl = |args: &str| {
        let output = Command::new("openssl").args(args.split(' ')).current_dir(at).output().expect("openssl is there");
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=root -days 2"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    std::fs::write(at.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .expect("the names are written");
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names");
}

/// Listens with the certificate that is there, in front of `behind`, a URL; gives the port.
pub async fn tls_in_front_of(at: &Path, behind: &str) -> u16 {
    let chain = CertificateDer::pem_file_iter(at.join("server.pem"))
        .expect("it works")
        .map(|it| it.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_file(at.join("server.key")).expect("it works");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("it works").with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).expect("it works")));
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("it works");
    let port = socket.local_addr().expect("it works").port();
    let behind = behind.strip_prefix("http://").expect("it works").to_owned();
    tokio::spawn(async move {
        loop {
            let (outside, _) = socket.accept().await.expect("it works");
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Who does not trust us hangs up here.
                let Ok(mut outside) = acceptor.accept(outside).await else { return };
                let mut inside = TcpStream::connect(behind).await.expect("it works");
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    port
}
