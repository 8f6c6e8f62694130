//! What becomes another when a program takes another's place: told before (`diff`) and when it happens (`approval_diff`) alike.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What becomes another in a pipeline. Names are sorted; connectors are named `relation.connector`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PipelineDiff {
    /// What becomes another in its program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_diff: Option<ProgramDiff>,
    /// Why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_diff_error: Option<String>,
    /// Connectors of tables that are new.
    pub added_input_connectors: Vec<String>,
    /// Those that are set otherwise.
    pub modified_input_connectors: Vec<String>,
    /// Those that are gone.
    pub removed_input_connectors: Vec<String>,
    /// Connectors of views that are new.
    pub added_output_connectors: Vec<String>,
    /// Those that are set otherwise.
    pub modified_output_connectors: Vec<String>,
    /// Those that are gone.
    pub removed_output_connectors: Vec<String>,
}

/// What becomes another in a program. Names are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgramDiff {
    /// Tables that are new.
    pub added_tables: Vec<String>,
    /// Those that are gone.
    pub removed_tables: Vec<String>,
    /// Those with other columns, another key, or kept otherwise.
    pub modified_tables: Vec<String>,
    /// Views that are new.
    pub added_views: Vec<String>,
    /// Those that are gone.
    pub removed_views: Vec<String>,
    /// Those that are computed otherwise.
    pub modified_views: Vec<String>,
}

impl PipelineDiff {
    /// Between two values of `program_info`. `is_view_another` is asked of views that both have, by name: whether it is computed
    /// otherwise, which `program_info` alone does not tell.
    pub fn between(old: &Value, new: &Value, is_view_another: impl Fn(&str) -> bool) -> Self {
        let relations = |info: &Value, which: &str| -> BTreeMap<String, Value> {
            let all = info["schema"][which].as_array().cloned().unwrap_or_default();
            all.into_iter().map(|relation| (name(&relation), shape(&relation))).collect()
        };
        let [added_tables, modified_tables, removed_tables] =
            compared(&relations(old, "inputs"), &relations(new, "inputs"), |_| false);
        let [added_views, modified_views, removed_views] =
            compared(&relations(old, "outputs"), &relations(new, "outputs"), is_view_another);
        let connectors = |info: &Value, which: &str| -> BTreeMap<String, Value> {
            info[which].as_object().into_iter().flatten().map(|(name, it)| (name.clone(), it.clone())).collect()
        };
        let of = |which: &str| compared(&connectors(old, which), &connectors(new, which), |_| false);
        let [added_input_connectors, modified_input_connectors, removed_input_connectors] = of("input_connectors");
        let [added_output_connectors, modified_output_connectors, removed_output_connectors] = of("output_connectors");
        Self {
            program_diff: Some(ProgramDiff {
                added_tables,
                removed_tables,
                modified_tables,
                added_views,
                removed_views,
                modified_views,
            }),
            program_diff_error: None,
            added_input_connectors,
            modified_input_connectors,
            removed_input_connectors,
            added_output_connectors,
            modified_output_connectors,
            removed_output_connectors,
        }
    }

    /// Whether nothing becomes another.
    pub fn is_empty(&self) -> bool {
        *self == Self { program_diff: self.program_diff.as_ref().map(|_| ProgramDiff::default()), ..Self::default() }
    }
}

/// The name of a relation, in quotes where it is one that is told from others by its case.
fn name(relation: &Value) -> String {
    relation["name"].as_str().unwrap_or_default().to_owned()
}

/// What of a relation counts: not its connectors, nor whether its columns are used.
fn shape(relation: &Value) -> Value {
    let fields = relation["fields"].as_array().into_iter().flatten().map(|field| {
        let mut field = field.clone();
        if let Some(field) = field.as_object_mut() {
            field.remove("unused");
        }
        field
    });
    serde_json::json!({
        "fields": fields.collect::<Vec<_>>(),
        "primary_key": relation["primary_key"],
        "materialized": relation["materialized"],
        "append_only": relation["properties"]["append_only"]["value"],
    })
}

/// Names of what is new, what is another, and what is gone.
fn compared(
    old: &BTreeMap<String, Value>,
    new: &BTreeMap<String, Value>,
    is_another: impl Fn(&str) -> bool,
) -> [Vec<String>; 3] {
    let added = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
    let differs = |(name, was): &(&String, &Value)| new.get(*name).is_some_and(|is| is != *was || is_another(name));
    let modified = old.iter().filter(differs).map(|(name, _)| name.clone()).collect();
    let removed = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    [added, modified, removed]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(name: &str, column: &str, more: &Value) -> Value {
        let mut table = json!({
            "name": name,
            "fields": [{"name": column, "columntype": {"type": "INTEGER"}, "unused": false}],
            "materialized": false,
            "properties": {},
        });
        for (key, value) in more.as_object().unwrap() {
            table[key] = value.clone();
        }
        table
    }

    fn info(tables: &[Value], views: &[Value], inputs: &Value) -> Value {
        json!({"schema": {"inputs": tables, "outputs": views}, "input_connectors": inputs, "output_connectors": {}})
    }

    fn modified(before: Value, after: Value) -> bool {
        let diff =
            PipelineDiff::between(&info(&[before], &[], &json!({})), &info(&[after], &[], &json!({})), |_| false);
        !diff.program_diff.unwrap().modified_tables.is_empty()
    }

    #[test]
    fn a_table_is_another_with_other_columns_another_key_or_kept_otherwise() {
        let plain = || table("t", "a", &json!({}));
        let with = |more: Value| table("t", "a", &more);
        assert!(!modified(plain(), plain()));
        for (other, is_another) in [
            (table("t", "b", &json!({})), true),
            (with(json!({"primary_key": ["a"]})), true),
            (with(json!({"materialized": true})), true),
            (with(json!({"properties": {"append_only": {"value": "true"}}})), true),
            (with(json!({"properties": {"connectors": {"value": "[]"}}})), false),
            (with(json!({"fields": [{"name": "a", "columntype": {"type": "INTEGER"}, "unused": true}]})), false),
        ] {
            assert_eq!(modified(plain(), other.clone()), is_another, "{other}");
        }
    }

    #[test]
    fn what_is_new_gone_and_another_is_told_apart_and_sorted() {
        let [a, b, c] = ["a", "b", "c"].map(|name| table(name, "x", &json!({})));
        let old = info(&[b.clone(), a.clone()], &[a.clone(), b.clone()], &json!({"b.k": {"paused": false}, "a.k": {}}));
        let new = info(&[c.clone(), b.clone()], &[c, b, a], &json!({"b.k": {"paused": true}, "c.k": {}}));
        let diff = PipelineDiff::between(&old, &new, |view| view == "b");
        let program = diff.program_diff.clone().unwrap();
        assert_eq!(
            (program.added_tables, program.removed_tables, program.modified_tables.len()),
            (vec!["c".into()], vec!["a".into()], 0)
        );
        assert_eq!(
            (program.added_views, program.modified_views, program.removed_views.len()),
            (vec!["c".into()], vec!["b".into()], 0)
        );
        assert_eq!(diff.added_input_connectors, ["c.k"]);
        assert_eq!(diff.modified_input_connectors, ["b.k"]);
        assert_eq!(diff.removed_input_connectors, ["a.k"]);
        assert!(!diff.is_empty() && PipelineDiff::between(&old, &old, |_| false).is_empty());
        assert!(!PipelineDiff::between(&old, &old, |_| true).is_empty());
    }

    #[test]
    fn what_is_no_program_info_has_nothing() {
        for value in [Value::Null, json!([]), json!({"schema": 1})] {
            assert!(PipelineDiff::between(&value, &value, |_| true).is_empty());
        }
    }
}
