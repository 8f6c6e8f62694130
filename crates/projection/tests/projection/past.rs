//! Reading a projection as it was.

use std::time::Duration;

use crate::fixture::World;
use sqlx::PgPool;

/// The schemas of generations there are now.
async fn generations(pool: &PgPool) -> Vec<String> {
    let sql = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, 'items_g') ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(pool).await.unwrap()
}

async fn total(world: &World, seq: u64) -> Option<i64> {
    let past = world.projections.as_of("items", seq).await.unwrap();
    let query = "SELECT sum(total)::bigint FROM {schema}.item";
    sqlx::query_scalar(past.schema().current().sql(query)).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn a_projection_is_read_as_it_was_and_nothing_stays_behind() {
    let world = World::start().await;
    let mut expected = Vec::new();
    for n in 1..=5 {
        let seq = world.event("a", n).await;
        // Messages of nobody's concern, so that points lie between.
        crate::fixture::publish(&world.js, "demo.other", "x").await;
        expected.push((seq, n * (n + 1) / 2));
    }
    let last = expected.last().unwrap().0;
    world.applied(last).await;
    assert_eq!(total(&world, 0).await, None);
    for (seq, sum) in [expected[0], expected[2], expected[4]] {
        assert_eq!(total(&world, seq).await, Some(sum), "at {seq}");
        assert_eq!(total(&world, seq + 1).await, Some(sum), "at {}", seq + 1);
    }
    assert_eq!(world.item("a").await, Some((15, 5)), "the live one is as it was");
    let health = world.health().await;
    assert!(health.generation == 1 && health.error.is_none(), "{health:?}");
    let mut tries = 0;
    while generations(&world.pool).await.len() > 5 {
        tries += 1;
        assert!(tries < 100, "only four are kept beside the live one: {:?}", generations(&world.pool).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // Abandoned by a process that died: whoever reads the past next drops it.
    sqlx::query("CREATE SCHEMA items_g900").execute(&world.pool).await.unwrap();
    let note = "COMMENT ON SCHEMA items_g900 IS 'alluvium-abandoned-after 1'";
    sqlx::query(note).execute(&world.pool).await.unwrap();
    assert_eq!(total(&world, expected[1].0).await, Some(3));
    assert!(!generations(&world.pool).await.contains(&"items_g900".to_owned()));
}

#[tokio::test]
async fn a_generation_of_the_past_goes_with_its_last_reader() {
    let mut world = World::start().await;
    let seq = world.event("a", 1).await;
    world.applied(seq).await;
    assert_eq!(total(&world, seq).await, Some(1));
    assert_eq!(generations(&world.pool).await.len(), 2);
    world.halt().await;
    let World { projections, pool, .. } = world;
    drop(projections);
    for _ in 0..100 {
        if generations(&pool).await == ["items_g1"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("still there: {:?}", generations(&pool).await);
}
