//! Where a Postgres is: a URL, or words of the form `host=… user=…`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::settings::Tls;
use crate::context::Context;
use crate::error::Error;
use crate::secret::Secret;

/// What a URL or words say, by their names in words.
type Words = BTreeMap<String, String>;

/// Reads the place of a Postgres.
///
/// # Errors
///
/// What is wrong with it; never what it holds.
pub(super) fn read(text: &str) -> Result<Words, String> {
    let words = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        of_url(text)?
    } else {
        of_words(text)?
    };
    for name in ["host", "user"] {
        if words.get(name).is_none_or(String::is_empty) {
            return Err(format!("it says no `{name}`"));
        }
    }
    if words.get("host").is_some_and(|host| host.starts_with(['/', '@'])) || words.contains_key("hostaddr") {
        return Err("only hosts that are reached by TCP are allowed".to_owned());
    }
    if words.get("host").is_some_and(|host| host.contains(',')) {
        return Err("only one host is supported".to_owned());
    }
    if words.get("port").is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("its `port` is no number of a port".to_owned());
    }
    if let Some(mode) = words.get("sslmode")
        && !["disable", "prefer", "require", "verify-ca", "verify-full"].contains(&mode.as_str())
    {
        return Err("its `sslmode` is not one of disable, prefer, require, verify-ca, verify-full".to_owned());
    }
    Ok(words)
}

fn of_url(text: &str) -> Result<Words, String> {
    let url = Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
    let decoded = |text: &str| {
        percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| "it is no UTF-8".to_owned())
    };
    let mut words = Words::new();
    for (name, value) in url.query_pairs() {
        words.insert(name.into_owned(), value.into_owned());
    }
    let parts = [
        ("host", url.host_str().map(|host| host.trim_matches(['[', ']']))),
        ("user", Some(url.username()).filter(|user| !user.is_empty())),
        ("password", url.password()),
        ("dbname", Some(url.path().trim_start_matches('/')).filter(|name| !name.is_empty())),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            words.insert(name.to_owned(), decoded(value)?);
        }
    }
    if let Some(port) = url.port() {
        words.insert("port".to_owned(), port.to_string());
    }
    Ok(words)
}

/// `name=value` with blanks between; a value may stand in single quotes, `\` before a quote or itself.
fn of_words(text: &str) -> Result<Words, String> {
    let wrong = || "it is neither a URL that begins with postgres:// nor words of the form `name=value`".to_owned();
    let mut words = Words::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, from) = rest.split_once('=').ok_or_else(wrong)?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(wrong());
        }
        let from = from.trim_start();
        let is_quoted = from.starts_with('\'');
        let mut value = String::new();
        let mut characters = from.char_indices().skip(usize::from(is_quoted));
        let mut end = None;
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => value.push(characters.next().ok_or_else(wrong)?.1),
                '\'' if is_quoted => {
                    end = Some(at + 1);
                    break;
                }
                blank if !is_quoted && blank.is_whitespace() => {
                    end = Some(at);
                    break;
                }
                other => value.push(other),
            }
        }
        let end = match end {
            Some(end) => end,
            None if is_quoted => return Err(wrong()),
            None => from.len(),
        };
        words.insert(name.to_owned(), value);
        rest = from[end..].trim_start();
    }
    Ok(words)
}

/// How a Postgres is connected to. Nothing is taken from the environment of the server. Certificates are checked
/// wherever TLS is asked for.
pub(super) fn options(connector: &str, uri: &Secret, tls: &Tls, context: &Context) -> Result<PgConnectOptions, Error> {
    let wrong = |reason| Error::member(connector, "transport.config.uri", reason);
    let words = read(uri.expose()).map_err(wrong)?;
    let word = |name: &str| words.get(name).map(String::as_str);
    let user = word("user").unwrap_or_default();
    let port = word("port").and_then(|port| port.parse().ok()).unwrap_or(5432);
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(word("host").unwrap_or_default())
        .port(port)
        .username(user)
        .password(word("password").unwrap_or_default())
        .database(word("dbname").unwrap_or(user))
        .application_name(word("application_name").unwrap_or("alluvium"))
        .ssl_mode(PgSslMode::Disable)
        .statement_cache_capacity(16);
    let checked = if tls.verify_hostname == Some(false) { PgSslMode::VerifyCa } else { PgSslMode::VerifyFull };
    let mode = match word("sslmode") {
        Some("disable") => PgSslMode::Disable,
        Some("verify-ca") => PgSslMode::VerifyCa,
        Some("require" | "verify-full") => checked,
        _ if tls.is_given() => checked,
        Some("prefer") => PgSslMode::Prefer,
        _ => PgSslMode::Disable,
    };
    if !matches!(mode, PgSslMode::Disable | PgSslMode::Prefer) && !cfg!(feature = "postgres-tls") {
        return Err(Error::unsupported(connector, "TLS to Postgres, without which this server was built,"));
    }
    options = options.ssl_mode(mode);
    let pem = |text: Option<&Secret>, path: Option<&String>| match (text, path) {
        (Some(text), _) => Ok(Some(text.expose().as_bytes().to_vec())),
        (None, Some(path)) => {
            let real = context.readable(connector, path)?;
            let read = std::fs::read(real);
            let failed = |error: std::io::Error| {
                Error::member(connector, "transport.config", format!("reading {path}: {}", error.kind()))
            };
            read.map(Some).map_err(failed)
        }
        (None, None) => Ok(None),
    };
    let chain = pem(None, tls.ssl_certificate_chain_location.as_ref())?;
    if let Some(ca) = pem(tls.ssl_ca_pem.as_ref(), tls.ssl_ca_location.as_ref())? {
        options = options.ssl_root_cert_from_pem(ca);
    }
    if let Some(certificate) = pem(tls.ssl_client_pem.as_ref(), tls.ssl_client_location.as_ref())?.or(chain) {
        options = options.ssl_client_cert_from_pem(certificate);
    }
    if let Some(key) = pem(tls.ssl_client_key.as_ref(), tls.ssl_client_key_location.as_ref())? {
        options = options.ssl_client_key_from_pem(key);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let expected = [
            ("dbname", "d"),
            ("host", "h"),
            ("password", "p'w @"),
            ("port", "1"),
            ("sslmode", "require"),
            ("user", "u"),
        ];
        let expected: Words = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(read("postgresql://u:p%27w%20%40@h:1/d?sslmode=require").unwrap(), expected);
        assert_eq!(read(r" host=h  user = u port=1 dbname=d password='p\'w @' sslmode=require").unwrap(), expected);
        assert_eq!(read("postgres://u@[::1]").unwrap()["host"], "::1");
    }

    #[test]
    fn what_is_wrong_is_said_without_what_it_holds() {
        for wrong in [
            "",
            "sesame",
            "host=h",
            "host=h user=u password='sesame",
            "postgres://u:sesame@",
            "postgres://sesame",
            "host=/run/sesame user=u",
            "postgres://u:sesame@h?host=/run/x&port=x",
            "postgres://u:sesame@h:99999",
            "host=h user=u port=sesame",
            "postgres://u:sesame@h?sslmode=no",
            "host=a,b user=u password=sesame",
        ] {
            let reason = read(wrong).unwrap_err();
            assert!(!reason.contains("sesame"), "{wrong}: {reason}");
        }
    }

    #[test]
    fn certificates_are_checked_wherever_tls_is_asked_for() {
        let mode = |uri: &str, tls: Tls| {
            let options = options("c", &Secret::new(uri), &tls, &Context::default()).unwrap();
            format!("{:?}", options.get_ssl_mode())
        };
        let with_ca = Tls { ssl_ca_pem: Some(Secret::new("x")), ..Tls::default() };
        let unnamed = Tls { verify_hostname: Some(false), ..with_ca.clone() };
        for (uri, tls, expected) in [
            ("postgres://u@h", Tls::default(), "Disable"),
            ("postgres://u@h?sslmode=prefer", Tls::default(), "Prefer"),
            #[cfg(feature = "postgres-tls")]
            ("postgres://u@h?sslmode=require", Tls::default(), "VerifyFull"),
            #[cfg(feature = "postgres-tls")]
            ("postgres://u@h", with_ca.clone(), "VerifyFull"),
            #[cfg(feature = "postgres-tls")]
            ("postgres://u@h?sslmode=prefer", with_ca, "VerifyFull"),
            #[cfg(feature = "postgres-tls")]
            ("postgres://u@h", unnamed, "VerifyCa"),
        ] {
            assert_eq!(mode(uri, tls), expected, "{uri}");
        }
        let outside = Tls { ssl_ca_location: Some("/etc/hostname".into()), ..Tls::default() };
        assert!(options("c", &Secret::new("postgres://u@h"), &outside, &Context::default()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z='\\\\ :/@%é]{0,30}") {
            let _ = read(&text);
            let _ = read(&format!("postgres://{text}"));
        }
    }
}
