//! What calls are named: the words of Keboola's storage where it has some, else the operation's own.

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, or taken on.
    Done,
    /// It was refused or denied, or failed.
    Refused,
}

/// Operations and what it is called when they are done.
const DONE: [(&str, &str); 40] = [
    ("addColumn", "storage.tableColumnAdded"),
    ("alterColumn", "storage.tableColumnUpdated"),
    ("clearWorkspace", "storage.workspaceCleared"),
    ("createApiKey", "storage.tokenCreated"),
    ("createBranch", "storage.devBranchCreated"),
    ("createBucket", "storage.bucketCreated"),
    ("createProject", "storage.projectCreated"),
    ("createSnapshot", "storage.tableSnapshotCreated"),
    ("createTable", "storage.tableCreated"),
    ("createTableAlias", "storage.tableAliasCreated"),
    ("createTableFromFile", "storage.tableCreated"),
    ("createTableFromTimeTravel", "storage.tableCreated"),
    ("createWorkspace", "storage.workspaceCreated"),
    ("deleteBranch", "storage.devBranchDeleted"),
    ("deleteBucket", "storage.bucketDeleted"),
    ("deleteFile", "storage.fileDeleted"),
    ("deleteProject", "storage.projectDeleted"),
    ("deleteRows", "storage.tableRowsDeleted"),
    ("deleteSnapshot", "storage.snapshotDeleted"),
    ("deleteWorkspace", "storage.workspaceDeleted"),
    ("dropColumn", "storage.tableColumnDeleted"),
    ("dropPrimaryKey", "storage.tablePrimaryKeyDeleted"),
    ("dropTable", "storage.tableDeleted"),
    ("exportTable", "storage.tableExported"),
    ("importFile", "storage.tableImportDone"),
    ("importTable", "storage.tableImportDone"),
    ("linkBucket", "storage.bucketLinked"),
    ("linkPipeline", "storage.bucketLinked"),
    ("loadWorkspace", "storage.workspaceLoaded"),
    ("mergeBranch", "storage.devBranchMerged"),
    ("registerFile", "storage.fileUploaded"),
    ("resetWorkspaceCredentials", "storage.workspacePasswordReset"),
    ("revokeApiKey", "storage.tokenDeleted"),
    ("rotateApiKey", "storage.tokenRefreshed"),
    ("setPrimaryKey", "storage.tablePrimaryKeyAdded"),
    ("shareBucket", "storage.bucketSharingEnabled"),
    ("unloadBranchWorkspace", "storage.tableImportDone"),
    ("unloadWorkspace", "storage.tableImportDone"),
    ("unshareBucket", "storage.bucketSharingDisabled"),
    ("updateApiKey", "storage.tokenUpdated"),
];

/// Operations and what it is called when they are not done.
const REFUSED: [(&str, &str); 5] = [
    ("exportTable", "storage.tableExportError"),
    ("importFile", "storage.tableImportError"),
    ("importTable", "storage.tableImportError"),
    ("unloadBranchWorkspace", "storage.tableImportError"),
    ("unloadWorkspace", "storage.tableImportError"),
];

/// Reads that hand out what opens something: noted although they change nothing.
const HANDS_OUT: [&str; 2] = ["presignObject", "createS3Credentials"];

/// What it is called that an operation had this outcome.
pub fn event_of(operation: &str, outcome: Outcome) -> String {
    let named: &[(&str, &str)] = match outcome {
        Outcome::Done => &DONE,
        Outcome::Refused => &REFUSED,
    };
    let found = named.binary_search_by_key(&operation, |(known, _)| known).ok();
    found.map_or_else(|| format!("storage.{operation}"), |at| named[at].1.to_owned())
}

/// Whether an operation hands out secrets.
pub(crate) fn hands_out(operation: &str) -> bool {
    HANDS_OUT.contains(&operation)
}

/// Every operation that these lists name, so that a test can hold them against the interface.
pub fn operations() -> impl Iterator<Item = &'static str> {
    DONE.iter().chain(&REFUSED).map(|(operation, _)| *operation).chain(HANDS_OUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_so_that_they_can_be_searched() {
        assert!(DONE.is_sorted() && REFUSED.is_sorted());
        assert_eq!(event_of("importFile", Outcome::Refused), "storage.tableImportError");
        assert_eq!(event_of("sweepBlobs", Outcome::Done), "storage.sweepBlobs");
    }
}
