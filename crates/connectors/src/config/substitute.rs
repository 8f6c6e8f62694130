//! `${env:…}` and `${secret:…}` inside the texts of a configuration.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::context::{Context, below};
use crate::error::Error;

/// How long a secret may be.
pub const SECRET_BYTES_MAX: u64 = 65_536;
/// How deep a configuration may be nested.
const DEPTH_MAX: usize = 128;

/// A configuration without references, and what came from them.
pub(super) struct Substituted {
    pub value: Value,
    /// Everything that was put in: it must not be shown.
    pub secrets: Vec<String>,
}

/// Puts into all texts of a configuration what their references stand for.
///
/// # Errors
///
/// A reference names nothing that is there or allowed.
pub(super) fn substitute(connector: &str, value: &Value, context: &Context) -> Result<Substituted, Error> {
    let mut walk = Walk { connector, context, secrets: Vec::new() };
    let value = walk.value(value, "", 0)?;
    Ok(Substituted { value, secrets: walk.secrets })
}

struct Walk<'a> {
    connector: &'a str,
    context: &'a Context,
    secrets: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, at: &str, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH_MAX {
            return Err(Error::member(self.connector, at, "it is nested too deeply"));
        }
        match value {
            Value::String(text) => self.text(text, at).map(Value::String),
            Value::Array(all) => {
                let each = all.iter().enumerate().map(|(n, each)| self.value(each, &format!("{at}[{n}]"), depth + 1));
                each.collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(all) => {
                let each = all.iter().map(|(name, each)| {
                    let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                    Ok((name.clone(), self.value(each, &at, depth + 1)?))
                });
                each.collect::<Result<_, _>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn text(&mut self, text: &str, at: &str) -> Result<String, Error> {
        let mut made = String::with_capacity(text.len());
        let mut rest = text;
        // What a reference stands for is not looked through again.
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            made.push_str(before);
            let Some(end) = from.find('}') else {
                made.push_str(from);
                return Ok(made);
            };
            let reference = &from[2..end];
            match self.resolve(reference) {
                Some(Ok(found)) => {
                    made.push_str(&found);
                    self.secrets.push(found);
                }
                Some(Err(reason)) => return Err(Error::member(self.connector, at, reason)),
                None => made.push_str(&from[..=end]),
            }
            rest = &from[end + 1..];
        }
        made.push_str(rest);
        Ok(made)
    }

    /// What a reference stands for; nothing if it is none of ours.
    fn resolve(&self, reference: &str) -> Option<Result<String, String>> {
        if let Some(name) = reference.strip_prefix("env:") {
            let found = self.context.environment.get(name).cloned();
            return Some(found.ok_or_else(|| format!("the environment of the pipeline has no `{name}`")));
        }
        let secret = reference.strip_prefix("secret:")?;
        if let Some(path) = secret.strip_prefix("file:") {
            let found = below(&self.context.secret_directories, Path::new(path)).map_err(ToOwned::to_owned);
            let read = found.and_then(read).map(|mut text| {
                // Editors end a file with a line's end that is no part of the secret.
                text.truncate(text.strip_suffix('\n').map_or(text.len(), str::len));
                text
            });
            return Some(read.map_err(|reason| format!("the secret in the file {path}: {reason}")));
        }
        if let Some(place) = secret.strip_prefix("kubernetes:") {
            return Some(
                self.kubernetes(place).map_err(|reason| format!("the secret {place} of Kubernetes: {reason}")),
            );
        }
        Some(Err(format!(
            "`{reference}` is no reference to a secret: those begin with `secret:file:` or `secret:kubernetes:`"
        )))
    }

    fn kubernetes(&self, place: &str) -> Result<String, String> {
        let Some(mounted) = &self.context.kubernetes_secrets else {
            return Err("no secrets of Kubernetes are mounted on this server".to_owned());
        };
        let is_good = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && part.len() <= 253 && !part.starts_with('.') && part.bytes().all(is_plain)
        };
        let (name, key) = place
            .split_once('/')
            .filter(|(name, key)| is_good(name) && is_good(key))
            .ok_or_else(|| "it is written `<name>/<key>`, each of letters, digits, `-`, `_` and `.`".to_owned())?;
        // Kubernetes mounts keys as links, which stay inside the mounted directory.
        let path =
            below(std::slice::from_ref(mounted), &mounted.join(name).join(key)).map_err(|_| "it is not there")?;
        read(path)
    }
}

fn read(path: PathBuf) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.kind().to_string())?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err("it is no plain file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.kind().to_string())?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("it is longer than {SECRET_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())
}
