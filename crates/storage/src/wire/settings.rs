//! Settings of snapshots: what a level says, what counts, and who says so.

use std::collections::BTreeMap;

use alluvium_kernel::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shape, read};
use crate::contract::SnapshotSettings;
use crate::model::{Effective, Inherited, NOTHING};

const TRIGGERS: [&str; 4] = ["drop_table", "truncate_table", "delete_all_rows", "drop_column"];
const RETENTION: [&str; 2] = ["manual_days", "auto_days"];

/// What a level says about snapshots; what is left out or null is inherited.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageSnapshotSettingsBody)]
pub struct SnapshotSettingsBody {
    /// Before which changes a snapshot is taken by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_snapshot_triggers: Option<SnapshotTriggers>,
    /// How long snapshots stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<SnapshotRetention>,
    /// Whether there are snapshots at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Before which changes a snapshot is taken by itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageSnapshotTriggers)]
#[serde(deny_unknown_fields)]
pub struct SnapshotTriggers {
    /// A table is dropped, alone or with its bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_table: Option<bool>,
    /// All rows are deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncate_table: Option<bool>,
    /// The same; either of the two is enough for the one snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_all_rows: Option<bool>,
    /// A column is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_column: Option<bool>,
}

/// How long snapshots stay, in days.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageSnapshotRetention)]
pub struct SnapshotRetention {
    /// Those that somebody takes, 1 to 3650.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual_days: Option<i64>,
    /// Those that are taken by themselves, 1 to 3650.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_days: Option<i64>,
}

/// What a body says from now on.
pub(crate) fn replaced(bytes: &[u8]) -> Result<SnapshotSettings, Problem> {
    read(bytes, settings)
}

/// What a body says, and the names of what it does not speak of; null takes a setting away.
pub(crate) fn patched(bytes: &[u8]) -> Result<(SnapshotSettings, Vec<String>), Problem> {
    read(bytes, |body| {
        let mut keep = Vec::new();
        if !body.names("enabled") {
            keep.push("enabled".to_owned());
        }
        for (group, names) in [("auto_snapshot_triggers", &TRIGGERS[..]), ("retention", &RETENTION[..])] {
            let unsaid = |inside: &Shape<'_>| names.iter().filter(|name| !inside.names(name)).copied().collect();
            let unsaid: Vec<&str> = match body.opt_shape(group, unsaid) {
                Some(unsaid) => unsaid,
                None if body.names(group) => Vec::new(),
                None => names.to_vec(),
            };
            keep.extend(unsaid.into_iter().map(ToOwned::to_owned));
        }
        (settings(body), keep)
    })
}

fn settings(body: &Shape<'_>) -> SnapshotSettings {
    let mut said = SnapshotSettings { enabled: body.opt_bool("enabled"), ..NOTHING };
    body.opt_shape("auto_snapshot_triggers", |triggers| {
        triggers.only(&TRIGGERS);
        said.drop_table = triggers.opt_bool("drop_table");
        said.truncate_table = triggers.opt_bool("truncate_table");
        said.delete_all_rows = triggers.opt_bool("delete_all_rows");
        said.drop_column = triggers.opt_bool("drop_column");
    });
    // Which days can be is for the model to say, with every reason at once.
    body.opt_shape("retention", |retention| {
        said.manual_days = retention.opt_int("manual_days", i64::MIN, i64::MAX);
        said.auto_days = retention.opt_int("auto_days", i64::MIN, i64::MAX);
    });
    said
}

/// What counts at a level.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageSnapshotSettings)]
pub struct SnapshotSettingsAnswer {
    /// What counts, each setting from the nearest level that says it.
    pub effective_config: SnapshotSettingsBody,
    /// For each setting, by its path, who says it: `system`, `project`, `bucket` or `table`.
    pub inheritance: BTreeMap<&'static str, &'static str>,
    /// What this level itself says, if anything.
    pub local_config: Option<SnapshotSettingsBody>,
}

impl SnapshotSettingsAnswer {
    pub(crate) fn of(levels: [Option<&SnapshotSettings>; 3], local: Option<&SnapshotSettings>) -> Self {
        let Effective { enabled, manual_days, auto_days, drop_table, truncate_table, delete_all_rows, drop_column } =
            Effective::of(levels);
        let counts = SnapshotSettings {
            enabled: Some(enabled.value),
            manual_days: Some(manual_days.value),
            auto_days: Some(auto_days.value),
            drop_table: Some(drop_table.value),
            truncate_table: Some(truncate_table.value),
            delete_all_rows: Some(delete_all_rows.value),
            drop_column: Some(drop_column.value),
        };
        let from = |trigger: Inherited<bool>| trigger.from;
        let inheritance = BTreeMap::from([
            ("enabled", from(enabled)),
            ("retention.manual_days", manual_days.from),
            ("retention.auto_days", auto_days.from),
            ("auto_snapshot_triggers.drop_table", from(drop_table)),
            ("auto_snapshot_triggers.truncate_table", from(truncate_table)),
            ("auto_snapshot_triggers.delete_all_rows", from(delete_all_rows)),
            ("auto_snapshot_triggers.drop_column", from(drop_column)),
        ]);
        Self { effective_config: body(&counts), inheritance, local_config: local.map(body) }
    }
}

fn body(settings: &SnapshotSettings) -> SnapshotSettingsBody {
    let SnapshotSettings { enabled, manual_days, auto_days, drop_table, truncate_table, delete_all_rows, drop_column } =
        settings.clone();
    let triggers = SnapshotTriggers { drop_table, truncate_table, delete_all_rows, drop_column };
    let retention = SnapshotRetention { manual_days, auto_days };
    let says_triggers = [drop_table, truncate_table, delete_all_rows, drop_column].iter().any(Option::is_some);
    SnapshotSettingsBody {
        auto_snapshot_triggers: says_triggers.then_some(triggers),
        retention: (manual_days.is_some() || auto_days.is_some()).then_some(retention),
        enabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_says_what_it_says_and_unknown_triggers_are_named() {
        let said = replaced(br#"{"enabled": "yes", "retention": {"auto_days": "3"}, "other": 1}"#).unwrap();
        assert_eq!(said, SnapshotSettings { enabled: Some(true), auto_days: Some(3), ..NOTHING });
        let wrong = replaced(br#"{"auto_snapshot_triggers": {"drop_tabel": true}}"#).unwrap_err();
        let entry = wrong.details.unwrap()["detail"][0].clone();
        assert_eq!(entry["type"], "extra_forbidden");
        assert_eq!(entry["loc"], json!(["body", "auto_snapshot_triggers", "drop_tabel"]));
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_speak_of_and_null_takes_away() {
        let keep = |text: &str| patched(text.as_bytes()).unwrap().1;
        assert_eq!(keep("{}").len(), 7);
        assert_eq!(keep(r#"{"enabled": null, "retention": null}"#), TRIGGERS);
        let some = keep(r#"{"enabled": true, "retention": {"auto_days": null}, "auto_snapshot_triggers": {}}"#);
        assert_eq!(some, [&TRIGGERS[..], &["manual_days"]].concat());
    }

    #[test]
    fn an_answer_says_what_counts_and_why() {
        let bucket = SnapshotSettings { auto_days: Some(3), drop_column: Some(true), ..NOTHING };
        let answer = SnapshotSettingsAnswer::of([None, Some(&bucket), None], Some(&bucket));
        let answer = serde_json::to_value(answer).unwrap();
        let local = json!({ "retention": { "auto_days": 3 }, "auto_snapshot_triggers": { "drop_column": true } });
        assert_eq!(answer["local_config"], local);
        assert_eq!(answer["effective_config"]["retention"], json!({ "manual_days": 90, "auto_days": 3 }));
        assert_eq!(answer["inheritance"]["retention.auto_days"], "bucket");
        assert_eq!(answer["inheritance"]["auto_snapshot_triggers.drop_table"], "system");
        assert_eq!(answer["inheritance"].as_object().unwrap().len(), 7);
        let silent = serde_json::to_value(SnapshotSettingsAnswer::of([None; 3], None)).unwrap();
        assert_eq!((&silent["local_config"], &silent["effective_config"]["enabled"]), (&json!(null), &json!(true)));
    }
}
