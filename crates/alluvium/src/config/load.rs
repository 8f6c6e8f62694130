//! Laying the layers together, remembering which one each value came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::settings::{Kind, SETTINGS, Setting};
use super::{Config, Role};
use crate::failure::{Exit, Failure};

/// The file read when none is named and it exists.
const FILE_DEFAULT: &str = "alluvium.toml";

/// What flags of `dev` and `serve` set; the topmost layer.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--host`
    pub host: Option<String>,
    /// `--port`
    pub port: Option<u16>,
    /// `--data`
    pub data_dir: Option<PathBuf>,
    /// `--role`
    pub roles: Vec<Role>,
    /// `--nats`
    pub nats_url: Option<String>,
}

/// The configuration, and where each value came from.
#[derive(Debug)]
pub struct Loaded {
    /// What counts.
    pub config: Config,
    origins: BTreeMap<&'static str, String>,
}

impl Loaded {
    /// Where the value at `path` came from: `default`, the file, `environment NAME` or `flag`.
    pub fn origin(&self, path: &str) -> &str {
        self.origins.get(path).map_or("default", String::as_str)
    }
}

/// Loads the configuration. `env` is the process environment, given in so that tests need not change it.
pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>, flags: &Overrides) -> Result<Loaded, Failure> {
    let file = match file {
        Some(named) if !named.is_file() => {
            let message = format!("The configuration file `{}` does not exist.", named.display());
            return Err(Failure::new(Exit::Usage, "config.file_not_found", message).help("check `--config`"));
        }
        Some(named) => Some(named.to_owned()),
        None => Some(PathBuf::from(FILE_DEFAULT)).filter(|path| path.is_file()),
    };
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = &file {
        figment = figment.merge(Toml::file_exact(file));
    }
    for (setting, name, text) in set_in(env) {
        let value = value_of(setting, name, text)?;
        figment = figment.merge(One { origin: format!("environment {name}"), path: setting.path, value });
    }
    for (path, value) in flag_values(flags) {
        figment = figment.merge(One { origin: "flag".to_owned(), path, value });
    }
    let config: Config = figment.extract().map_err(|error| unreadable(error, file.as_deref()))?;
    let origins = SETTINGS.iter().filter_map(|setting| Some((setting.path, origin_of(&figment, setting.path)?)));
    let origins = origins.collect();
    Ok(Loaded { config, origins })
}

/// The settings that the environment sets, each by the first of its names.
fn set_in(env: &BTreeMap<String, String>) -> impl Iterator<Item = (&'static Setting, &'static str, &str)> {
    SETTINGS.iter().filter_map(|setting| {
        let name = setting.env.iter().find(|name| env.get(**name).is_some_and(|text| !text.is_empty()))?;
        Some((setting, *name, env.get(*name)?.as_str()))
    })
}

fn value_of(setting: &Setting, name: &str, text: &str) -> Result<Value, Failure> {
    let wrong = |expected: &str| {
        let message = format!("`{name}` is `{text}`; it must be {expected}.");
        Failure::new(Exit::Usage, "config.invalid", message)
            .help(format!("{name} sets `{}`: {}", setting.path, setting.doc))
    };
    Ok(match setting.kind {
        Kind::Text => Value::from(text),
        Kind::Number => Value::from(text.trim().parse::<u64>().map_err(|_| wrong("a whole number"))?),
        Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Value::from(true),
            "0" | "false" | "no" | "off" => Value::from(false),
            _ => return Err(wrong("true or false")),
        },
        Kind::List => Value::from(text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>()),
    })
}

fn flag_values(flags: &Overrides) -> Vec<(&'static str, Value)> {
    let mut values = Vec::new();
    values.extend(flags.host.as_deref().map(|host| ("host", Value::from(host))));
    values.extend(flags.port.map(|port| ("port", Value::from(port))));
    values.extend(flags.data_dir.as_ref().map(|dir| ("data_dir", Value::from(dir.to_string_lossy().as_ref()))));
    values.extend(flags.nats_url.as_deref().map(|url| ("nats.url", Value::from(url))));
    if !flags.roles.is_empty() {
        let names: Vec<String> = flags.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
        values.push(("roles", Value::from(names)));
    }
    values
}

/// One value from one place.
struct One {
    origin: String,
    path: &'static str,
    value: Value,
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = self
            .path
            .rsplit('.')
            .fold(self.value.clone(), |inner, key| Value::from(Dict::from([(key.to_owned(), inner)])));
        match value {
            Value::Dict(_, dict) => Ok(Profile::Default.collect(dict)),
            _ => Err(figment::Error::from("a setting's path has at least one part".to_owned())),
        }
    }
}

fn origin_of(figment: &Figment, path: &str) -> Option<String> {
    let metadata = figment.find_metadata(path)?;
    Some(match &metadata.source {
        Some(figment::Source::File(file)) => format!("file {}", file.display()),
        _ if metadata.name.starts_with("environment") || metadata.name == "flag" => metadata.name.to_string(),
        _ => "default".to_owned(),
    })
}

fn unreadable(error: figment::Error, file: Option<&Path>) -> Failure {
    let notes: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
    let from = file.map(|file| format!(" (file `{}`)", file.display())).unwrap_or_default();
    let mut failure = Failure::new(Exit::Usage, "config.invalid", format!("The configuration cannot be read{from}."))
        .help("`alluvium config show` lists every setting with its names");
    failure.notes = notes;
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn later_layers_win_and_say_so() {
        let (_dir, path) = file("port = 1\nhost = \"file\"\ndata_dir = \"d\"\n[nats]\nurl = \"nats://file\"\n");
        let env = env(&[("PORT", "2"), ("ALLUVIUM_HOST", "env"), ("HOST", "less"), ("ALLUVIUM_ROLES", "api, tables")]);
        let flags = Overrides { host: Some("flag".into()), ..Overrides::default() };
        let loaded = load(Some(&path), &env, &flags).unwrap();
        assert_eq!((loaded.config.port, loaded.config.host.as_str()), (2, "flag"));
        assert_eq!(loaded.config.nats.url.as_deref(), Some("nats://file"));
        assert_eq!(loaded.config.roles, [Role::Api, Role::Tables]);
        assert_eq!((loaded.origin("port"), loaded.origin("host")), ("environment PORT", "flag"));
        assert!(loaded.origin("data_dir").starts_with("file "));
        assert_eq!(loaded.origin("drain_seconds"), "default");
    }

    #[test]
    fn our_own_name_beats_the_drop_in_name() {
        let env = env(&[("PORT", "2"), ("ALLUVIUM_PORT", "3")]);
        assert_eq!(load(None, &env, &Overrides::default()).unwrap().config.port, 3);
    }

    #[test]
    fn numbers_stay_text_where_text_is_meant() {
        let env = env(&[("ADMIN_API_KEY", "12345")]);
        let loaded = load(None, &env, &Overrides::default()).unwrap();
        assert_eq!(loaded.config.admin_key.unwrap().expose(), "12345");
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_errors_by_name() {
        let (_dir, path) = file("prot = 1\n");
        let failure = load(Some(&path), &env(&[]), &Overrides::default()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.notes.iter().any(|note| note.contains("prot")), "{failure:?}");
        let failure = load(None, &env(&[("PORT", "many")]), &Overrides::default()).unwrap_err();
        assert!(failure.message.contains("many"), "{failure:?}");
        let failure = load(Some(Path::new("/nowhere/x.toml")), &env(&[]), &Overrides::default()).unwrap_err();
        assert_eq!(failure.code, "config.file_not_found");
    }

    #[test]
    fn every_setting_of_the_list_exists_and_none_is_missing() {
        let whole = serde_json::to_value(Config::default()).unwrap();
        let mut leaves = Vec::new();
        for (key, value) in whole.as_object().unwrap() {
            match value.as_object() {
                Some(inner) => leaves.extend(inner.keys().map(|name| format!("{key}.{name}"))),
                None => leaves.push(key.clone()),
            }
        }
        let mut listed: Vec<String> = SETTINGS.iter().map(|setting| setting.path.to_owned()).collect();
        leaves.sort();
        listed.sort();
        assert_eq!(leaves, listed);
    }
}
