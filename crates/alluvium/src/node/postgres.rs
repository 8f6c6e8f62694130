//! Connecting to Postgres as the configuration says.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::config::{Config, Secret};
use crate::failure::{Exit, Failure};

/// The oldest server that will do, as `server_version_num` writes it.
const VERSION_MIN: i32 = 150_000;
/// How long a request waits for a free connection.
const ACQUIRE_WAIT: Duration = Duration::from_secs(5);
/// Pause between two attempts at start.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A pool; waits for Postgres to appear, within the configured bound.
pub async fn open(config: &Config) -> Result<PgPool, Failure> {
    let url = config.postgres.url.as_ref().map_or("", Secret::expose);
    let wait = Duration::from_secs(config.start_wait_seconds);
    let pool = PgPoolOptions::new()
        .max_connections(config.postgres.connections_max)
        .acquire_timeout(ACQUIRE_WAIT)
        .connect_lazy(url)
        .map_err(|_| {
            // sqlx's own words could repeat the address with its password.
            Failure::new(Exit::Usage, "config.invalid", "The address in `postgres.url` cannot be read.")
                .help("write postgres://user:password@host:port/database")
        })?;
    let began = tokio::time::Instant::now();
    loop {
        let version = sqlx::query_scalar::<_, String>("SHOW server_version_num").fetch_one(&pool).await;
        match version {
            Ok(version) if version.parse::<i32>().unwrap_or(0) < VERSION_MIN => {
                let message = format!("Postgres is too old (server_version_num {version}).");
                return Err(
                    Failure::unavailable("platform.postgres_unreachable", message).help("use Postgres 15 or newer")
                );
            }
            Ok(_) => return Ok(pool),
            Err(error) if began.elapsed() + RETRY_PAUSE > wait => {
                let message = format!("Postgres did not answer within {} s.", wait.as_secs());
                return Err(Failure::unavailable("platform.postgres_unreachable", message)
                    .because(&error)
                    .help("check `postgres.url`, and that Postgres 15 or newer runs there"));
            }
            Err(error) => tracing::info!(postgres.error = %error, "waiting for Postgres"),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}
