//! Where a registry is and how to be let in.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// How long connecting may take, unless configured otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a request may take with all its tries, unless configured otherwise.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request is tried, unless configured otherwise.
pub const TRIES: u32 = 3;
/// Addresses of one registry, at most.
const URLS_MAX: usize = 16;

const URL: &str = "SCHEMA_REGISTRY_URL";
const USER_INFO: &str = "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO";
const API_SECRET: &str = "SCHEMA_REGISTRY_API_SECRET";

/// How to be let in.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Without anything.
    #[default]
    None,
    /// Key and secret.
    Basic(String, SecretString),
    /// A token.
    Bearer(SecretString),
}

/// A setting that cannot be used. It names the setting, never its value: that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    /// The setting.
    pub setting: String,
    /// What is wrong with it.
    pub reason: String,
}

fn wrong(setting: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError { setting: setting.to_owned(), reason: reason.into() }
}

/// Which registry is meant.
#[derive(Clone, Debug)]
pub enum RegistryTarget {
    /// One that is reached over HTTP.
    Http(RegistryConfig),
    /// The one in this process, by `alluvium://`.
    InProcess,
}

/// How a client reaches a registry.
#[derive(Clone, Debug)]
pub struct RegistryConfig {
    /// Its addresses in the order in which they are tried; none has user info.
    pub urls: Vec<Url>,
    /// How to be let in.
    pub auth: Auth,
    /// Certificates in PEM that are trusted besides those of the system.
    pub ca: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a request may take with all its tries.
    pub total_timeout: Duration,
    /// How often a request is tried.
    pub tries: u32,
}

impl RegistryConfig {
    /// Of a comma-separated list of addresses; user info in the first lets in.
    pub fn new(urls: &str) -> Result<Self, ConfigError> {
        let mut config = Self {
            urls: Vec::new(),
            auth: Auth::None,
            ca: None,
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            tries: TRIES,
        };
        for text in urls.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let mut url = Url::parse(text).map_err(|error| wrong(URL, error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
                return Err(wrong(URL, "an address begins with http:// or https:// and has a host"));
            }
            if matches!(config.auth, Auth::None) && (!url.username().is_empty() || url.password().is_some()) {
                let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
                config.auth = Auth::Basic(decoded(url.username()), decoded(url.password().unwrap_or_default()).into());
            }
            // What could not be set has no such part.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            config.urls.push(url);
        }
        match config.urls.len() {
            0 => Err(wrong(URL, "there is no address in it")),
            count if count > URLS_MAX => Err(wrong(URL, format!("{count} addresses; {URLS_MAX} are the most"))),
            _ => Ok(config),
        }
    }

    /// With other means to be let in.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// What the `SCHEMA_REGISTRY_…` variables say; `None` when they name no registry.
    pub fn from_env() -> Result<Option<RegistryTarget>, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// What variables say, wherever they come from.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<RegistryTarget>, ConfigError> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let Some(urls) = get(URL) else { return Ok(None) };
        if urls.trim_end_matches('/') == "alluvium:" {
            return Ok(Some(RegistryTarget::InProcess));
        }
        let mut config = Self::new(&urls)?;
        if let Some(pair) = get(USER_INFO) {
            let (key, secret) = pair.split_once(':').ok_or_else(|| wrong(USER_INFO, "it is key:secret"))?;
            config.auth = Auth::Basic(key.to_owned(), secret.to_owned().into());
        } else if let Some(key) = get("SCHEMA_REGISTRY_API_KEY") {
            let secret = get(API_SECRET).ok_or_else(|| wrong(API_SECRET, "it is missing, and the key is there"))?;
            config.auth = Auth::Basic(key, secret.into());
        } else if let Some(token) = get("SCHEMA_REGISTRY_BEARER_TOKEN") {
            config.auth = Auth::Bearer(token.into());
        }
        config.ca = get("SCHEMA_REGISTRY_CA_LOCATION").map(PathBuf::from);
        Ok(Some(RegistryTarget::Http(config)))
    }

    pub(super) fn authorize(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.auth {
            Auth::None => request,
            Auth::Basic(key, secret) => request.basic_auth(key, Some(secret.expose_secret())),
            Auth::Bearer(token) => request.bearer_auth(token.expose_secret()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<RegistryTarget>, ConfigError> {
        RegistryConfig::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn http(pairs: &[(&str, &str)]) -> RegistryConfig {
        match read(pairs) {
            Ok(Some(RegistryTarget::Http(config))) => config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn user_info_comes_before_key_and_secret_before_the_address() {
        let url = ("SCHEMA_REGISTRY_URL", "http://u:p%40q@a:8081/sr, https://b");
        let key = [("SCHEMA_REGISTRY_API_KEY", "k"), ("SCHEMA_REGISTRY_API_SECRET", "s")];
        let info = ("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO", "x:y:z");
        let of = |config: RegistryConfig| match config.auth {
            Auth::Basic(key, secret) => format!("{key} {}", secret.expose_secret()),
            other => panic!("{other:?}"),
        };
        let plain = http(&[url]);
        assert_eq!(plain.urls.iter().map(Url::as_str).collect::<Vec<_>>(), ["http://a:8081/sr", "https://b/"]);
        assert_eq!(of(plain), "u p@q");
        assert_eq!(of(http(&[url, key[0], key[1]])), "k s");
        assert_eq!(of(http(&[url, key[0], key[1], info])), "x y:z");
        assert!(matches!(read(&[("SCHEMA_REGISTRY_URL", "alluvium://")]), Ok(Some(RegistryTarget::InProcess))));
        assert!(matches!(read(&[]), Ok(None)));
    }

    #[test]
    fn secrets_are_never_shown() {
        let config = http(&[("SCHEMA_REGISTRY_URL", "http://user:hidden@a")]);
        assert!(!format!("{config:?}").contains("hidden"));
        for broken in ["ftp://user:hidden@a", "http://user:hidden@a:port"] {
            let error = RegistryConfig::new(broken).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hidden"));
        }
    }
}
