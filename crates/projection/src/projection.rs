//! What a context writes to have a projection.

use alluvium_kernel::BoxFuture;
use alluvium_messaging::LogMessage;
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

/// One fold of a stream into tables of one Postgres schema.
pub trait PgProjection: Send + Sync + 'static {
    /// Its name, unique in the installation, fixed for ever: `storage`.
    fn name(&self) -> &'static str;

    /// The stream it folds.
    fn stream(&self) -> &'static str;

    /// Which subjects of the stream it folds; all when empty.
    fn subjects(&self) -> Vec<String>;

    /// The base name of its schema: generation 3 of `storage` lives in `storage_g3`.
    fn schema(&self) -> &'static str;

    /// Its tables. Run with the generation's schema alone on the search path: names in it must not be qualified.
    fn migrator(&self) -> &'static Migrator;

    /// What a message that cannot be applied takes out of service: later messages of the same key are parked too.
    fn key_of(&self, message: &LogMessage) -> String {
        message.subject.clone()
    }

    /// Applies messages in order, in the transaction that also moves the watermark; the schema is on the search path.
    ///
    /// Must depend on nothing but the messages and its own tables (no clock, no randomness, no other projection), or a
    /// rebuild would not equal the running one. Must not commit. After an error everything it did here is rolled back.
    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>>;

    /// Whether the stream lets go of old messages by itself. Then it is no loss that the first ones are gone, and what the projection
    /// has of them is [trimmed](Self::trim), so that it equals a replay.
    fn forgets(&self) -> bool {
        false
    }

    /// Deletes what is only of messages before `first`; the schema is on the search path. Must not commit.
    fn trim<'a>(&'a self, tx: &'a mut PgConnection, first: u64) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        let _ = (tx, first);
        Box::pin(async { Ok(()) })
    }
}

/// Why a batch could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// One message can never be applied as things are; its key is parked, everything else goes on.
    #[error("message {seq} cannot be applied: {reason} ({code})")]
    Poison {
        /// Its sequence in the stream.
        seq: u64,
        /// Stable code.
        code: String,
        /// A sentence for people.
        reason: String,
    },
    /// Some message of the batch breaks a rule of the database; which one is found by applying them one by one.
    #[error("the batch cannot be applied: {0}")]
    Rejected(#[source] sqlx::Error),
    /// Postgres is not there now; nothing is wrong with the messages.
    #[error("Postgres does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
}

impl ApplyError {
    /// A message that can never be applied.
    pub fn poison(message: &LogMessage, code: &str, reason: impl Into<String>) -> Self {
        Self::Poison { seq: message.seq, code: code.to_owned(), reason: reason.into() }
    }
}

impl From<sqlx::Error> for ApplyError {
    /// The classes of SQLSTATE tell data from circumstances: data exceptions, broken constraints and wrong statements stay
    /// wrong however often they are tried, all else may pass.
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        let about_data = match (&error, code.as_deref()) {
            (_, Some(code)) => ["21", "22", "23", "42", "44", "P0"].iter().any(|class| code.starts_with(class)),
            (
                sqlx::Error::Encode(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::RowNotFound
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::TypeNotFound { .. },
                None,
            ) => true,
            _ => false,
        };
        if about_data { Self::Rejected(error) } else { Self::Unavailable(error) }
    }
}
