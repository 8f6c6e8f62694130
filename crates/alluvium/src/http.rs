//! HTTP clients of this program. All of them are made here: each trusts the certificates of the machine, and none of a machine
//! that has none, so that a container without certificates can do what needs no TLS.

use std::sync::LazyLock;

use alluvium_messaging::registry::tls;

static TRUST: LazyLock<rustls::ClientConfig> = LazyLock::new(tls::system);

/// A client to be set up further.
pub fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_backend_preconfigured(TRUST.clone())
}

/// A client as it is.
pub fn client() -> reqwest::Client {
    builder().build().expect("a client with nothing but a valid TLS configuration can be made")
}
