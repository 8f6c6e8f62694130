//! The parts of a path, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_kernel::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::ProblemResponse;

/// The named parts of the request's path, percent-decoded once; parts that an alias leaves out have its defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathParams(Arc<BTreeMap<String, String>>);

impl PathParams {
    /// From names and values.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }

    /// A part's value; empty when the route's pattern has no such part, which no requirement or lookup then meets.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The same, owned: what [`alluvium_kernel::Requirement`] takes.
    pub fn owned(&self, name: &str) -> String {
        self.get(name).to_owned()
    }

    /// Name and value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = ProblemResponse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal().into())
    }
}

/// The names between braces of a pattern, in order; `{*rest}` gives `rest`.
pub(crate) fn names(pattern: &str) -> Vec<String> {
    let inside = |part: &str| Some(part.split_once('}')?.0.trim_start_matches('*').to_owned());
    pattern.split('{').skip(1).filter_map(inside).collect()
}
