//! Sealing and opening with a key at hand. Pure but for the randomness of new keys.

use alluvium_kernel::sealed::SealedText;
use alluvium_kernel::{Problem, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Length of a key, in bytes.
const KEY_BYTES: usize = 32;
/// Random bytes in a key's name.
const ID_BYTES: usize = 8;

/// What a text is sealed for: it opens there and nowhere else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub tenant: &'a str,
    pub field: &'a str,
    pub project: &'a str,
}

impl Place<'_> {
    fn bound(&self, key: &str, chars: usize) -> Vec<u8> {
        serde_json::json!([self.tenant, self.field, self.project, key, chars]).to_string().into_bytes()
    }
}

/// A key that fields are sealed under. Never printed.
pub(super) struct SealKey {
    /// Its name in sealed texts: `project.<project>.<id>`.
    pub name: String,
    secret: SigningKey,
}

impl SealKey {
    pub fn new(name: String, secret: [u8; KEY_BYTES]) -> Self {
        Self { name, secret: SigningKey::new(secret) }
    }

    /// The same text for the same place gives the same sealed text, so that a command sent again is the same command: the nonce
    /// is derived from all that is sealed, and no two different texts share one.
    pub fn seal(&self, at: &Place<'_>, text: &str) -> Result<String, Problem> {
        let chars = text.chars().count();
        let bound = at.bound(&self.name, chars);
        let derived = self.secret.derive("seal nonce", &[&bound, text.as_bytes()]);
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&derived[..NONCE_LEN]);
        let mut sealed = text.as_bytes().to_vec();
        cipher(&self.secret.derive("seal", &[]))?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&bound), &mut sealed)
            .map_err(|_| Problem::internal())?;
        let body = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        Ok(SealedText { key: &self.name, chars, body: &body, after: "" }.to_string())
    }

    /// What was sealed, without what stands behind it; `None` when it was sealed for another place, or by nobody.
    pub fn open(&self, at: &Place<'_>, text: &SealedText<'_>) -> Option<String> {
        let bound = at.bound(&self.name, text.chars);
        let mut sealed = URL_SAFE_NO_PAD.decode(text.body).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = cipher(&self.secret.derive("seal", &[])).ok()?.open_in_place(nonce, Aad::from(&bound), sealed);
        String::from_utf8(opened.ok()?.to_vec()).ok()
    }
}

/// Draws a key and wraps it for the place where it will lie; gives its id, and the wrapped key in hex.
pub(super) fn draw(wrapping: &SigningKey, subject: &str) -> Result<(String, String), Problem> {
    let mut random = [0; KEY_BYTES + NONCE_LEN + ID_BYTES];
    SystemRandom::new().fill(&mut random).map_err(|_| {
        tracing::error!("the system gives no random bytes");
        Problem::internal()
    })?;
    let (key, rest) = random.split_at(KEY_BYTES);
    let (nonce, id) = rest.split_at(NONCE_LEN);
    let id = hex::encode(id);
    let mut wrapped = key.to_vec();
    let mut unique = [0; NONCE_LEN];
    unique.copy_from_slice(nonce);
    cipher(&wrapping.derive("seal keys", &[]))?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(unique), Aad::from(bound(subject, &id)), &mut wrapped)
        .map_err(|_| Problem::internal())?;
    Ok((id, hex::encode([nonce, &wrapped].concat())))
}

/// The key in a wrapping; `None` when it was wrapped under another secret, or for another place.
pub(super) fn unwrap(wrapping: &SigningKey, subject: &str, id: &str, wrapped: &str) -> Option<[u8; KEY_BYTES]> {
    let mut wrapped = hex::decode(wrapped).ok()?;
    let (nonce, wrapped) = wrapped.split_first_chunk_mut::<NONCE_LEN>()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let cipher = cipher(&wrapping.derive("seal keys", &[])).ok()?;
    (*cipher.open_in_place(nonce, Aad::from(bound(subject, id)), wrapped).ok()?).try_into().ok()
}

fn bound(subject: &str, id: &str) -> String {
    format!("{subject} {id}")
}

fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, Problem> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Place<'static> = Place { tenant: "t", field: "keyring.description", project: "p" };

    #[test]
    fn a_text_opens_where_it_was_sealed_for_and_nowhere_else() {
        let key = SealKey::new("project.p.1".into(), [1; 32]);
        let sealed = key.seal(&AT, "grüße").unwrap();
        assert_eq!(sealed, key.seal(&AT, "grüße").unwrap());
        assert_ne!(sealed, key.seal(&AT, "grüsse").unwrap());
        assert!(!sealed.contains("gr"));
        let text = SealedText::parse(&sealed).unwrap();
        assert_eq!((text.chars, key.open(&AT, &text).as_deref()), (5, Some("grüße")));
        for other in
            [Place { tenant: "u", ..AT }, Place { field: "keyring.person", ..AT }, Place { project: "q", ..AT }]
        {
            assert_eq!(key.open(&other, &text), None);
        }
        assert_eq!(key.open(&AT, &SealedText { chars: 4, ..text }), None);
        assert_eq!(SealKey::new("project.p.1".into(), [2; 32]).open(&AT, &text), None);
        assert_eq!(SealKey::new("project.p.2".into(), [1; 32]).open(&AT, &text), None);
    }

    #[test]
    fn a_key_is_wrapped_for_its_place_under_the_installations_secret() {
        let wrapping = SigningKey::new([7; 32]);
        let (id, wrapped) = draw(&wrapping, "$KV.SEALS.t.project.p").unwrap();
        assert!(unwrap(&wrapping, "$KV.SEALS.t.project.p", &id, &wrapped).is_some());
        assert_eq!(unwrap(&wrapping, "$KV.SEALS.t.project.q", &id, &wrapped), None);
        assert_eq!(unwrap(&wrapping, "$KV.SEALS.t.project.p", "other", &wrapped), None);
        assert_eq!(unwrap(&SigningKey::new([8; 32]), "$KV.SEALS.t.project.p", &id, &wrapped), None);
        assert_ne!(draw(&wrapping, "$KV.SEALS.t.project.p").unwrap(), (id, wrapped));
    }
}
