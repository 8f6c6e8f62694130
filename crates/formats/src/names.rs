//! Columns and fields found by their names.

use std::collections::HashMap;

use alluvium_sql::types::Identifier;

/// The names of columns or fields: quoted ones are found as they are, the others in any case.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ordered: Vec<String>,
    exact: HashMap<String, usize>,
    folded: HashMap<String, usize>,
}

impl Names {
    pub(crate) fn new<'a>(identifiers: impl Iterator<Item = &'a Identifier>) -> Self {
        let mut made = Self::default();
        for (at, identifier) in identifiers.enumerate() {
            made.ordered.push(identifier.name.clone());
            made.exact.entry(identifier.name.clone()).or_insert(at);
            if !identifier.is_case_sensitive {
                made.folded.entry(identifier.name.to_lowercase()).or_insert(at);
            }
        }
        made
    }

    /// Which one has a name. Most inputs name columns in their order, so the place is tried first that is guessed.
    pub(crate) fn find(&self, name: &str, guess: usize) -> Option<usize> {
        if self.ordered.get(guess).is_some_and(|each| each == name) {
            return Some(guess);
        }
        self.exact.get(name).or_else(|| self.folded.get(&name.to_lowercase())).copied()
    }

    /// The names in their order.
    pub(crate) fn all(&self) -> &[String] {
        &self.ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quoted_names_keep_their_case() {
        let all =
            [Identifier::folded("id"), Identifier::quoted("ID"), Identifier::quoted("Name"), Identifier::folded("ÄB")];
        let names = Names::new(all.iter());
        for (name, guess, found) in [
            ("id", 0, Some(0)),
            ("ID", 0, Some(1)),
            ("Id", 0, Some(0)),
            ("Name", 2, Some(2)),
            ("Name", 9, Some(2)),
            ("name", 2, None),
            ("äb", 0, Some(3)),
            ("ÄB", 0, Some(3)),
            ("", 0, None),
        ] {
            assert_eq!(names.find(name, guess), found, "{name}");
        }
    }
}
