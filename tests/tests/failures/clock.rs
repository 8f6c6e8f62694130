//! The wall clock jumps under the running binary, by libfaketime (Debian's package `libfaketime`) where it is installed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_testing::{NatsServer, Postgres};
use serde_json::json;

use crate::support::*;

const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1"];

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_day_off_refuses_writes_by_code_and_is_over_when_it_is_right_again() {
    let Some(library) = LIBRARIES.into_iter().find(|path| Path::new(path).exists()) else {
        println!("SKIPPED: libfaketime is not installed (apt-get install libfaketime)");
        return;
    };
    let data = tempfile::tempdir().expect("a directory");
    let clock = tempfile::NamedTempFile::new().expect("a file");
    let set = |offset: &str| std::fs::write(clock.path(), format!("{offset}\n")).expect("the clock is set");
    set("+0");
    let envs = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.path().to_str().expect("a path")),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_RESET", "1"),
    ];
    let postgres = Arc::new(Postgres::start().await);
    let world = World::start_on(NatsServer::start().await, postgres, data, &envs).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    for (jump, offset) in ["+1d", "-1d"].into_iter().enumerate() {
        set(offset);
        // It would be signed a day away from when the log takes it in: refused, by its code, and nothing is sent.
        let bucket = json!({ "project": "p", "bucket": format!("off-{jump}") });
        let id = format!("create-off-{jump}");
        let refused = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some(&id)).await;
        assert_eq!((refused.status, refused.code()), (503, "command.clock_off"), "{offset}: {refused:?}");
        // Leases, reads, rows and folds do not look at this clock.
        let from = jump as u64 * 100;
        publish_rows(world.nats.url(), "t", from..from + 100, Duration::from_millis(20)).await;
        counts(&world, "SELECT count(*) FROM b.t", from + 100).await;
        becomes_ready(&world).await;
        set("+0");
        // The same command under the same id, now that it can be signed.
        let answer = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some(&id)).await;
        assert_eq!((answer.status, &answer.body["status"]), (200, &json!("accepted")), "{offset}: {answer:?}");
    }
    world.verify();
}
