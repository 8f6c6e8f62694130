//! Saying something of an object, or of columns of it.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Metadata, MetadataOf, entry_id};
use crate::contract::{MetadataEntry, MetadataEvent, MetadataKept, MetadataSet, SetMetadata};
use crate::model::limits::{
    METADATA_CALL_BYTES_MAX, METADATA_KEY_BYTES_MAX, METADATA_PER_CALL_MAX, METADATA_PER_OBJECT_MAX,
    METADATA_PER_TABLE_MAX, METADATA_PROVIDER_BYTES_MAX, METADATA_VALUE_BYTES_MAX,
};
use crate::model::names::fold;
use crate::model::problem;

impl Decide<Metadata> for SetMetadata {
    type Event = MetadataEvent;

    fn decide(self, state: &Metadata, _: &DecisionContext) -> Result<Vec<MetadataEvent>, Problem> {
        let of = MetadataOf::named(self.of_project, self.bucket.as_deref(), self.table.as_deref())?;
        self.check()?;
        let Self { project, branch, provider, entries, object, uid, project_uid, columns, .. } = self;
        // Of the same key the last one counts.
        let mut kept = BTreeMap::new();
        for entry in entries {
            let column = entry.column.as_deref().map(fold).unwrap_or_default();
            if !column.is_empty() && !columns.contains(&column) {
                return Err(problem::column_not_found(404, &column));
            }
            let id = entry_id(&column, &provider, &entry.key);
            let (key, value) = (entry.key, entry.value);
            kept.insert((column.clone(), id.clone()), MetadataKept { id, column, key, value });
        }
        let gone = |column: &&String| !column.is_empty() && !columns.contains(column);
        let forgotten: Vec<String> = state.entries.keys().filter(gone).cloned().collect();
        let entries: Vec<MetadataKept> = kept.into_values().collect();
        state.check_room(entries.iter().map(|entry| (entry.column.as_str(), entry.id.as_str())), &forgotten)?;
        let kind = of.as_str().to_owned();
        Ok(vec![MetadataSet { project, project_uid, kind, object, branch, uid, provider, entries, forgotten }.into()])
    }
}

impl SetMetadata {
    /// Refuses what is no message for the log; before it is sent, too.
    pub(crate) fn check_size(&self) -> Result<(), Problem> {
        if self.entries.is_empty() || self.entries.len() > METADATA_PER_CALL_MAX {
            let detail = format!("A call says 1 to {METADATA_PER_CALL_MAX} entries, this one {}.", self.entries.len());
            return Err(problem::invalid("invalid_metadata", detail));
        }
        let column = |entry: &MetadataEntry| entry.column.as_ref().map_or(0, String::len);
        let said = self.entries.iter().map(|entry| column(entry) + entry.key.len() + entry.value.len());
        let bytes = self.provider.len() + said.sum::<usize>();
        if bytes > METADATA_CALL_BYTES_MAX {
            let detail = format!("What a call says takes at most {METADATA_CALL_BYTES_MAX} bytes, this one {bytes}.");
            return Err(problem::invalid("invalid_metadata", detail));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Problem> {
        self.check_size()?;
        check_label("provider", &self.provider, METADATA_PROVIDER_BYTES_MAX)?;
        for entry in &self.entries {
            check_label("key", &entry.key, METADATA_KEY_BYTES_MAX)?;
            if entry.value.len() > METADATA_VALUE_BYTES_MAX || entry.value.contains('\0') {
                let detail = format!("A value takes at most {METADATA_VALUE_BYTES_MAX} bytes, none of them NUL.");
                return Err(problem::invalid("invalid_metadata", detail));
            }
            if entry.column.as_ref().is_some_and(String::is_empty) {
                return Err(problem::column_not_found(404, ""));
            }
        }
        Ok(())
    }
}

fn check_label(what: &str, text: &str, bytes_max: usize) -> Result<(), Problem> {
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        let detail = format!("A {what} is 1 to {bytes_max} bytes without control characters.");
        return Err(problem::invalid("invalid_metadata", detail));
    }
    Ok(())
}

impl Metadata {
    /// Refuses more entries than an object, and a table with all its columns, may have; those of `gone` columns do not count.
    pub(super) fn check_room<'a>(
        &self,
        more: impl Iterator<Item = (&'a str, &'a str)>,
        gone: &[String],
    ) -> Result<(), Problem> {
        let there = self.entries.iter().filter(|(column, _)| !gone.contains(column));
        let mut counts: BTreeMap<&str, usize> = there.map(|(column, of)| (column.as_str(), of.len())).collect();
        for (column, id) in more {
            if self.entry(column, id).is_none() {
                *counts.entry(column).or_default() += 1;
            }
        }
        if counts.values().any(|count| *count > METADATA_PER_OBJECT_MAX) {
            return Err(problem::metadata_full("An object or a column", METADATA_PER_OBJECT_MAX));
        }
        if counts.values().sum::<usize>() > METADATA_PER_TABLE_MAX {
            return Err(problem::metadata_full("A table with its columns", METADATA_PER_TABLE_MAX));
        }
        Ok(())
    }
}

impl Evolve<Metadata> for MetadataSet {
    fn evolve(self, state: &mut Metadata) {
        state.belongs(self.project, self.project_uid);
        for column in &self.forgotten {
            state.entries.remove(column);
        }
        for entry in self.entries {
            state.put(entry.column, entry.id, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, said, set};
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn when(before: Vec<MetadataEvent>, command: SetMetadata) -> Result<Vec<MetadataEvent>, Problem> {
        given::<Metadata>(before).when(command.into()).inspect_result()
    }

    fn kept(events: &[MetadataEvent]) -> &MetadataSet {
        let [MetadataEvent::MetadataSet(event)] = events else { panic!("{events:?}") };
        event
    }

    #[test]
    fn the_last_word_under_a_key_counts_and_keeps_its_id() {
        let words = vec![entry(None, "owner", "a"), entry(Some("ID"), "owner", "b"), entry(None, "owner", "c")];
        let events = when(nothing(), set("default", words)).unwrap();
        let event = kept(&events);
        let found: Vec<_> = event.entries.iter().map(|e| (e.column.as_str(), e.value.as_str())).collect();
        assert_eq!(found, [("", "c"), ("id", "b")]);
        assert_eq!((event.kind.as_str(), event.object.as_str(), event.branch.as_str()), ("table", "t1", "default"));
        let again = when(events.clone(), set("default", vec![entry(None, "owner", "d")])).unwrap();
        assert_eq!(kept(&again).entries[0].id, event.entries[0].id);
    }

    #[test]
    fn what_is_too_much_or_too_long_is_refused() {
        let many = |count: usize| (0..count).map(|n| entry(None, &n.to_string(), "")).collect::<Vec<_>>();
        let long = "x".repeat(METADATA_VALUE_BYTES_MAX);
        let odd: [Vec<MetadataEntry>; 7] = [
            vec![],
            many(METADATA_PER_CALL_MAX + 1),
            vec![entry(None, "", "v")],
            vec![entry(None, &"k".repeat(METADATA_KEY_BYTES_MAX + 1), "v")],
            vec![entry(None, "a\nb", "v")],
            vec![entry(None, "k", &format!("{long}x"))],
            vec![entry(None, "k", "a\0")],
        ];
        for entries in odd {
            refused(when(nothing(), set("default", entries)), 400, "storage.invalid_metadata");
        }
        let heavy: Vec<_> = (0..5).map(|n| entry(None, &n.to_string(), &long)).collect();
        refused(when(nothing(), set("default", heavy)), 400, "storage.invalid_metadata");
        for provider in ["", &"p".repeat(METADATA_PROVIDER_BYTES_MAX + 1), "a\0"] {
            let command = SetMetadata { provider: provider.into(), ..set("default", many(1)) };
            refused(when(nothing(), command), 400, "storage.invalid_metadata");
        }
        assert!(when(nothing(), set("default", vec![entry(None, "k", &long)])).is_ok());
        refused(when(nothing(), set("default", vec![entry(Some("none"), "k", "")])), 404, "storage.column_not_found");
    }

    #[test]
    fn an_object_and_each_column_have_room_for_so_many() {
        let full = (0..METADATA_PER_OBJECT_MAX).map(|n| entry(None, &n.to_string(), ""));
        let before = said("default", full.collect());
        let one_more = |column, key: &str| when(before.clone(), set("default", vec![entry(column, key, "")]));
        refused(one_more(None, "more"), 403, "storage.quota_exceeded");
        assert!(one_more(None, "0").is_ok(), "it replaces one");
        assert!(one_more(Some("id"), "more").is_ok(), "a column has room of its own");
    }

    #[test]
    fn what_was_said_of_columns_that_are_gone_takes_no_room() {
        let full = (0..METADATA_PER_OBJECT_MAX).map(|n| entry(Some("note"), &n.to_string(), ""));
        let before = said("default", full.collect());
        let without = SetMetadata { columns: vec!["id".into()], ..set("default", vec![entry(None, "k", "")]) };
        let events = when(before.clone(), without).unwrap();
        assert_eq!(kept(&events).forgotten, ["note"]);
        let after = [before, events].concat();
        assert!(when(after, set("default", vec![entry(Some("note"), "new", "")])).is_ok(), "a new column of the name");
    }
}
