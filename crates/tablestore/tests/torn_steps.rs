//! What a process leaves that died in the middle of committing a step: the step is there with all that belongs to it, or not at all.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/zset.rs"]
mod zset;

use std::path::{Path, PathBuf};

use alluvium_tablestore::{Change, CreateOptions, Hub, Step, TableFile};
use common::{Bench, batch, config, file, mark, schema, uuid};
use zset::weighted;

/// More than a row group, which is written to the file before the commit.
const MANY: i64 = 150_000;

fn at(number: u64) -> Step {
    Step { number, program_version: number * 10 }
}

fn rows(ids: impl Iterator<Item = i64>, weight: i64) -> Change {
    let ids: Vec<Option<i64>> = ids.map(Some).collect();
    weighted(batch(&ids, &vec![Some("x"); ids.len()]), &vec![weight; ids.len()])
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.wal", path.display()))
}

/// A directory with the file as it is, but for the last bytes of its log.
fn torn(bench: &Bench, file: &TableFile, lacking: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let to = file.path(&dir.path().join("data")).unwrap();
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let from = bench.hub.path(file).unwrap();
    std::fs::copy(&from, &to).unwrap();
    std::fs::copy(log_of(&from), log_of(&to)).unwrap();
    let log = std::fs::File::options().write(true).open(log_of(&to)).unwrap();
    log.set_len(log.metadata().unwrap().len() - lacking).unwrap();
    dir
}

/// Mark, step and version, rows counted and there, rows of the journal after step 0.
fn held(hub: &Hub, file: &TableFile) -> (u64, u64, u64, u64, u64, usize) {
    let step = hub.step(file).unwrap().unwrap();
    let kept = hub.steps_since(file, 0).unwrap().map(|rows| rows.unwrap().weights.len()).sum();
    let rows = (hub.stats(file).unwrap().rows, hub.checksum(file).unwrap().rows);
    (hub.mark(file).unwrap().unwrap().seq, step.step, step.program_version, rows.0, rows.1, kept)
}

#[test]
fn a_step_whose_commit_lacks_its_end_never_was_and_is_there_once_when_made_again() {
    let last: [fn() -> Change; 2] = [|| rows(0..MANY, 1), || rows(-100..-50, -1)];
    for last in last {
        let bench = Bench::new();
        let file = file(&uuid());
        let options = CreateOptions { step: Some(at(0)), keeps_steps: true };
        bench
            .hub
            .create_with(
                &file,
                &schema(&[("id", "BIGINT", true, None), ("name", "VARCHAR", true, None)], &[]),
                &mark(0),
                options,
            )
            .unwrap();
        let go = |hub: &Hub, from: u64, change: Change| {
            hub.apply_step(&file, &mark(from), &mark(from + 1), at(from + 1), vec![change]).unwrap();
        };
        go(&bench.hub, 0, rows(-100..0, 1));
        let before = held(&bench.hub, &file);
        assert_eq!(before, (1, 1, 10, 100, 100, 100));
        go(&bench.hub, 1, last());
        let after = held(&bench.hub, &file);
        for lacking in 0..40 {
            let dir = torn(&bench, &file, lacking);
            let hub = Hub::open(config(dir.path())).unwrap();
            assert_eq!(held(&hub, &file), if lacking == 0 { after } else { before }, "{lacking} bytes");
            if lacking % 8 == 1 {
                go(&hub, 1, last());
                assert_eq!(held(&hub, &file), after, "{lacking} bytes");
                assert_eq!(
                    hub.as_of_step(&file, 1).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
                    100
                );
                drop(hub);
                let hub = Hub::open(config(dir.path())).unwrap();
                assert_eq!(held(&hub, &file), after, "{lacking} bytes, opened again");
            }
        }
    }
}
