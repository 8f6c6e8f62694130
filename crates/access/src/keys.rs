//! Secrets of keys: drawn here, shown once, known afterwards only by a digest.

use alluvium_http::Seed;
use alluvium_kernel::SigningKey;

use crate::model::Scope;

/// Random bytes of a key.
const SECRET_BYTES: usize = 16;
/// Length of a digest, in hex digits.
pub(crate) const DIGEST_HEX_CHARS: usize = 64;
/// Length of a key id after `key_`, in hex digits.
const ID_HEX_CHARS: usize = 32;
/// What digests of keys are told apart by from digests for other purposes.
const DIGEST_PURPOSE: &str = "key";

/// A whole key, to be shown once. It is never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The key itself: for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// A new key of a project, not issued yet.
#[derive(Clone, Debug)]
pub struct Minted {
    /// Its id.
    pub id: String,
    /// The key.
    pub secret: Secret,
    /// Its digest.
    pub digest: String,
    /// What may be shown of it.
    pub prefix: String,
}

/// Draws a key of a scope for a project out of what a request has: the same request draws the same key.
pub fn mint(pepper: &SigningKey, project: &str, scope: &Scope, seed: &Seed) -> Minted {
    let random = match scope {
        // As long as clients of pipelines know them.
        Scope::Pipelines { .. } => hex::encode([seed.secret("api key"), seed.secret("api key, second half")].concat()),
        _ => hex::encode(&seed.secret("api key")[..SECRET_BYTES]),
    };
    let secret = Secret(format!("{}{random}", beginning(project, scope)));
    let digest = digest(pepper, secret.reveal());
    let id = format!("key_{}", seed.uuid("api key").simple());
    Minted { id, digest, prefix: prefix(project, scope), secret }
}

/// The digest a key is known by: over the whole key, so that nothing depends on where its parts end.
pub fn digest(pepper: &SigningKey, key: &str) -> String {
    pepper.digest(DIGEST_PURPOSE, key)
}

/// What may be shown of a project's keys.
pub fn prefix(project: &str, scope: &Scope) -> String {
    format!("{}...", beginning(project, scope))
}

fn beginning(project: &str, scope: &Scope) -> String {
    match scope {
        Scope::Project => format!("proj_{project}_admin_"),
        Scope::Branch { id, writes: true } => format!("proj_{project}_branch_{id}_admin_"),
        Scope::Branch { id, writes: false } => format!("proj_{project}_branch_{id}_read_"),
        Scope::Custom(_) => format!("proj_{project}_token_"),
        Scope::Registry => format!("proj_{project}_registry_"),
        Scope::Pipelines { .. } => "apikey:".to_owned(),
    }
}

pub(crate) fn is_key_id(text: &str) -> bool {
    text.strip_prefix("key_").is_some_and(|rest| is_hex(rest, ID_HEX_CHARS))
}

pub(crate) fn is_hex(text: &str, chars: usize) -> bool {
    text.len() == chars && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_clients_know() {
        let pepper = SigningKey::new([1; 32]);
        let seed = Seed::fresh();
        let key = mint(&pepper, "a_b", &Scope::Project, &seed);
        let random = key.secret.reveal().strip_prefix("proj_a_b_admin_").unwrap();
        assert!(is_hex(random, 32) && is_key_id(&key.id));
        assert_eq!(key.prefix, "proj_a_b_admin_...");
        assert_eq!(key.digest, digest(&pepper, key.secret.reveal()));
        assert_ne!(key.digest, digest(&SigningKey::new([2; 32]), key.secret.reveal()));
        assert_eq!(mint(&pepper, "a_b", &Scope::Project, &seed).secret, key.secret);
        assert_ne!(mint(&pepper, "a_b", &Scope::Project, &Seed::fresh()).secret, key.secret);
    }

    #[test]
    fn a_key_of_pipelines_has_the_form_their_clients_know() {
        let key = mint(&SigningKey::new([1; 32]), "@pipelines", &Scope::Pipelines { writes: true }, &Seed::fresh());
        assert!(is_hex(key.secret.reveal().strip_prefix("apikey:").unwrap(), 128));
        assert_eq!(key.prefix, "apikey:...");
    }

    #[test]
    fn nothing_printed_gives_a_key_away() {
        let key = mint(&SigningKey::new([1; 32]), "p", &Scope::Project, &Seed::fresh());
        let random = key.secret.reveal().strip_prefix("proj_p_admin_").unwrap();
        assert!(!format!("{key:?}").contains(random) && !key.id.contains(random) && !key.digest.contains(random));
    }
}
