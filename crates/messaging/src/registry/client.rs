//! The calls.

use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::config::RegistryConfig;
use super::error::RegistryError;
use super::http::{Call, Http};
use super::types::{
    Compatibility, Config, ContextId, Mode, NewSchema, Registered, SchemaById, SubjectVersion, Version,
};

/// A client of one registry. A clone shares connections.
#[derive(Clone)]
pub struct RegistryClient {
    http: Arc<Http>,
    context: Option<String>,
}

/// Which of a subject's or registry's things a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaVersions {
    /// Those that are not deleted.
    #[default]
    Live,
    /// All.
    WithDeleted,
    /// Those that are softly deleted.
    DeletedOnly,
}

impl SchemaVersions {
    fn query(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Live => &[],
            Self::WithDeleted => &[("deleted", "true")],
            Self::DeletedOnly => &[("deletedOnly", "true")],
        }
    }
}

impl std::fmt::Debug for RegistryClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RegistryClient")
            .field("config", self.http.config())
            .field("context", &self.context)
            .finish()
    }
}

fn yes(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

type Answer<T> = Result<T, RegistryError>;

impl RegistryClient {
    /// Of a registry that is reached over HTTP.
    pub fn new(config: RegistryConfig) -> Answer<Self> {
        Ok(Self { http: Arc::new(Http::new(config)?), context: None })
    }

    /// The same registry, with every call inside a context.
    #[must_use]
    pub fn in_context(&self, context: impl Into<String>) -> Self {
        Self { http: Arc::clone(&self.http), context: Some(context.into()) }
    }

    /// The context that every call is inside of.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer<T> {
        let mut whole = Vec::with_capacity(path.len() + 2);
        if let Some(context) = &self.context {
            whole.extend(["contexts", context.as_str()]);
        }
        whole.extend_from_slice(path);
        self.http.call(Call { method, path: &whole, query, body }).await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Answer<T> {
        self.call(Method::GET, path, query, None).await
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Answer<()> {
        self.get::<Value>(&["schemas", "types"], &[]).await.map(|_| ())
    }

    /// Names of subjects.
    pub async fn subjects(&self, prefix: Option<&str>, which: SchemaVersions) -> Answer<Vec<String>> {
        let mut query = which.query().to_vec();
        query.extend(prefix.map(|prefix| ("subjectPrefix", prefix)));
        self.get(&["subjects"], &query).await
    }

    /// Versions of a subject, ascending.
    pub async fn versions(&self, subject: &str, which: SchemaVersions) -> Answer<Vec<u32>> {
        self.get(&["subjects", subject, "versions"], which.query()).await
    }

    /// One version of a subject.
    pub async fn version(&self, subject: &str, version: impl Into<Version>, deleted: bool) -> Answer<SubjectVersion> {
        let version = version.into().to_string();
        self.get(&["subjects", subject, "versions", &version], &[("deleted", yes(deleted))]).await
    }

    /// Ids of schemas that use a version.
    pub async fn referenced_by(&self, subject: &str, version: impl Into<Version>) -> Answer<Vec<u32>> {
        let version = version.into().to_string();
        self.get(&["subjects", subject, "versions", &version, "referencedby"], &[]).await
    }

    /// The version that a schema is under a subject.
    pub async fn lookup(&self, subject: &str, schema: &NewSchema, normalize: bool) -> Answer<SubjectVersion> {
        let body = json!(schema);
        self.call(Method::POST, &["subjects", subject], &[("normalize", yes(normalize))], Some(&body)).await
    }

    /// Registers a schema.
    pub async fn register(&self, subject: &str, schema: &NewSchema, normalize: bool) -> Answer<Registered> {
        let body = json!(schema);
        let query = [("normalize", yes(normalize))];
        self.call(Method::POST, &["subjects", subject, "versions"], &query, Some(&body)).await
    }

    /// Deletes a subject; for good only what was deleted softly before. Gives the versions that went.
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Answer<Vec<u32>> {
        self.call(Method::DELETE, &["subjects", subject], &[("permanent", yes(permanent))], None).await
    }

    /// Deletes a version; for good only what was deleted softly before.
    pub async fn delete_version(&self, subject: &str, version: impl Into<Version>, permanent: bool) -> Answer<u32> {
        let version = version.into().to_string();
        let path = ["subjects", subject, "versions", &version];
        self.call(Method::DELETE, &path, &[("permanent", yes(permanent))], None).await
    }

    /// The newest version whose metadata has these properties.
    pub async fn by_metadata(
        &self,
        subject: &str,
        properties: &[(&str, &str)],
        deleted: bool,
    ) -> Answer<SubjectVersion> {
        let mut query = vec![("deleted", yes(deleted))];
        query.extend(properties.iter().flat_map(|(key, value)| [("key", *key), ("value", *value)]));
        self.get(&["subjects", subject, "metadata"], &query).await
    }

    /// Adds and removes tags, metadata and rules of a version, which makes a new one.
    pub async fn change_tags(&self, subject: &str, version: impl Into<Version>, change: &Value) -> Answer<Registered> {
        let version = version.into().to_string();
        let path = ["subjects", subject, "versions", &version, "tags"];
        self.call(Method::POST, &path, &[], Some(change)).await
    }

    /// All schemas, in pages.
    pub async fn schemas(
        &self,
        prefix: Option<&str>,
        deleted: bool,
        offset: usize,
        limit: usize,
    ) -> Answer<Vec<SubjectVersion>> {
        let (offset, limit) = (offset.to_string(), limit.to_string());
        let mut query = vec![("deleted", yes(deleted)), ("offset", offset.as_str()), ("limit", limit.as_str())];
        query.extend(prefix.map(|prefix| ("subjectPrefix", prefix)));
        self.get(&["schemas"], &query).await
    }

    /// The schema of an id. `subject` says where to look for it besides the default context.
    pub async fn by_id(&self, id: u32, subject: Option<&str>) -> Answer<SchemaById> {
        let query: Vec<(&str, &str)> = subject.map(|subject| ("subject", subject)).into_iter().collect();
        self.get(&["schemas", "ids", &id.to_string()], &query).await
    }

    /// Subjects that have an id.
    pub async fn subjects_of_id(&self, id: u32, deleted: bool) -> Answer<Vec<String>> {
        self.get(&["schemas", "ids", &id.to_string(), "subjects"], &[("deleted", yes(deleted))]).await
    }

    /// Versions that have an id, as subject and version.
    pub async fn versions_of_id(&self, id: u32, deleted: bool) -> Answer<Vec<(String, u32)>> {
        #[derive(Deserialize)]
        struct Pair {
            subject: String,
            version: u32,
        }
        let path = ["schemas", "ids", &id.to_string(), "versions"];
        let pairs: Vec<Pair> = self.get(&path, &[("deleted", yes(deleted))]).await?;
        Ok(pairs.into_iter().map(|pair| (pair.subject, pair.version)).collect())
    }

    /// The schema of a GUID.
    pub async fn by_guid(&self, guid: uuid::Uuid) -> Answer<SchemaById> {
        self.get(&["schemas", "guids", &guid.to_string()], &[]).await
    }

    /// Ids of a GUID.
    pub async fn ids_of_guid(&self, guid: uuid::Uuid) -> Answer<Vec<ContextId>> {
        self.get(&["schemas", "guids", &guid.to_string(), "ids"], &[]).await
    }

    /// Ids of a fingerprint; only this platform's registry knows them.
    pub async fn ids_of_fingerprint(&self, fingerprint: u64) -> Answer<Vec<ContextId>> {
        self.get(&["schemas", "fingerprints", &format!("{fingerprint:016x}")], &[]).await
    }

    /// Types of schemas that it takes.
    pub async fn types(&self) -> Answer<Vec<String>> {
        self.get(&["schemas", "types"], &[]).await
    }

    /// Whether a schema could be registered, with all reasons; against one version, or as registering would check.
    pub async fn check(
        &self,
        subject: &str,
        version: Option<Version>,
        schema: &NewSchema,
        normalize: bool,
    ) -> Answer<Compatibility> {
        let body = json!(schema);
        let query = [("verbose", "true"), ("normalize", yes(normalize))];
        let version = version.map(|version| version.to_string());
        let mut path = vec!["compatibility", "subjects", subject, "versions"];
        path.extend(version.as_deref());
        self.call(Method::POST, &path, &query, Some(&body)).await
    }

    /// Settings of a subject, or the global ones; `effective` fills in what narrower scopes leave out.
    pub async fn config(&self, subject: Option<&str>, effective: bool) -> Answer<Config> {
        self.get(&scoped("config", subject), &[("defaultToGlobal", yes(effective))]).await
    }

    /// Changes the settings that are given; gives all that are set then.
    pub async fn set_config(&self, subject: Option<&str>, config: &Config) -> Answer<Config> {
        let body = json!(config);
        self.call(Method::PUT, &scoped("config", subject), &[], Some(&body)).await
    }

    /// Takes all settings of a scope back; gives what they were.
    pub async fn clear_config(&self, subject: Option<&str>) -> Answer<Config> {
        let mut was: Map<String, Value> = self.call(Method::DELETE, &scoped("config", subject), &[], None).await?;
        // Some servers say beside it which level holds now.
        if was.contains_key("compatibilityLevel") {
            was.remove("compatibility");
        }
        serde_json::from_value(Value::Object(was)).map_err(|error| RegistryError::Malformed {
            request: "DELETE /config".to_owned(),
            message: error.to_string(),
        })
    }

    /// The mode of a subject, or the global one.
    pub async fn mode(&self, subject: Option<&str>, effective: bool) -> Answer<Mode> {
        let answer: ModeBody = self.get(&scoped("mode", subject), &[("defaultToGlobal", yes(effective))]).await?;
        Ok(answer.mode)
    }

    /// Sets a mode.
    pub async fn set_mode(&self, subject: Option<&str>, mode: Mode, force: bool) -> Answer<()> {
        let body = json!({ "mode": mode });
        let path = scoped("mode", subject);
        self.call::<Value>(Method::PUT, &path, &[("force", yes(force))], Some(&body)).await.map(|_| ())
    }

    /// Takes a mode back.
    pub async fn clear_mode(&self, subject: Option<&str>) -> Answer<()> {
        self.call::<Value>(Method::DELETE, &scoped("mode", subject), &[], None).await.map(|_| ())
    }

    /// Contexts.
    pub async fn contexts(&self) -> Answer<Vec<String>> {
        self.http.call(Call { method: Method::GET, path: &["contexts"], query: &[], body: None }).await
    }

    /// Deletes a context that has no versions left.
    pub async fn delete_context(&self, context: &str) -> Answer<()> {
        let call = Call { method: Method::DELETE, path: &["contexts", context], query: &[], body: None };
        self.http.bytes(&call).await.map(|_| ())
    }

    /// What happened to a subject; only this platform's registry tells it.
    pub async fn history(&self, subject: &str) -> Answer<Value> {
        self.get(&["subjects", subject, "history"], &[]).await
    }

    /// Any call, for what has no name here.
    pub async fn raw(
        &self,
        method: &str,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer<Value> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| RegistryError::Configuration(format!("`{method}` is no HTTP method")))?;
        self.call(method, path, query, body).await
    }
}

#[derive(Deserialize)]
struct ModeBody {
    mode: Mode,
}

fn scoped<'a>(what: &'a str, subject: Option<&'a str>) -> Vec<&'a str> {
    std::iter::once(what).chain(subject).collect()
}
