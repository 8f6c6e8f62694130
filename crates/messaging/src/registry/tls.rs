//! TLS as everywhere here: rustls with ring, the system's certificates, and those that are configured. Nothing is installed
//! for the whole process.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// For clients that trust whom the machine trusts; on a machine without certificates, nobody.
pub fn system() -> ClientConfig {
    trusting(machine())
}

/// For a client that also trusts whom `ca` names; an error says what is wrong with that file. Without `https` nobody is asked,
/// and nothing is read from the machine.
pub(super) fn config(ca: Option<&Path>, https: bool) -> Result<ClientConfig, String> {
    let mut roots = if https { machine() } else { RootCertStore::empty() };
    if let Some(path) = ca {
        let shown = path.display();
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| format!("{shown}: {error}"))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| format!("{shown}: {error}"))?;
            roots.add(certificate).map_err(|error| format!("{shown}: {error}"))?;
        }
    }
    Ok(trusting(roots))
}

fn machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
