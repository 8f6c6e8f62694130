//! Which snapshots are taken by themselves, and how long snapshots stay: said for the project, a bucket or a table. What a level
//! does not say comes from the one above it, in the end from the installation.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Catalogue, Project};
use crate::contract::{
    ClearSnapshotSettings, ProjectEvent, SetSnapshotSettings, SnapshotSettings, SnapshotSettingsCleared,
    SnapshotSettingsSet,
};
use crate::model::limits::{SNAPSHOT_AUTO_DAYS, SNAPSHOT_DAYS_MAX, SNAPSHOT_MANUAL_DAYS};
use crate::model::{names, problem};

/// The names of the levels that can say something, the one that counts least first.
const LEVELS: [&str; 3] = ["project", "bucket", "table"];
/// Where a setting comes from that no level says.
const SYSTEM: &str = "system";

/// A setting as it counts, and the level that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inherited<T> {
    /// What counts.
    pub value: T,
    /// `system`, `project`, `bucket` or `table`.
    pub from: &'static str,
}

/// The settings that count at a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    pub enabled: Inherited<bool>,
    pub manual_days: Inherited<i64>,
    pub auto_days: Inherited<i64>,
    pub drop_table: Inherited<bool>,
    pub truncate_table: Inherited<bool>,
    pub delete_all_rows: Inherited<bool>,
    pub drop_column: Inherited<bool>,
}

impl Effective {
    /// What counts when project, bucket and table say this.
    pub fn of(levels: [Option<&SnapshotSettings>; 3]) -> Self {
        Self {
            enabled: pick(levels, true, |level| level.enabled),
            manual_days: pick(levels, SNAPSHOT_MANUAL_DAYS, |level| level.manual_days),
            auto_days: pick(levels, SNAPSHOT_AUTO_DAYS, |level| level.auto_days),
            drop_table: pick(levels, true, |level| level.drop_table),
            truncate_table: pick(levels, false, |level| level.truncate_table),
            delete_all_rows: pick(levels, false, |level| level.delete_all_rows),
            drop_column: pick(levels, false, |level| level.drop_column),
        }
    }

    /// Whether a snapshot is taken before a table is dropped.
    pub(super) fn before_drop(&self) -> bool {
        self.enabled.value && self.drop_table.value
    }

    /// Whether one is taken before a column is dropped.
    pub(super) fn before_drop_column(&self) -> bool {
        self.enabled.value && self.drop_column.value
    }

    /// Whether one is taken before all rows are deleted.
    pub(super) fn before_delete_all(&self) -> bool {
        self.enabled.value && (self.truncate_table.value || self.delete_all_rows.value)
    }
}

fn pick<T>(
    levels: [Option<&SnapshotSettings>; 3],
    system: T,
    of: impl Fn(&SnapshotSettings) -> Option<T>,
) -> Inherited<T> {
    let said = levels.into_iter().zip(LEVELS).rev().find_map(|(level, from)| Some((of(level?)?, from)));
    let (value, from) = said.unwrap_or((system, SYSTEM));
    Inherited { value, from }
}

impl Catalogue {
    /// The settings that count for a table of this name, whether or not it is there.
    pub(crate) fn snapshot_rules(&self, bucket: &str, table: &str) -> Effective {
        let bucket = self.buckets.get(&names::fold(bucket));
        let table = bucket.and_then(|bucket| bucket.tables.get(&names::fold(table)));
        Effective::of([
            self.snapshot_settings.as_ref(),
            bucket.and_then(|bucket| bucket.snapshot_settings.as_ref()),
            table.and_then(|table| table.snapshot_settings.as_ref()),
        ])
    }

    /// What the level itself says, and the uid of its table if it is one.
    fn level(&self, bucket: Option<&str>, table: Option<&str>) -> Result<(Level, Option<&SnapshotSettings>), Problem> {
        let Some(bucket) = bucket else {
            return match table {
                None => Ok((Level::default(), self.snapshot_settings.as_ref())),
                Some(_) => Err(problem::invalid_request("A table is named with its bucket.")),
            };
        };
        let bucket = self.bucket(&names::bucket_name(bucket))?;
        let Some(table) = table else {
            let level = Level { bucket: Some(bucket.name.clone()), ..Level::default() };
            return Ok((level, bucket.snapshot_settings.as_ref()));
        };
        let table = self.table(names::MAIN_BRANCH, bucket, table)?.table();
        let level =
            Level { bucket: Some(bucket.name.clone()), table: Some(table.name.clone()), uid: Some(table.uid.clone()) };
        Ok((level, table.snapshot_settings.as_ref()))
    }

    fn set_level(&mut self, bucket: Option<&str>, table: Option<&str>, settings: Option<SnapshotSettings>) {
        let Some(bucket) = bucket else {
            self.snapshot_settings = settings;
            return;
        };
        let Some(bucket) = self.buckets.get_mut(&names::fold(bucket)) else { return };
        match table {
            None => bucket.snapshot_settings = settings,
            Some(table) => {
                if let Some(table) = bucket.tables.get_mut(&names::fold(table)) {
                    table.snapshot_settings = settings;
                }
            }
        }
    }
}

/// The names of a level as they are spelled.
#[derive(Default)]
struct Level {
    bucket: Option<String>,
    table: Option<String>,
    uid: Option<String>,
}

impl Decide<Project> for SetSnapshotSettings {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let (level, there) = live.level(self.bucket.as_deref(), self.table.as_deref())?;
        let settings = kept(self.settings, &self.keep, there)?;
        check(&settings)?;
        if settings == NOTHING {
            return Ok(cleared(self.project, level, there));
        }
        if there == Some(&settings) {
            return Ok(Vec::new());
        }
        let Level { bucket, table, uid } = level;
        Ok(vec![SnapshotSettingsSet { project: self.project, bucket, table, uid, settings }.into()])
    }
}

impl Decide<Project> for ClearSnapshotSettings {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let (level, there) = live.level(self.bucket.as_deref(), self.table.as_deref())?;
        Ok(cleared(self.project, level, there))
    }
}

/// A level that says nothing.
pub(crate) const NOTHING: SnapshotSettings = SnapshotSettings {
    enabled: None,
    manual_days: None,
    auto_days: None,
    drop_table: None,
    truncate_table: None,
    delete_all_rows: None,
    drop_column: None,
};

fn cleared(project: String, level: Level, there: Option<&SnapshotSettings>) -> Vec<ProjectEvent> {
    if there.is_none() {
        return Vec::new();
    }
    let Level { bucket, table, uid } = level;
    vec![SnapshotSettingsCleared { project, bucket, table, uid }.into()]
}

/// Settings with those of `names` as they were.
fn kept(
    mut settings: SnapshotSettings,
    names: &[String],
    before: Option<&SnapshotSettings>,
) -> Result<SnapshotSettings, Problem> {
    let before = before.unwrap_or(&NOTHING);
    for name in names {
        match name.as_str() {
            "enabled" => settings.enabled = before.enabled,
            "manual_days" => settings.manual_days = before.manual_days,
            "auto_days" => settings.auto_days = before.auto_days,
            "drop_table" => settings.drop_table = before.drop_table,
            "truncate_table" => settings.truncate_table = before.truncate_table,
            "delete_all_rows" => settings.delete_all_rows = before.delete_all_rows,
            "drop_column" => settings.drop_column = before.drop_column,
            _ => return Err(problem::invalid_request("`keep` names something that is no setting of snapshots.")),
        }
    }
    Ok(settings)
}

fn check(settings: &SnapshotSettings) -> Result<(), Problem> {
    let days = [("manual_days", settings.manual_days), ("auto_days", settings.auto_days)];
    let wrong = days.into_iter().filter_map(|(name, days)| match days? {
        days if days < 1 => Some(format!("retention.{name} must be a positive integer")),
        days if days > SNAPSHOT_DAYS_MAX => Some(format!("retention.{name} cannot exceed {SNAPSHOT_DAYS_MAX} days")),
        _ => None,
    });
    let wrong: Vec<String> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(problem::invalid_config(&wrong)) }
}

impl Evolve<Project> for SnapshotSettingsSet {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.set_level(self.bucket.as_deref(), self.table.as_deref(), Some(self.settings));
        }
    }
}

impl Evolve<Project> for SnapshotSettingsCleared {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.set_level(self.bucket.as_deref(), self.table.as_deref(), None);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::snapshot::tests::before;
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::TableDropped;
    use crate::model::spec::{given, nothing, refused};

    fn set(at: (Option<&str>, Option<&str>), settings: SnapshotSettings, keep: &[&str]) -> SetSnapshotSettings {
        SetSnapshotSettings {
            project: "Shop".into(),
            bucket: at.0.map(Into::into),
            table: at.1.map(Into::into),
            settings,
            keep: keep.iter().map(|&name| name.into()).collect(),
        }
    }

    pub(crate) fn was_set(bucket: Option<&str>, table: Option<&str>, settings: SnapshotSettings) -> ProjectEvent {
        let uid = table.map(|_| "t1".into());
        let (bucket, table) = (bucket.map(Into::into), table.map(Into::into));
        SnapshotSettingsSet { project: "Shop".into(), bucket, table, uid, settings }.into()
    }

    fn auto_days(days: i64) -> SnapshotSettings {
        SnapshotSettings { auto_days: Some(days), ..NOTHING }
    }

    #[test]
    fn the_nearest_level_that_says_something_counts() {
        let project = SnapshotSettings { enabled: Some(false), auto_days: Some(3), ..NOTHING };
        let bucket = SnapshotSettings { auto_days: Some(5), drop_column: Some(true), ..NOTHING };
        let table = SnapshotSettings { enabled: Some(true), ..NOTHING };
        let said = Effective::of([Some(&project), Some(&bucket), Some(&table)]);
        assert_eq!(said.enabled, Inherited { value: true, from: "table" });
        assert_eq!(said.auto_days, Inherited { value: 5, from: "bucket" });
        assert_eq!(said.manual_days, Inherited { value: 90, from: "system" });
        assert!(said.before_drop_column() && said.before_drop() && !said.before_delete_all());
        let silent = Effective::of([Some(&project), Some(&bucket), None]);
        assert_eq!(silent.enabled, Inherited { value: false, from: "project" });
        assert!(!silent.before_drop_column() && !silent.before_drop());
        let system = Effective::of([None; 3]);
        assert!(system.before_drop() && !system.before_drop_column() && !system.before_delete_all());
        for either in [
            SnapshotSettings { truncate_table: Some(true), ..NOTHING },
            SnapshotSettings { delete_all_rows: Some(true), ..NOTHING },
        ] {
            assert!(Effective::of([None, Some(&either), None]).before_delete_all());
        }
    }

    #[test]
    fn a_level_is_replaced_patched_and_cleared() {
        let when = |events: Vec<ProjectEvent>, command: SetSnapshotSettings| {
            given::<Project>(events).when(command.into()).inspect_result().unwrap()
        };
        let here = (Some("sales"), Some("orders"));
        let known = || before().into_iter().chain([was_set(Some("sales"), Some("orders"), auto_days(3))]).collect();
        let both = SnapshotSettings { enabled: Some(false), ..auto_days(3) };
        let replaced = when(known(), set(here, SnapshotSettings { enabled: Some(false), ..NOTHING }, &[]));
        let only = SnapshotSettings { enabled: Some(false), ..NOTHING };
        assert_eq!(replaced, [was_set(Some("sales"), Some("orders"), only.clone())]);
        let patched = when(known(), set(here, only, &["auto_days", "drop_table"]));
        assert_eq!(patched, [was_set(Some("sales"), Some("orders"), both)]);
        assert_eq!(when(known(), set(here, auto_days(3), &[])), [], "the same is no change");
        let clear = SnapshotSettingsCleared {
            project: "Shop".into(),
            bucket: Some("sales".into()),
            table: Some("orders".into()),
            uid: Some("t1".into()),
        };
        assert_eq!(when(known(), set(here, NOTHING, &[])), [clear.into()]);
        let clear = |bucket: Option<&str>| ClearSnapshotSettings {
            project: "Shop".into(),
            bucket: bucket.map(Into::into),
            table: None,
        };
        given::<Project>(before()).when(clear(None).into()).then_expect_events(nothing());
        refused(
            given::<Project>(before()).when(clear(Some("x")).into()).inspect_result(),
            404,
            "storage.bucket_not_found",
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_every_reason() {
        let when = |command: SetSnapshotSettings| given::<Project>(before()).when(command.into()).inspect_result();
        let days = SnapshotSettings { manual_days: Some(0), auto_days: Some(SNAPSHOT_DAYS_MAX + 1), ..NOTHING };
        let wrong = refused(when(set((None, None), days, &[])), 400, "storage.invalid_config");
        let errors = wrong.details.unwrap()["errors"].clone();
        assert!(errors[0].as_str().unwrap().contains("positive integer"), "{errors}");
        assert!(errors[1].as_str().unwrap().contains("exceed 3650"), "{errors}");
        refused(when(set((Some("x"), None), NOTHING, &[])), 404, "storage.bucket_not_found");
        refused(when(set((Some("sales"), Some("x")), NOTHING, &[])), 404, "storage.table_not_found");
        refused(when(set((None, Some("orders")), NOTHING, &[])), 400, "storage.invalid_request");
        refused(when(set((None, None), NOTHING, &["x"])), 400, "storage.invalid_request");
    }

    #[test]
    fn a_table_that_is_made_again_starts_without_settings() {
        let mut events = before();
        events.push(was_set(Some("sales"), Some("orders"), auto_days(3)));
        let dropped = TableDropped {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            snapshot: None,
            abandoned: false,
        };
        events.extend([dropped.into(), table_created("sales", "orders", "t2")]);
        let clear = ClearSnapshotSettings {
            project: "Shop".into(),
            bucket: Some("sales".into()),
            table: Some("orders".into()),
        };
        given::<Project>(events).when(clear.into()).then_expect_events(nothing());
    }
}
