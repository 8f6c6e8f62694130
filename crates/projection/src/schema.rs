//! Names of schemas, in one place: the only text that is ever put into SQL.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::AssertSqlSafe;
use tokio::sync::watch;

/// The schema of the shared tables.
pub(crate) const SHARED: &str = "projection";

/// An identifier as SQL takes it.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// One generation's schema.
#[derive(Debug)]
pub struct Schema {
    base: &'static str,
    generation: i32,
    quoted: String,
    statements: RwLock<HashMap<&'static str, Arc<str>>>,
}

impl Schema {
    pub(crate) fn new(base: &'static str, generation: i32) -> Self {
        let quoted = quote(&format!("{base}_g{generation}"));
        Self { base, generation, quoted, statements: RwLock::default() }
    }

    /// Its number.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// The bare name, `storage_g3`.
    pub fn name(&self) -> String {
        format!("{}_g{}", self.base, self.generation)
    }

    /// The name as SQL takes it.
    pub fn quoted(&self) -> &str {
        &self.quoted
    }

    /// A statement written with `{schema}` before each table, for this generation. The template is a constant of ours; values
    /// are bound as `$1`. Built once per template, so that Postgres' prepared statements are reused.
    pub fn sql(&self, template: &'static str) -> AssertSqlSafe<Arc<str>> {
        if let Some(known) = self.statements.read().unwrap_or_else(PoisonError::into_inner).get(template) {
            return AssertSqlSafe(known.clone());
        }
        let built: Arc<str> = template.replace("{schema}", &self.quoted).into();
        self.statements.write().unwrap_or_else(PoisonError::into_inner).insert(template, built.clone());
        AssertSqlSafe(built)
    }

    /// Puts this schema alone on the search path of the running transaction.
    pub(crate) fn set_search_path(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("SET LOCAL search_path TO {}", self.quoted))
    }
}

/// The generation that reads use: switches at the flip of a rebuild, without a read noticing. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ActiveSchema(watch::Receiver<Arc<Schema>>);

impl ActiveSchema {
    pub(crate) fn new(receiver: watch::Receiver<Arc<Schema>>) -> Self {
        Self(receiver)
    }

    /// The schema to read now. Take it once per request, so that all its statements see one generation.
    pub fn current(&self) -> Arc<Schema> {
        self.0.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_templates_filled() {
        assert_eq!(quote("a\"; DROP TABLE x"), "\"a\"\"; DROP TABLE x\"");
        let schema = Schema::new("storage", 3);
        assert_eq!(schema.name(), "storage_g3");
        let AssertSqlSafe(text) = schema.sql("SELECT 1 FROM {schema}.bucket JOIN {schema}.project USING (p)");
        assert_eq!(&*text, "SELECT 1 FROM \"storage_g3\".bucket JOIN \"storage_g3\".project USING (p)");
    }
}
