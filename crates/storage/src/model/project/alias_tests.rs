//! Specs of aliases.

use super::super::branch::tests::{BRANCH, branch_created};
use super::super::bucket::tests::bucket_created;
use super::super::life::tests::created;
use super::super::overlay::tests::{and, own};
use super::super::table::tests::table_created;
use super::*;
use crate::contract::{
    BranchDeleted, BucketLinked, CreateTable, DeleteBucket, ForkTable, ProjectCommand, PullTable, TableDropped,
};
use crate::model::spec::{at, given, nothing, refused};

/// Project with a branch, `sales` with the table `orders` (t1), and the empty bucket `open`.
fn before() -> Vec<ProjectEvent> {
    vec![
        created(),
        branch_created(BRANCH, "a"),
        bucket_created("sales"),
        bucket_created("open"),
        table_created("sales", "orders", "t1"),
    ]
}

fn eu() -> AliasFilter {
    let (column, operator, values) = ("region".into(), "eq".into(), vec!["eu".into()]);
    AliasFilter { column, operator, values, data_type: None, r#type: None }
}

fn create(branch: &str, name: &str) -> CreateAlias {
    CreateAlias {
        project: "Shop".into(),
        branch: branch.into(),
        bucket: "open".into(),
        table: name.into(),
        source_bucket: "sales".into(),
        source_table: "orders".into(),
        columns: Some(vec!["id".into()]),
        filter: vec![eu()],
    }
}

fn made(branch: &str, name: &str, uid: &str) -> ProjectEvent {
    let CreateAlias { project, branch, bucket, table, source_bucket, source_table, columns, filter } =
        create(branch, name);
    let uid = uid.into();
    AliasCreated { project, branch, bucket, table, uid, source_bucket, source_table, columns, filter }.into()
}

fn gone(branch: &str, name: &str, uid: &str) -> ProjectEvent {
    let (project, branch, bucket) = ("Shop".into(), branch.into(), "open".into());
    AliasDropped { project, branch, bucket, table: name.into(), uid: uid.into() }.into()
}

fn hidden(name: &str) -> ProjectEvent {
    let (project, branch, bucket) = ("Shop".into(), BRANCH.into(), "open".into());
    TableHidden { project, branch, bucket, table: name.into() }.into()
}

fn drop_in(branch: &str, bucket: &str, table: &str) -> DropTable {
    DropTable { project: "Shop".into(), branch: branch.into(), bucket: bucket.into(), table: table.into() }
}

fn table(branch: &str, name: &str) -> CreateTable {
    CreateTable {
        project: "Shop".into(),
        branch: branch.into(),
        bucket: "open".into(),
        table: name.into(),
        columns: super::super::overlay::tests::columns(),
        primary_key: vec![],
    }
}

fn when(before: Vec<ProjectEvent>, command: impl Into<ProjectCommand>) -> Result<Vec<ProjectEvent>, Problem> {
    given::<Project>(before).when(command.into()).inspect_result()
}

#[test]
fn an_alias_takes_a_free_name_and_shows_a_table() {
    let expected = made(MAIN_BRANCH, "eu", &at().new_uid(0));
    assert_eq!(when(before(), create(MAIN_BRANCH, "eu")).unwrap(), [expected]);
    let there = || and(before(), vec![made(MAIN_BRANCH, "Eu", "a1")]);
    refused(when(there(), create(MAIN_BRANCH, "eU")), 409, "storage.table_exists");
    refused(when(there(), create(BRANCH, "eu")), 409, "storage.table_exists");
    refused(when(there(), table(MAIN_BRANCH, "EU")), 409, "storage.table_exists");
    refused(when(there(), table(BRANCH, "eu")), 409, "storage.table_exists");
    let same = CreateAlias { bucket: "sales".into(), ..create(MAIN_BRANCH, "Orders") };
    refused(when(before(), same), 409, "storage.table_exists");
    let mut linked = before();
    linked.push(
        BucketLinked {
            project: "Shop".into(),
            bucket: "theirs".into(),
            uid: "l".into(),
            description: None,
            source_project: "other".into(),
            source_bucket: "b".into(),
            source_uid: "s".into(),
        }
        .into(),
    );
    let theirs = CreateAlias { source_bucket: "theirs".into(), ..create(MAIN_BRANCH, "eu") };
    refused(when(linked.clone(), theirs), 409, "storage.alias_source_refused");
    let into = CreateAlias { bucket: "theirs".into(), ..create(MAIN_BRANCH, "eu") };
    refused(when(linked, into), 403, "storage.bucket_readonly");
    let of_alias = CreateAlias { source_bucket: "open".into(), source_table: "Eu".into(), ..create(MAIN_BRANCH, "b") };
    refused(when(there(), of_alias), 409, "storage.alias_source_refused");
}

#[test]
fn the_first_rule_broken_is_the_one_named() {
    let one = || create(MAIN_BRANCH, "eu");
    refused(when(nothing(), one()), 404, "storage.project_not_found");
    refused(when(before(), create("none", "eu")), 404, "storage.branch_not_found");
    refused(when(before(), CreateAlias { bucket: "none".into(), ..one() }), 404, "storage.bucket_not_found");
    refused(when(before(), create(MAIN_BRANCH, "a/b")), 400, "storage.invalid_name");
    refused(when(before(), CreateAlias { source_bucket: "none".into(), ..one() }), 404, "storage.bucket_not_found");
    refused(when(before(), CreateAlias { source_table: "none".into(), ..one() }), 404, "storage.table_not_found");
    refused(when(before(), CreateAlias { columns: Some(vec![]), ..one() }), 400, "storage.invalid_request");
    let twice = CreateAlias { columns: Some(vec!["id".into(), "ID".into()]), ..one() };
    refused(when(before(), twice), 400, "storage.duplicate_column");
    let long = AliasFilter { values: vec!["x".repeat(ALIAS_FILTER_BYTES_MAX)], ..eu() };
    refused(when(before(), CreateAlias { filter: vec![long], ..one() }), 400, "storage.invalid_request");
    let full = (0..ALIASES_PER_PROJECT_MAX).map(|n| made(MAIN_BRANCH, &format!("a{n}"), "u")).collect();
    refused(when(and(before(), full), one()), 403, "storage.quota_exceeded");
}

#[test]
fn a_table_stays_as_long_as_aliases_show_it() {
    let aliased = || and(before(), vec![made(MAIN_BRANCH, "eu", "a1")]);
    refused(when(aliased(), drop_in(MAIN_BRANCH, "sales", "orders")), 409, "storage.table_has_aliases");
    refused(when(aliased(), drop_in(BRANCH, "sales", "orders")), 409, "storage.table_has_aliases");
    // A branch that does not show the alias may do without the table.
    let without = and(aliased(), vec![hidden("eu")]);
    assert_eq!(when(without, drop_in(BRANCH, "sales", "orders")).unwrap().len(), 1);
    let after = and(aliased(), vec![gone(MAIN_BRANCH, "eu", "a1")]);
    assert_eq!(when(after, drop_in(MAIN_BRANCH, "sales", "orders")).unwrap().len(), 1);
    // One of a branch shows the main line's table until the branch has its own.
    let of_branch = || and(before(), vec![made(BRANCH, "eu", "a1")]);
    refused(when(of_branch(), drop_in(MAIN_BRANCH, "sales", "orders")), 409, "storage.table_has_aliases");
    let own = and(of_branch(), vec![own("orders", "t2", Some("t1"))]);
    assert_eq!(when(own.clone(), drop_in(MAIN_BRANCH, "sales", "orders")).unwrap().len(), 1);
    refused(when(own, drop_in(BRANCH, "sales", "orders")), 409, "storage.table_has_aliases");
    let deleted = BranchDeleted { project: "Shop".into(), branch: BRANCH.into() }.into();
    assert_eq!(when(and(of_branch(), vec![deleted]), drop_in(MAIN_BRANCH, "sales", "orders")).unwrap().len(), 1);
}

#[test]
fn a_bucket_goes_with_its_aliases_but_not_with_those_of_others() {
    let delete =
        |bucket: &str, cascade| DeleteBucket { project: "Shop".into(), bucket: bucket.into(), cascade, force: true };
    let aliased = || and(before(), vec![made(MAIN_BRANCH, "eu", "a1"), made(BRANCH, "us", "a2")]);
    refused(when(aliased(), delete("sales", true)), 409, "storage.table_has_aliases");
    refused(when(aliased(), delete("open", false)), 409, "storage.bucket_not_empty");
    let events = when(aliased(), delete("open", true)).unwrap();
    assert!(events[..2].iter().all(|event| matches!(event, ProjectEvent::AliasDropped(_))), "{events:?}");
    assert_eq!(events.len(), 3);
    assert_eq!(when(and(aliased(), events), delete("sales", true)).unwrap().len(), 2);
    let within = AliasCreated {
        project: "Shop".into(),
        branch: MAIN_BRANCH.into(),
        bucket: "sales".into(),
        table: "eu".into(),
        uid: "a3".into(),
        source_bucket: "sales".into(),
        source_table: "orders".into(),
        columns: None,
        filter: vec![],
    };
    assert_eq!(when(and(before(), vec![within.into()]), delete("sales", true)).unwrap().len(), 3);
}

#[test]
fn columns_that_aliases_name_stay() {
    let state = |events: Vec<ProjectEvent>| {
        let mut state = Project::default();
        events.into_iter().for_each(|event| cqrs_es::Aggregate::apply(&mut state, event));
        state.live.unwrap()
    };
    let live = state(and(before(), vec![made(MAIN_BRANCH, "eu", "a1")]));
    let check = |branch: &str, column: &str| live.check_column_unaliased(branch, "sales", "orders", column);
    for column in ["ID", "region"] {
        for branch in [MAIN_BRANCH, BRANCH] {
            assert_eq!(check(branch, column).unwrap_err().code, "storage.column_has_aliases", "{branch} {column}");
        }
    }
    assert_eq!(check(MAIN_BRANCH, "note"), Ok(()));
    assert_eq!(live.check_column_unaliased(MAIN_BRANCH, "sales", "other", "id"), Ok(()));
}

#[test]
fn nothing_is_written_through_an_alias_and_dropping_it_drops_nothing_else() {
    let aliased = || and(before(), vec![made(MAIN_BRANCH, "eu", "a1")]);
    let fork = ForkTable {
        project: "Shop".into(),
        branch: BRANCH.into(),
        bucket: "open".into(),
        table: "eu".into(),
        columns: vec![],
        primary_key: vec![],
    };
    refused(when(aliased(), fork), 409, "storage.table_is_alias");
    assert_eq!(when(aliased(), drop_in(MAIN_BRANCH, "open", "eu")).unwrap(), [gone(MAIN_BRANCH, "eu", "a1")]);
    refused(when(aliased(), drop_in(MAIN_BRANCH, "open", "EU")), 404, "storage.table_not_found");
    // A branch hides what is the main line's, and can show it again.
    assert_eq!(when(aliased(), drop_in(BRANCH, "open", "eu")).unwrap(), [hidden("eu")]);
    let without = || and(aliased(), vec![hidden("eu")]);
    refused(when(without(), drop_in(BRANCH, "open", "eu")), 404, "storage.table_not_found");
    assert!(when(without(), table(BRANCH, "eu")).is_ok(), "its name is free there");
    let (project, branch, bucket) = ("Shop".into(), BRANCH.into(), "open".into());
    let pull =
        PullTable { project, branch, bucket, table: "eu".into(), position: 0, columns: vec![], primary_key: vec![] };
    let pulled = when(without(), pull).unwrap();
    assert!(matches!(&pulled[..], [ProjectEvent::TablePulled(_)]), "{pulled:?}");
    let again = and(without(), pulled);
    assert_eq!(when(again, drop_in(BRANCH, "open", "eu")).unwrap(), [hidden("eu")]);
    // A branch's own goes, and what it stood before stays hidden.
    let own = and(before(), vec![made(BRANCH, "eu", "a1"), table_created("open", "eu", "t3")]);
    assert_eq!(when(own, drop_in(BRANCH, "open", "eu")).unwrap(), [gone(BRANCH, "eu", "a1"), hidden("eu")]);
}

#[test]
fn a_name_that_was_a_table_can_be_an_alias_and_the_other_way_round() {
    let dropped = TableDropped {
        project: "Shop".into(),
        branch: MAIN_BRANCH.into(),
        bucket: "open".into(),
        table: "eu".into(),
        uid: "t2".into(),
        snapshot: None,
        abandoned: false,
    };
    let was = and(before(), vec![table_created("open", "eu", "t2"), dropped.into()]);
    assert!(when(was.clone(), create(MAIN_BRANCH, "eu")).is_ok());
    let back = and(was, vec![made(MAIN_BRANCH, "eu", "a1"), gone(MAIN_BRANCH, "eu", "a1")]);
    assert!(when(back, table(MAIN_BRANCH, "eu")).is_ok());
}
