//! A listener that speaks PostgreSQL's protocol, version 3.0: logins by password, the simple and the extended way of asking,
//! transactions, cancel requests, limits. What a statement means it does not know: whoever implements [`Backend`] and [`Session`]
//! does. It knows neither the log nor storage, and keeps nothing but what its connections have prepared.
//!
//! Values come as JSON and go out as the client asked for them, as text or binary ([`types`]).

mod encryption;
mod extended;
mod failure;
mod io;
mod messages;
mod scan;
mod server;
mod session;
mod settings;
mod startup;
pub mod tokens;
mod types;
mod words;

use std::net::IpAddr;

use alluvium_kernel::BoxFuture;
use tokio::sync::mpsc;

pub use encryption::Encryption;
pub use failure::Failure;
pub use scan::first_words;
pub use server::{Limits, Server};
pub use types::Param;

/// Who wants in.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password, as it came.
    pub password: String,
    /// From where.
    pub client: IpAddr,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Login")
            .field("username", &self.username)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// One statement with the values of its parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// One statement.
    pub sql: String,
    /// In the order of their numbers.
    pub params: Vec<Param>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as DuckDB writes it.
    pub kind: String,
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub enum Part {
    /// What its rows have; comes before them, and not at all where there are none.
    Columns(Vec<Column>),
    /// One row, as a JSON array.
    Row(String),
}

/// Who lets clients in.
pub trait Backend: Send + Sync + 'static {
    /// A session for who may have one. Notes it, too: whoever gets a session [closes](Session::close) it.
    fn login(&self, login: Login) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>>;
}

/// What one client can do.
pub trait Session: Send {
    /// What its metrics are told apart by.
    fn label(&self) -> String;

    /// Resolves when somebody else ends the session, with what the client is told.
    fn ended(&self) -> BoxFuture<'static, Failure>;

    /// The columns that a statement would answer with; none for one that has no rows. Does nothing.
    fn describe(&mut self, question: Question) -> BoxFuture<'_, Result<Option<Vec<Column>>, Failure>>;

    /// Does a statement, by itself or in the transaction that is open. How many rows it has changed, where it did. Dropped, it is as if
    /// it had never been asked, and a transaction it was part of is rolled back.
    fn run(&mut self, question: Question, parts: mpsc::Sender<Part>) -> BoxFuture<'_, Result<Option<u64>, Failure>>;

    /// What follows is one.
    fn begin(&mut self);

    /// Makes what was done since [`begin`](Self::begin) stay.
    fn commit(&mut self) -> BoxFuture<'_, Result<(), Failure>>;

    /// Makes what was done since then never have been.
    fn rollback(&mut self) -> BoxFuture<'_, ()>;

    /// Resolves when the open transaction stands in the way of others while its client says nothing. It is rolled back then.
    fn gives_way(&mut self) -> BoxFuture<'_, Failure>;

    /// The client is gone, for a reason in one word.
    fn close(self: Box<Self>, reason: &'static str) -> BoxFuture<'static, ()>;
}
