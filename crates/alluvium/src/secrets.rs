//! The installation's secrets: taken from the configuration, or made once and kept in the data directory, readable by its
//! owner only.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use alluvium_kernel::SigningKey;

use crate::config::{Config, Secret};
use crate::failure::{Exit, Failure};

const ADMIN_KEY_FILE: &str = "admin.key";
const SIGNING_KEY_FILE: &str = "signing.key";
const SIGNING_KEY_BYTES: usize = 32;

/// What this installation keeps to itself.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Opens everything over HTTP.
    pub admin_key: Secret,
    /// Signs messages between the processes, and peppers the digests of tokens.
    pub signing_key: SigningKey,
}

/// The signing key's bytes out of 64 hex digits.
pub fn parse_signing_key(text: &str) -> Option<[u8; SIGNING_KEY_BYTES]> {
    let mut bytes = [0; SIGNING_KEY_BYTES];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    Some(bytes)
}

/// Takes the secrets from the configuration, else from the data directory, else makes them.
pub fn open(config: &Config) -> Result<Secrets, Failure> {
    std::fs::create_dir_all(&config.data_dir)?;
    let admin_key = match &config.admin_key {
        Some(key) => key.clone(),
        None => {
            Secret::new(kept(&config.data_dir.join(ADMIN_KEY_FILE), || Ok(format!("alv_admin_{}", random_hex(24)?)))?)
        }
    };
    let signing = match &config.signing_key {
        Some(key) => key.expose().to_owned(),
        None => kept(&config.data_dir.join(SIGNING_KEY_FILE), || random_hex(SIGNING_KEY_BYTES))?,
    };
    let bytes = parse_signing_key(&signing).ok_or_else(|| {
        Failure::new(Exit::Usage, "config.invalid", "The signing key is not 64 hex digits.")
            .help("take `openssl rand -hex 32`, or leave it out to have one made")
    })?;
    Ok(Secrets { admin_key, signing_key: SigningKey::new(bytes) })
}

/// The signing key of a data directory, if there is one: lets the command line sign as the platform's owner.
pub fn existing_signing_key(config: &Config) -> Option<SigningKey> {
    let text = match &config.signing_key {
        Some(key) => key.expose().to_owned(),
        None => std::fs::read_to_string(config.data_dir.join(SIGNING_KEY_FILE)).ok()?,
    };
    parse_signing_key(&text).map(SigningKey::new)
}

/// The admin key of a data directory, if there is one.
pub fn existing_admin_key(config: &Config) -> Option<Secret> {
    config.admin_key.clone().or_else(|| {
        let text = std::fs::read_to_string(config.data_dir.join(ADMIN_KEY_FILE)).ok()?;
        Some(Secret::new(text.trim()))
    })
}

/// The secrets that the data directory keeps, by name: not those that the configuration gives.
pub fn kept_files(config: &Config) -> Vec<(&'static str, std::path::PathBuf)> {
    let kept = [(ADMIN_KEY_FILE, config.admin_key.is_none()), (SIGNING_KEY_FILE, config.signing_key.is_none())];
    let path = |name| (name, config.data_dir.join(name));
    kept.into_iter().filter(|(_, ours)| *ours).map(|(name, _)| path(name)).filter(|(_, path)| path.is_file()).collect()
}

/// Tells one signing key from another without telling what it is; `None` when none is known here.
pub fn fingerprint(config: &Config) -> Option<String> {
    const DIGITS: usize = 16;
    let digest = existing_signing_key(config)?.digest("fingerprint", "signing key");
    Some(digest.chars().take(DIGITS).collect())
}

fn kept(path: &Path, make: impl FnOnce() -> Result<String, Failure>) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mode = std::fs::metadata(path)?.permissions().mode();
            if mode & 0o077 != 0 {
                let message = format!("`{}` can be read by others than its owner.", path.display());
                return Err(Failure::new(Exit::NotAllowed, "config.secret_exposed", message)
                    .help(format!("chmod 600 {}", path.display())));
            }
            Ok(text.trim().to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = make()?;
            write_private(path, &text)?;
            Ok(text)
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let beside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    Ok(())
}

/// `bytes` random bytes as hex.
pub fn random_hex(bytes: usize) -> Result<String, Failure> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| Failure::bug(format!("the system gives no random bytes: {error}")))?;
    Ok(hex::encode(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &Path) -> Config {
        Config { data_dir: dir.join("data"), ..Config::default() }
    }

    #[test]
    fn secrets_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let first = open(&config).unwrap();
        let again = open(&config).unwrap();
        assert_eq!(first.admin_key, again.admin_key);
        let path = config.data_dir.join(SIGNING_KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(open(&config).unwrap_err().code, "config.secret_exposed");
    }
}
