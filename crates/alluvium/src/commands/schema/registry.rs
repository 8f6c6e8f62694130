//! A schema registry over HTTP: ours, or any other that speaks the common REST API.

use std::collections::BTreeSet;

use alluvium_avro::{Named, REFERENCES_MAX, Schema};
use alluvium_messaging::registry::{Auth, RegistryClient, RegistryConfig, RegistryError, RegistryTarget};
use reqwest::Method;
use serde_json::Value;

use super::Context;
use super::operand::{Stored, parse_stored};
use crate::cli::schema::RegistryArgs;
use crate::failure::{Exit, Failure};

/// A registry.
pub struct Registry {
    client: RegistryClient,
}

/// A registry's own no.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    /// The registry's error code, often the status and two digits.
    pub code: i64,
    pub message: String,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // Incompatible is a rule's no; Alluvium's own codes for conflicts do not go over this API.
        let exit = if refusal.status == 409 { Exit::Rejected } else { Exit::of_status(refusal.status) };
        Self::new(exit, "cli.registry_refused", refusal.message).note(format!("error code {}", refusal.code))
    }
}

/// What a client came back with instead of an answer.
pub fn failure(error: RegistryError) -> Failure {
    match error {
        RegistryError::Refused { request, status, code, message } => {
            Failure::from(Refusal { status, code: i64::from(code), message }).note(request)
        }
        RegistryError::Configuration(reason) => Failure::usage(reason),
        error => Failure::unavailable("cli.registry_unreachable", "The schema registry does not answer.")
            .note(error.to_string())
            .help("name it with `--registry URL` or SCHEMA_REGISTRY_URL"),
    }
}

impl Registry {
    /// The registry of the command line or the environment, else that of the Alluvium server.
    pub fn open(cx: &Context, args: &RegistryArgs) -> Result<Self, Failure> {
        let context = args.context.as_deref();
        if let Some(urls) = args.registry.as_deref().filter(|urls| !urls.trim().is_empty()) {
            let said = |name: &str| {
                if name == "SCHEMA_REGISTRY_URL" { Some(urls.to_owned()) } else { std::env::var(name).ok() }
            };
            let target = RegistryConfig::from_lookup(said).map_err(|error| Failure::usage(error.to_string()))?;
            return match target {
                Some(RegistryTarget::Http(config)) => Self::of(config, context),
                _ => Err(Failure::usage(format!("`{urls}` is no registry that is reached over HTTP."))),
            };
        }
        let session = cx.session()?;
        let url = format!("{}/sr", session.server.trim_end_matches('/'));
        let config = RegistryConfig::new(&url).map_err(|error| Failure::usage(error.to_string()))?;
        let auth = session.key.map_or(Auth::None, |key| Auth::Bearer(key.into()));
        Self::of(config.with_auth(auth), context)
    }

    /// Another registry; only what stands in its URL is shown to it.
    pub fn other(urls: &str) -> Result<Self, Failure> {
        Self::of(RegistryConfig::new(urls).map_err(|error| Failure::usage(error.to_string()))?, None)
    }

    fn of(config: RegistryConfig, context: Option<&str>) -> Result<Self, Failure> {
        let client = RegistryClient::new(config).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { client: context.map_or(client.clone(), |context| client.in_context(context)) })
    }

    /// The client, for what stands on the kit's codecs.
    pub fn client(&self) -> RegistryClient {
        self.client.clone()
    }

    /// A subject's name without the context that this works in.
    pub fn unqualified<'n>(&self, name: &'n str) -> &'n str {
        self.client.unqualified(name)
    }

    /// One call. `Err` inside is the registry's no, outside that nobody answered.
    pub async fn ask(
        &self,
        method: Method,
        parts: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Result<Value, Refusal>, Failure> {
        match self.client.raw(method.as_str(), parts, query, body).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(RegistryError::Refused { status, code, message, .. }) => {
                Ok(Err(Refusal { status, code: i64::from(code), message }))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// One call whose no is a failure.
    pub async fn call(
        &self,
        method: Method,
        parts: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        self.ask(method, parts, query, body).await?.map_err(Failure::from)
    }

    /// `GET`.
    pub async fn get(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.call(Method::GET, parts, query, None).await
    }

    /// What the registry keeps: its text, kind, references.
    pub async fn stored(&self, stored: &Stored, query: &[(&str, &str)]) -> Result<Value, Failure> {
        match stored {
            Stored::Id(id) => self.get(&["schemas", "ids", &id.to_string()], query).await,
            Stored::Version(subject, version) => self.get(&["subjects", subject, "versions", version], query).await,
        }
    }

    /// A schema of the registry, parsed with all that it uses.
    pub async fn parsed(&self, stored: &Stored) -> Result<Schema, Failure> {
        let found = self.stored(stored, &[]).await?;
        self.parse(&format!("{stored:?}"), &found).await
    }

    /// Parses what [`stored`](Self::stored) gave.
    pub async fn parse(&self, what: &str, found: &Value) -> Result<Schema, Failure> {
        let kind = found["schemaType"].as_str().unwrap_or("AVRO");
        if kind != "AVRO" {
            let message = format!("{what} is a schema of type {kind}; this works on Avro only.");
            return Err(Failure::usage(message).help("the registry itself judges it: `schema register --dry-run`"));
        }
        let references = self.references(found).await?;
        parse_stored(what, found["schema"].as_str().unwrap_or_default(), &references)
    }

    /// The schemas another one uses, each after those it uses itself.
    async fn references(&self, of: &Value) -> Result<Vec<Named>, Failure> {
        enum Step {
            Look(String, String, String),
            Keep(Named),
        }
        let steps = |of: &Value| -> Vec<Step> {
            let list = of["references"].as_array().cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let looks = list.iter().rev();
            looks.map(|each| Step::Look(text(&each["name"]), text(&each["subject"]), text(&each["version"]))).collect()
        };
        let (mut open, mut seen, mut all) = (steps(of), BTreeSet::new(), Vec::new());
        while let Some(step) = open.pop() {
            match step {
                Step::Keep(named) => all.push(named),
                Step::Look(name, subject, version) => {
                    if !seen.insert(name.clone()) || seen.len() > REFERENCES_MAX {
                        continue;
                    }
                    let found = self.get(&["subjects", &subject, "versions", &version], &[("deleted", "true")]).await?;
                    let text = found["schema"].as_str().unwrap_or_default().to_owned();
                    open.push(Step::Keep(Named { name, text }));
                    open.extend(steps(&found));
                }
            }
        }
        Ok(all)
    }
}
