//! Whether what is said can be read on the way.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConfigBuilder, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// The name of the protocol inside the encryption, for clients that tell it.
const PROTOCOL: &[u8] = b"postgresql";

/// Which connections are encrypted.
#[derive(Clone, Default)]
pub struct Encryption {
    acceptor: Option<TlsAcceptor>,
    is_required: bool,
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (is_offered, is_required) = (self.acceptor.is_some(), self.is_required);
        out.debug_struct("Encryption").field("is_offered", &is_offered).field("is_required", &is_required).finish()
    }
}

impl Encryption {
    /// None of them.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those whose clients ask for it, or all, with the certificates (the server's own first) and the key of these PEM files.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn of_files(certificates: &Path, key: &Path, is_required: bool) -> Result<Self, String> {
        let shown = certificates.display();
        let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|error| format!("`{shown}` cannot be read as certificates: {error}"))?;
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| format!("`{}` cannot be read as a private key: {error}", key.display()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(ConfigBuilder::<ServerConfig, _>::with_no_client_auth)
            .and_then(|clients| clients.with_single_cert(chain, key))
            .map_err(|error| format!("`{shown}` and its key cannot be used: {error}"))?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self { acceptor: Some(TlsAcceptor::from(Arc::new(config))), is_required })
    }

    /// Whether nobody gets in without.
    pub(crate) fn is_required(&self) -> bool {
        self.is_required
    }

    pub(crate) fn acceptor(&self) -> Option<&TlsAcceptor> {
        self.acceptor.as_ref()
    }
}
