//! Table files are damaged, taken away, or break the engine.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use alluvium_blackbox::World;
use alluvium_testing::{NatsServer, Postgres};
use serde_json::json;

use crate::support::*;

/// Rows of a table that is large enough to have blocks of its own on disk.
const ROWS: u64 = 40_000;
const TABLES_MADE: [&str; 5] = ["damaged", "junk", "gone", "locked", "untouched"];

async fn dead_letters(world: &World) -> u64 {
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    jetstream.get_stream("DLQ").await.expect("the stream of dead letters").cached_info().state.messages
}

/// Text that no compression makes small.
fn csv(rows: u64) -> Vec<u8> {
    let letters = |n: u64| u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let lines: Vec<String> = (0..rows).map(|n| format!("{n},{:032x}", letters(n))).collect();
    format!("n,s\n{}\n", lines.join("\n")).into_bytes()
}

async fn load(world: &World, file: &str, table: &str) {
    world.table("p", table, &[("n", "BIGINT"), ("s", "VARCHAR")], &[]).await;
    world.post(&format!("{TABLES}/{table}/import/file"), &json!({ "file_id": file })).await;
}

fn overwrite(path: &Path, from: u64) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("the file opens");
    let length = file.metadata().expect("its length").len();
    assert!(length > from + (256 << 10), "{} has {length} bytes", path.display());
    file.seek(SeekFrom::Start(from)).expect("a place in it");
    let junk: Vec<u8> = (0..256_u32 << 10).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    file.write_all(&junk).expect("junk");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_files_damaged_or_locked_are_folded_again_and_the_others_go_on() {
    let mut world = World::start().await;
    world.project("p").await;
    let file = world.upload("p", "rows.csv", csv(ROWS)).await;
    for table in TABLES_MADE {
        load(&world, &file, table).await;
    }
    assert!(world.alluvium.stop().await.success());
    // Blocks in the middle, with all that describes them left as it was; then the whole head; then everything.
    overwrite(&table_file(&world, "damaged"), 512 << 10);
    overwrite(&table_file(&world, "junk"), 0);
    std::fs::remove_file(table_file(&world, "gone")).expect("the file is there");
    let locked = duckdb::Connection::open(table_file(&world, "locked")).expect("another process has it open");
    world.alluvium.restart().await;

    let sum = |table: &str| format!("SELECT count(s) + sum(length(s)) FROM b.{table}");
    let whole = ROWS + ROWS * 32;
    let mut seen = Vec::new();
    for table in ["damaged", "junk", "gone", "locked"] {
        let first = ask(&world, "/projects/p/query", Some(&json!({ "query": sum(table) })), None).await;
        if first.status != 200 {
            first.assert_unavailable();
            assert_eq!(first.code(), "table_unavailable", "{first:?}");
            seen.push(table);
        }
        assert_eq!(number(&world, &sum("untouched")).await, Some(whole), "the others answer meanwhile");
    }
    assert!(seen.contains(&"damaged") && seen.contains(&"junk"), "{seen:?}");
    for table in TABLES_MADE {
        counts(&world, &sum(table), whole).await;
    }
    drop(locked);
    let kept = |table: &str| table_file(&world, table).with_extension("duckdb.corrupt-1").exists();
    assert_eq!(["damaged", "junk", "locked", "untouched"].map(kept), [true, true, true, false]);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cut_short_under_a_running_platform_is_folded_again_and_others_go_on() {
    let mut world = World::start().await;
    world.project("p").await;
    let file = world.upload("p", "rows.csv", csv(ROWS)).await;
    load(&world, &file, "broken").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    assert!(world.alluvium.stop().await.success());
    world.alluvium.restart().await;
    // Attached, with nothing of its rows in memory; then its blocks are gone.
    assert_eq!(number(&world, "SELECT count(*) FROM b.broken").await, Some(ROWS));
    let path = table_file(&world, "broken");
    std::fs::OpenOptions::new().write(true).open(&path).expect("it opens").set_len(12 << 10).expect("a shorter file");
    let sent = wide_rows(&world, "broken", 4).await;
    publish_rows(world.nats.url(), "t", 0..50, Duration::from_millis(5)).await;
    counts(&world, "SELECT count(*) FROM b.t", 50).await;
    counts(&world, "SELECT count(s) FROM b.broken", ROWS + sent).await;
    assert!(path.with_extension("duckdb.corrupt-1").exists(), "{}", world.alluvium.output());
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_table_files_are_lost_after_rights_were_taken_away_and_what_was_accepted_stays() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..50, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 50).await;
    let granted = world.command("access", "GrantPublishers", &json!({ "rights": "none" })).await;
    assert_eq!(granted["status"], "accepted", "{granted}");
    publish_rows(world.nats.url(), "t", 50..60, Duration::ZERO).await;
    world.eventually("the rows without rights are dead letters", async || dead_letters(&world).await == 10).await;
    assert!(world.alluvium.stop().await.success());
    // Nothing here knows any more what was applied, and under which rights.
    for entry in std::fs::read_dir(world.data.path().join("tables")).expect("the tables").flatten() {
        let path = entry.path();
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it goes");
    }
    world.alluvium.restart().await;
    counts(&world, "SELECT count(*) FROM b.t", 50).await;
    assert_eq!(dead_letters(&world).await, 10, "nobody is told twice");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fatal_engine_error_is_over_within_seconds_and_other_tables_only_wait() {
    let data = tempfile::tempdir().expect("a directory");
    let Some(disk) = SmallDisk::mount(data.path(), 48) else { return };
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &[]).await;
    world.project("p").await;
    world.table("p", "wide", &[("n", "BIGINT"), ("s", "VARCHAR")], &[]).await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..10, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 10).await;
    // Room for the table's write-ahead log, none for moving it into the file: to the engine that is the end.
    disk.fill(20 << 10);
    let began = Instant::now();
    let broken = || async {
        let metrics = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics");
        let metrics = metrics.text().await.expect("text");
        metrics.lines().any(|line| line.starts_with("alluvium_table_engine_fatal_total ") && !line.ends_with(" 0"))
    };
    // One after the other, as many together would not go through the log.
    let mut sent = 0;
    while !broken().await {
        assert!(began.elapsed() < RECOVERY_MAX, "the engine never breaks: {}", world.alluvium.output());
        sent += wide_rows(&world, "wide", 1).await;
        for _ in 0..20 {
            if number(&world, "SELECT count(*) FROM b.wide").await == Some(sent) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let why = not_ready(&world, "tables").await;
    assert!(why.contains("full"), "{why}");
    let fatal = Instant::now();
    counts(&world, "SELECT count(*) FROM b.t", 10).await;
    println!("broken after {:?}; the other table answered {:?} later", began.elapsed(), fatal.elapsed());
    assert!(fatal.elapsed() < Duration::from_secs(10), "others wait for seconds: {:?}", fatal.elapsed());
    disk.free();
    becomes_ready(&world).await;
    counts(&world, "SELECT count(s) FROM b.wide", sent).await;
    publish_rows(world.nats.url(), "t", 10..20, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 20).await;
    world.verify();
}

/// Publishes so many messages of 1,000 rows of 1,000 incompressible letters; gives how many rows that are.
async fn wide_rows(world: &World, table: &'static str, messages: u64) -> u64 {
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    for _ in 0..messages {
        let wide = || (0..32).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect::<String>();
        let body = json!((0..1_000).map(|n| json!({ "n": n, "s": wide() })).collect::<Vec<_>>()).to_string();
        let sent = jetstream.publish(format!("rows.default.p.b.{table}"), body.into()).await;
        sent.expect("a publish").await.expect("an ack");
    }
    messages * 1_000
}
