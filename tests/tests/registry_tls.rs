//! Registries behind TLS, with a certificate of nobody whom the machine trusts.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::{Command, Output};

use alluvium_blackbox::binary;
use alluvium_blackbox::certificates::{certificates, tls_in_front_of};
use alluvium_blackbox::registry::{Registry, record};
use alluvium_messaging::registry::{RegistryClient, RegistryConfig, SchemaVersions};

fn alluvium(args: &[&str], ca: Option<&Path>) -> Output {
    let mut command = Command::new(binary());
    command.args(args).env("NO_COLOR", "1").env_remove("SCHEMA_REGISTRY_CA_LOCATION");
    command.envs(ca.map(|ca| ("SCHEMA_REGISTRY_CA_LOCATION", ca)));
    command.output().expect("the binary runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_behind_tls_is_reached_by_who_trusts_it() {
    let registry = Registry::start().await;
    registry.register("orders-value", &record(&["a"])).await;
    let scratch = tempfile::tempdir().unwrap();
    certificates(scratch.path());
    let url = format!("https://localhost:{}", tls_in_front_of(scratch.path(), &registry.url).await);
    let ca = scratch.path().join("ca.pem");

    let args = ["schema", "list", "--registry", &url, "-o", "json"];
    let list = alluvium(&args, Some(&ca));
    assert!(list.status.success(), "{list:?}");
    assert!(String::from_utf8_lossy(&list.stdout).contains("orders-value"), "{list:?}");
    let refused = alluvium(&args, None);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).to_lowercase().contains("certificate"), "{refused:?}");
    let missing = alluvium(&args, Some(&scratch.path().join("none.pem")));
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("none.pem"), "{missing:?}");

    // The kit's client, and through a certificate that is not for this name.
    let client = |url: String| {
        let config = RegistryConfig { ca: Some(ca.clone()), ..RegistryConfig::new(&url).unwrap() };
        RegistryClient::new(config).unwrap()
    };
    assert_eq!(client(url.clone()).subjects(None, SchemaVersions::Live).await.unwrap(), ["orders-value"]);
    assert!(client(url.replace("localhost", "127.0.0.1")).subjects(None, SchemaVersions::Live).await.is_err());
}
