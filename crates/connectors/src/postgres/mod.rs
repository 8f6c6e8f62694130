//! `postgres_input` and `postgres_output`: a Postgres that a user has.

mod input;
mod output;
mod settings;
mod uri;

pub(crate) use input::PostgresInput;
pub(crate) use output::PostgresOutput;
pub use settings::{InputConfig, OutputConfig, Tls, WriteMode};

use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::error::Fault;

/// How long connecting may take, in seconds.
const CONNECT_SECS: u64 = 30;
/// Classes of errors of Postgres that may pass: connections, transactions that met others, resources, and operators.
const PASSING: [&str; 4] = ["08", "40", "53", "57"];

/// How values are written.
const SETTINGS: &str = "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'";

/// Connects, and has values written as they are read here.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Fault> {
    let connecting = async {
        let mut connection = PgConnection::connect_with(options).await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        Ok(connection)
    };
    let limit = Duration::from_secs(CONNECT_SECS);
    let timed_out = |_| Fault::Passing(format!("connecting to Postgres took more than {CONNECT_SECS} seconds"));
    let connected: Result<_, sqlx::Error> = tokio::time::timeout(limit, connecting).await.map_err(timed_out)?;
    connected.map_err(|error| fault("connecting to Postgres", &error))
}

/// What an error means. Its text is that of Postgres, without the details that may hold values of rows.
fn fault(doing: &str, error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(error) => {
            let text = format!("{doing}: {}", error.message());
            let class = error.code().map(|code| code.chars().take(2).collect::<String>());
            if class.is_some_and(|class| PASSING.contains(&class.as_str())) {
                Fault::Passing(text)
            } else {
                Fault::Fatal(text)
            }
        }
        sqlx::Error::Configuration(error) => Fault::Fatal(format!("{doing}: {error}")),
        other => Fault::Passing(format!("{doing}: {other}")),
    }
}

/// A name, quoted.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
