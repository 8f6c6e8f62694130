//! What a process leaves that died in the middle of a commit: a log whose last commit lacks its end.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use alluvium_tablestore::{Hub, TableFile, probe_file};
use common::{Bench, Table, config, csv, mark};

/// More than a row group, which a load writes to the file before it commits.
const ROWS: u64 = 200_000;

/// A table with one load whose commit is in the log only, and what is loaded.
fn loaded(bench: &Bench) -> (Table, std::path::PathBuf) {
    let table = bench.table(&[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)], &[]);
    let mut text = "id,name\n".to_owned();
    (0..ROWS).for_each(|id| writeln!(text, "{id},n{}", id % 7).unwrap());
    let blob = bench.blob(text.as_bytes());
    table.load(csv(blob.clone())).unwrap();
    (table, blob)
}

/// A directory with the files of the table as they are, but for the last bytes of the log.
fn torn(bench: &Bench, file: &TableFile, lacking: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let to = file.path(&dir.path().join("data")).unwrap();
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let from = bench.hub.path(file).unwrap();
    let wal = |path: &Path| std::path::PathBuf::from(format!("{}.wal", path.display()));
    std::fs::copy(&from, &to).unwrap();
    std::fs::copy(wal(&from), wal(&to)).unwrap();
    let log = std::fs::File::options().write(true).open(wal(&to)).unwrap();
    log.set_len(log.metadata().unwrap().len() - lacking).unwrap();
    dir
}

/// What the mark, the count kept and the rows themselves say.
fn held(hub: &Hub, file: &TableFile) -> (u64, u64, u64) {
    (hub.mark(file).unwrap().unwrap().seq, hub.stats(file).unwrap().rows, hub.checksum(file).unwrap().rows)
}

#[test]
fn a_load_whose_commit_lacks_its_end_never_was_and_is_there_once_when_made_again() {
    let bench = Bench::new();
    let (table, blob) = loaded(&bench);
    for lacking in 0..40 {
        let dir = torn(&bench, &table.file, lacking);
        let hub = Hub::open(config(dir.path())).unwrap();
        let before = if lacking == 0 { (2, ROWS, ROWS) } else { (1, 0, 0) };
        assert_eq!(held(&hub, &table.file), before, "{lacking} bytes");
        if lacking % 8 == 1 {
            let again = Table { hub: hub.clone(), file: table.file.clone(), at: std::cell::Cell::new(1) };
            let (name, text) = (blob.file_name().unwrap(), std::fs::read(&blob).unwrap());
            std::fs::write(hub.config().blob_dir.join(name), text).unwrap();
            again.load(csv(hub.config().blob_dir.join(name))).unwrap();
            assert_eq!(held(&hub, &table.file), (2, ROWS, ROWS), "{lacking} bytes");
            drop((again, hub));
            let hub = Hub::open(config(dir.path())).unwrap();
            assert_eq!(held(&hub, &table.file), (2, ROWS, ROWS), "{lacking} bytes, opened again");
        }
    }
}

#[test]
fn a_probe_makes_no_commit_of_half_a_one() {
    let bench = Bench::new();
    let (table, _) = loaded(&bench);
    let dir = torn(&bench, &table.file, 5);
    probe_file(&table.file.path(&dir.path().join("data")).unwrap()).unwrap();
    let hub = Hub::open(config(dir.path())).unwrap();
    assert_eq!(held(&hub, &table.file), (1, 0, 0));
    assert_eq!(hub.mark(&table.file).unwrap(), Some(mark(1)));
}
