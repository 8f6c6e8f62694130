//! A schema registry over HTTP: ours, or any other that speaks the common REST API.

use std::collections::BTreeSet;
use std::time::Duration;

use alluvium_avro::{Named, REFERENCES_MAX, Schema};
use reqwest::{Method, Url};
use serde_json::Value;

use super::Context;
use super::operand::{Stored, parse_stored};
use crate::cli::schema::RegistryArgs;
use crate::client::path;
use crate::failure::{Exit, Failure};

/// How long a registry may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take; registering waits for a commit.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// What registries and their clients call this.
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What a registry is shown.
#[derive(Clone)]
enum Auth {
    None,
    Basic(String, String),
    Bearer(String),
}

/// A registry.
pub struct Registry {
    http: reqwest::Client,
    bases: Vec<(String, Auth)>,
    context: Option<String>,
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

impl Registry {
    /// The registry of the command line or the environment, else that of the Alluvium server.
    pub fn open(cx: &Context, args: &RegistryArgs) -> Result<Self, Failure> {
        if let Some(urls) = args.registry.as_deref().filter(|urls| !urls.trim().is_empty()) {
            return Self::at(urls, args.context.as_deref(), from_environment());
        }
        let session = cx.session()?;
        let url = format!("{}/sr", session.server.trim_end_matches('/'));
        Self::at(&url, args.context.as_deref(), session.key.map_or(Auth::None, Auth::Bearer))
    }

    /// Another registry; only what stands in its URL is shown to it.
    pub fn other(urls: &str) -> Result<Self, Failure> {
        Self::at(urls, None, Auth::None)
    }

    fn at(urls: &str, context: Option<&str>, auth: Auth) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(|error| Failure::bug("no HTTP client can be made").because(&error))?;
        let bases = urls.split(',').map(str::trim).filter(|url| !url.is_empty()).map(|url| base(url, &auth));
        Ok(Self { http, bases: bases.collect::<Result<_, _>>()?, context: context.map(str::to_owned) })
    }

    /// A subject's name without the context that this works in.
    pub fn unqualified<'n>(&self, name: &'n str) -> &'n str {
        let context = self.context.as_deref().map(|context| context.trim_matches(':').trim_start_matches('.'));
        context.and_then(|context| name.strip_prefix(&format!(":.{context}:"))).unwrap_or(name)
    }

    /// One call. `Err` inside is the registry's no, outside that nobody answered.
    pub async fn ask(
        &self,
        method: Method,
        parts: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Result<Value, Refusal>, Failure> {
        let mut whole = Vec::new();
        if let Some(context) = &self.context {
            whole.extend(["contexts", context.as_str()]);
        }
        whole.extend(parts);
        let path = path(&whole);
        let mut unreachable = Vec::new();
        for (base, auth) in &self.bases {
            let mut request = self.http.request(method.clone(), format!("{base}{path}")).query(query);
            request = request.header("Accept", format!("{CONTENT_TYPE}, application/json"));
            request = match auth {
                Auth::None => request,
                Auth::Basic(user, secret) => request.basic_auth(user, Some(secret)),
                Auth::Bearer(token) => request.bearer_auth(token),
            };
            if let Some(body) = body {
                request = request.header("Content-Type", CONTENT_TYPE).body(body.to_string());
            }
            match request.send().await {
                Ok(response) => return answer(base, response).await,
                Err(error) => unreachable.push(format!("{base}: {}", cause(&error))),
            }
        }
        let failure = Failure::unavailable("cli.registry_unreachable", "The schema registry does not answer.");
        let help = "name it with `--registry URL` or SCHEMA_REGISTRY_URL";
        Err(unreachable.into_iter().fold(failure, Failure::note).help(help))
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

fn base(url: &str, auth: &Auth) -> Result<(String, Auth), Failure> {
    let wrong = || Failure::usage(format!("`{url}` is no URL of a registry."));
    let mut parsed = Url::parse(url).map_err(|_| wrong())?;
    if parsed.scheme() != "http" {
        return Err(wrong().help("this build speaks plain http:// only; put a proxy that speaks TLS beside it"));
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let own = Auth::Basic(decoded(parsed.username()), decoded(parsed.password().unwrap_or_default()));
    let auth = if matches!(auth, Auth::None) && !parsed.username().is_empty() { own } else { auth.clone() };
    parsed.set_username("").and_then(|()| parsed.set_password(None)).map_err(|()| wrong())?;
    Ok((parsed.as_str().trim_end_matches('/').to_owned(), auth))
}

/// The credentials of the environment, under the names that clients of registries use.
fn from_environment() -> Auth {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some((user, secret)) =
        env("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO").as_deref().and_then(|info| info.split_once(':'))
    {
        return Auth::Basic(user.to_owned(), secret.to_owned());
    }
    match (env("SCHEMA_REGISTRY_API_KEY"), env("SCHEMA_REGISTRY_API_SECRET"), env("SCHEMA_REGISTRY_BEARER_TOKEN")) {
        (Some(key), Some(secret), _) => Auth::Basic(key, secret),
        (_, _, Some(token)) => Auth::Bearer(token),
        _ => Auth::None,
    }
}

async fn answer(base: &str, response: reqwest::Response) -> Result<Result<Value, Refusal>, Failure> {
    let status = response.status().as_u16();
    let strange = |what: &str| {
        let message = format!("What answers at {base} is no schema registry: {what}.");
        Failure::unavailable("cli.registry_unreachable", message).help("check `--registry`")
    };
    let bytes = response.bytes().await.map_err(|error| strange("its answer breaks off").because(&error))?;
    if bytes.is_empty() && status < 300 {
        return Ok(Ok(Value::Null));
    }
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| strange(&format!("status {status}, and no JSON")))?;
    if status < 300 {
        return Ok(Ok(body));
    }
    let message = body["message"].as_str().or_else(|| body["detail"].as_str()).unwrap_or_default().to_owned();
    Ok(Err(Refusal { status, code: body["error_code"].as_i64().unwrap_or(i64::from(status)), message }))
}

/// The innermost reason, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(this) = cause {
        text = this.to_string();
        cause = this.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_url_is_shown_to_that_registry_only() {
        let (url, auth) = base("http://key:s%3Aecret@host:8081/sr/", &Auth::None).unwrap();
        assert_eq!(url, "http://host:8081/sr");
        assert!(matches!(auth, Auth::Basic(user, secret) if user == "key" && secret == "s:ecret"));
        let (_, auth) = base("http://key:secret@host", &Auth::Bearer("token".into())).unwrap();
        assert!(matches!(auth, Auth::Bearer(_)));
        assert!(base("https://host", &Auth::None).is_err() && base("nonsense", &Auth::None).is_err());
    }
}
