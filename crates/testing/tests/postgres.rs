//! Read models survive what we do to their server.

use alluvium_testing::Postgres;
use sqlx::{Connection as _, PgConnection};

#[tokio::test]
async fn rows_survive_a_kill_and_a_restart() {
    let mut postgres = Postgres::start().await;
    let url = postgres.database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE seen (id int); INSERT INTO seen VALUES (7)").execute(&mut connection).await.unwrap();

    postgres.kill();
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.restart().await;

    let mut connection = PgConnection::connect(&url).await.unwrap();
    let id: i32 = sqlx::query_scalar("SELECT id FROM seen").fetch_one(&mut connection).await.unwrap();
    assert_eq!(id, 7);
}

#[tokio::test]
async fn each_database_is_fresh_and_the_server_is_shared() {
    let (one, other) = tokio::join!(Postgres::shared(), Postgres::shared());
    assert_eq!(one.url(), other.url());
    let (first, second) = (one.database().await, other.database().await);
    assert_ne!(first, second);
    let mut connection = PgConnection::connect(&first).await.unwrap();
    sqlx::raw_sql("CREATE TABLE mine (id int)").execute(&mut connection).await.unwrap();
    let mut connection = PgConnection::connect(&second).await.unwrap();
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(found, 0);
}
