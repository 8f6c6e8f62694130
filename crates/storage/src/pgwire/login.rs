//! Who may log in to which workspace.

use std::sync::LazyLock;

use alluvium_kernel::{Problem, Token};
use argon2::Argon2;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::model::problem;
use crate::queries::WorkspaceView;
use crate::routes::{StorageRoutes, now, tenant_text};

/// Passwords that are checked at once: each takes 19 MiB and a while.
const CHECKS_MAX: usize = 4;
/// The longest password that is looked at, in bytes.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// What a password of nobody is checked against, so that it takes as long: no password has a hash of zeroes that anybody could find.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static CHECKS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(CHECKS_MAX));

/// The workspace that a user may work in.
pub(crate) async fn admit(
    state: &StorageRoutes,
    tenant: &Token,
    username: &str,
    password: &str,
) -> Result<WorkspaceView, Problem> {
    let known = if username.contains('\0') {
        Vec::new()
    } else {
        state.queries.workspaces_of_user(&tenant_text(tenant), username).await?
    };
    let mut hashes: Vec<String> = known.iter().map(|(_, hash)| hash.clone()).collect();
    if hashes.is_empty() {
        hashes.push(NOBODY.to_owned());
    }
    let password = password.to_owned();
    let place = CHECKS.acquire().await.map_err(|_| Problem::internal())?;
    let checked = tokio::task::spawn_blocking(move || {
        // All of them, so that the time tells nothing.
        hashes.iter().map(|hash| is_of(&password, hash)).collect::<Vec<_>>()
    });
    let checked = checked.await.map_err(|_| Problem::internal())?;
    drop(place);
    let found = known.into_iter().zip(checked).find(|(_, is_right)| *is_right);
    let ((view, _), _) = found.ok_or_else(invalid_credentials)?;
    if view.is_let_go || view.is_over(now()) {
        return Err(problem::workspace_expired(&view.id));
    }
    Ok(view)
}

fn invalid_credentials() -> Problem {
    Problem::new("storage.invalid_credentials", 401, "Invalid credentials")
}

/// Whether a password has a verifier, which is a PHC string of ours.
fn is_of(password: &str, verifier: &str) -> bool {
    let parts: Vec<&str> = verifier.split('$').collect();
    let ["", "argon2id", "v=19", params, salt, hash] = parts[..] else { return false };
    let number = |name: &str| {
        params.split(',').find_map(|param| param.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok())
    };
    let (Some(m), Some(t), Some(p)) = (number("m"), number("t"), number("p")) else { return false };
    let (Ok(salt), Ok(hash)) = (BASE64_STANDARD_NO_PAD.decode(salt), BASE64_STANDARD_NO_PAD.decode(hash)) else {
        return false;
    };
    let Ok(params) = argon2::Params::new(m, t, p, Some(hash.len())) else { return false };
    let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut out = vec![0; hash.len()];
    let made =
        password.len() <= PASSWORD_BYTES_MAX && argon2.hash_password_into(password.as_bytes(), &salt, &mut out).is_ok();
    made && bool::from(out.ct_eq(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_has_a_verifier() {
        let mut out = [0; 32];
        Argon2::default().hash_password_into(b"secret", b"0123456789abcdef", &mut out).unwrap();
        let (salt, hash) = (BASE64_STANDARD_NO_PAD.encode(b"0123456789abcdef"), BASE64_STANDARD_NO_PAD.encode(out));
        let verifier = format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}");
        assert!(is_of("secret", &verifier));
        assert!(!is_of("Secret", &verifier) && !is_of("", &verifier) && !is_of("secret", NOBODY));
        for broken in ["", "$argon2id$none", "$argon2id$v=19$m=1,t=1,p=1$$", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA"]
        {
            assert!(!is_of("secret", broken), "{broken}");
        }
    }
}
