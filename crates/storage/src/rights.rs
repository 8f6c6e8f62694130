//! What commands ask of whoever sends them, where their schemas alone do not say it.

use alluvium_kernel::Requirement;

use crate::contract::{Command, DeleteSnapshot, MetadataCommand, ProjectCommand, RestoreTable};
use crate::model::names;

/// The right that a command needs. Buckets are asked for by the names that they are stored under.
pub(crate) fn requirement(command: &Command) -> Requirement {
    let read = |project: &str, branch: &str, bucket: &str| {
        Requirement::BucketRead(project.to_owned(), branch.to_owned(), names::bucket_name(bucket))
    };
    let write = |project: &str, branch: &str, bucket: &str| {
        Requirement::BucketWrite(project.to_owned(), branch.to_owned(), names::bucket_name(bucket))
    };
    match command {
        // Who copies, reads.
        Command::Project(ProjectCommand::CopyTable(c)) => Requirement::Every(vec![
            write(&c.project, &c.branch, &c.bucket),
            read(&c.project, &c.branch, &c.source_bucket),
        ]),
        // Who shows a pipeline, may look at it.
        Command::Project(ProjectCommand::LinkPipeline(_)) => {
            Requirement::Every(vec![command.requirement(), Requirement::PipelineRead])
        }
        // Who makes a view, reads what it shows.
        Command::Project(ProjectCommand::CreateAlias(c)) => Requirement::Every(vec![
            write(&c.project, &c.branch, &c.bucket),
            read(&c.project, &c.branch, &c.source_bucket),
        ]),
        // A snapshot's id does not say of which bucket it is: who has no right to all of them, says it, and is held to it.
        Command::Project(ProjectCommand::DeleteSnapshot(DeleteSnapshot {
            project,
            branch,
            bucket: Some(bucket),
            ..
        })) => write(project, branch, bucket),
        Command::Project(ProjectCommand::RestoreTable(RestoreTable {
            project,
            branch,
            bucket: Some(bucket),
            target_bucket,
            ..
        })) => Requirement::Every(vec![
            read(project, branch, bucket),
            write(project, branch, target_bucket.as_ref().unwrap_or(bucket)),
        ]),
        Command::Metadata(MetadataCommand::SetMetadata(c)) => match &c.bucket {
            Some(bucket) => write(&c.project, &c.branch, bucket),
            None if c.of_project => Requirement::ProjectWrite(c.project.clone()),
            None => command.requirement(),
        },
        Command::Metadata(MetadataCommand::DeleteMetadata(c)) => match &c.bucket {
            Some(bucket) => write(&c.project, &c.branch, bucket),
            None if c.of_project => Requirement::ProjectWrite(c.project.clone()),
            None => command.requirement(),
        },
        _ => match command.requirement() {
            Requirement::BucketWrite(project, branch, bucket) => write(&project, &branch, &bucket),
            asked => asked,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{CopyTable, CreateAlias, CreateTable, DeleteMetadata};

    fn asked(command: impl Into<ProjectCommand>) -> Requirement {
        requirement(&Command::Project(command.into()))
    }

    fn of(bucket: &str, write: bool) -> Requirement {
        let [project, branch, bucket] = ["p", "default", bucket].map(str::to_owned);
        if write {
            Requirement::BucketWrite(project, branch, bucket)
        } else {
            Requirement::BucketRead(project, branch, bucket)
        }
    }

    #[test]
    fn a_bucket_is_asked_for_as_it_is_stored() {
        let create = CreateTable {
            project: "p".into(),
            branch: "default".into(),
            bucket: "in.c-a".into(),
            table: "t".into(),
            columns: vec![],
            primary_key: vec![],
        };
        assert_eq!(asked(create), of("in_c_a", true));
    }

    #[test]
    fn metadata_asks_for_what_it_is_said_of() {
        let delete = |branch: &str, of_project: bool, bucket: Option<&str>| {
            let delete = DeleteMetadata {
                project: "p".into(),
                branch: branch.into(),
                of_project,
                bucket: bucket.map(str::to_owned),
                table: None,
                column: None,
                id: "x".into(),
                object: String::new(),
                uid: String::new(),
                project_uid: String::new(),
                inherited: false,
            };
            requirement(&Command::Metadata(delete.into()))
        };
        assert_eq!(delete("b1", true, None), Requirement::ProjectWrite("p".into()));
        assert_eq!(delete("b1", false, None), Requirement::BranchWrite("p".into(), "b1".into()));
        assert_eq!(delete("default", false, Some("in.c-a")), of("in_c_a", true));
        let of_branch = Requirement::BucketWrite("p".into(), "b1".into(), "a".into());
        assert_eq!(delete("b1", true, Some("a")), of_branch, "and is refused for what it says");
    }

    #[test]
    fn what_is_made_of_another_bucket_asks_for_both() {
        let copy = CopyTable {
            project: "p".into(),
            branch: "default".into(),
            bucket: "a".into(),
            table: "t".into(),
            source_bucket: "in.c-b".into(),
            source_table: "t".into(),
            position: 0,
            source: String::new(),
            columns: vec![],
            primary_key: vec![],
        };
        assert_eq!(asked(copy), Requirement::Every(vec![of("a", true), of("in_c_b", false)]));
        let alias = CreateAlias {
            project: "p".into(),
            branch: "default".into(),
            bucket: "a".into(),
            table: "t".into(),
            source_bucket: "in.c-b".into(),
            source_table: "t".into(),
            columns: None,
            filter: vec![],
        };
        assert_eq!(asked(alias), Requirement::Every(vec![of("a", true), of("in_c_b", false)]));
    }

    #[test]
    fn a_snapshot_of_no_stated_bucket_asks_for_the_whole_branch() {
        let delete = |bucket: Option<&str>| DeleteSnapshot {
            project: "p".into(),
            branch: "default".into(),
            snapshot: "s".into(),
            bucket: bucket.map(str::to_owned),
        };
        let whole = || Requirement::BranchWrite("p".into(), "default".into());
        assert_eq!((asked(delete(None)), asked(delete(Some("a")))), (whole(), of("a", true)));
        let restore = |bucket: Option<&str>, target: Option<&str>| RestoreTable {
            project: "p".into(),
            branch: "default".into(),
            snapshot: "s".into(),
            target_bucket: target.map(str::to_owned),
            target_table: None,
            position: 0,
            columns: vec![],
            primary_key: vec![],
            bucket: bucket.map(str::to_owned),
        };
        assert_eq!(asked(restore(None, Some("b"))), whole());
        let both = Requirement::Every(vec![of("a", false), of("b", true)]);
        assert_eq!(asked(restore(Some("a"), Some("b"))), both);
        let home = Requirement::Every(vec![of("a", false), of("a", true)]);
        assert_eq!(asked(restore(Some("a"), None)), home);
    }
}
