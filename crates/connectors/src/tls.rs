//! TLS as everywhere here: rustls with ring and whom the machine trusts. Nobody is trusted unseen.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// For clients that trust whom the machine trusts; on a machine without certificates, nobody.
pub(crate) fn system() -> ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(make).clone()
}

fn make() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    #[expect(clippy::expect_used, reason = "ring has the default versions of TLS")]
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
