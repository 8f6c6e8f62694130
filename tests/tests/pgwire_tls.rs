//! Sessions in workspaces over TLS, with the real `psql`, which looks at the certificate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::binary;
use alluvium_blackbox::certificates::certificates;
use alluvium_blackbox::sessions::{connection, filled, printed, psql, workspace};
use serde_json::Value;

/// What a workspace answers with, and what it says where it does not, over a connection of this mode.
fn asked(workspace: &Value, mode: &str, root: &str) -> Result<String, String> {
    let output = psql(workspace, connection(workspace, "password"))
        .args(["-h", "localhost", "-c", "SELECT count(*) FROM b.t"])
        .env("PGSSLMODE", mode)
        .env("PGSSLROOTCERT", root)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(printed(&output))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test]
async fn sessions_are_encrypted_with_the_certificate_that_the_operator_gave() {
    let scratch = tempfile::tempdir().unwrap();
    certificates(scratch.path());
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let (certificate, key, root) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let given = [("ALLUVIUM_PGWIRE_TLS_CERTIFICATE", certificate.as_str()), ("ALLUVIUM_PGWIRE_TLS_KEY", key.as_str())];
    let world = filled(&given).await;
    let made = workspace(&world).await;
    assert_eq!(asked(&made, "verify-full", &root), Ok("3".to_owned()), "who it says it is");
    assert_eq!(asked(&made, "prefer", ""), Ok("3".to_owned()));
    assert_eq!(asked(&made, "disable", ""), Ok("3".to_owned()), "in clear, too, unless it is required");
    let stranger = asked(&made, "verify-full", &certificate).unwrap_err();
    assert!(stranger.contains("certificate verify failed"), "{stranger}");
    drop(world);

    let world = filled(&[&given[..], &[("PGWIRE_SSL_MODE", "require")]].concat()).await;
    let made = workspace(&world).await;
    assert_eq!(asked(&made, "verify-full", &root), Ok("3".to_owned()));
    let clear = asked(&made, "disable", "").unwrap_err();
    assert!(clear.contains("encryption is required here"), "{clear}");
    drop(world);

    let world = filled(&[&given[..], &[("PGWIRE_SSL_MODE", "disable")]].concat()).await;
    let refused = asked(&workspace(&world).await, "require", &root).unwrap_err();
    assert!(refused.contains("server does not support SSL"), "{refused}");
}

#[test]
fn settings_that_encrypt_nothing_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let empty = scratch.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let empty = empty.to_str().unwrap();
    let said = |envs: &[(&str, &str)]| {
        let output = std::process::Command::new(binary())
            .args(["config", "check"])
            .envs(envs.iter().copied())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let required = said(&[("PGWIRE_SSL_MODE", "require")]);
    assert!(required.contains("there is no certificate to encrypt with"), "{required}");
    let half = said(&[("ALLUVIUM_PGWIRE_TLS_CERTIFICATE", empty)]);
    assert!(half.contains("certificate and key go together"), "{half}");
    let broken = said(&[("ALLUVIUM_PGWIRE_TLS_CERTIFICATE", empty), ("ALLUVIUM_PGWIRE_TLS_KEY", empty)]);
    assert!(broken.contains("cannot be read as"), "{broken}");
}
