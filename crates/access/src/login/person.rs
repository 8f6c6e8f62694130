//! Ids of persons: the same for the same issuer and subject, whenever and wherever they log in.

use sha2::{Digest as _, Sha256};

/// The id of whom an issuer calls `subject`, a UUID (version 8, of a hash).
pub(crate) fn user_id(issuer: &str, subject: &str) -> String {
    let hash = Sha256::new()
        .chain_update("person\0")
        .chain_update((issuer.len() as u64).to_be_bytes())
        .chain_update(issuer)
        .chain_update(subject)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::is_id;

    #[test]
    fn issuer_and_subject_make_the_id_and_nothing_runs_together() {
        let id = user_id("https://i", "s");
        assert!(is_id(&id) && id == user_id("https://i", "s"));
        assert_ne!(user_id("ab", "c"), user_id("a", "bc"));
    }
}
