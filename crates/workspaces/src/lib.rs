//! What lies in workspaces: one DuckDB file each, opened by processes of their own and by nobody else.
//!
//! A workspace is made for SQL that nobody has checked, and its file holds what that SQL has left there: views, macros, whatever may
//! bring an engine down. So no process that keeps tables ever opens it. [`Workspaces`] starts `alluvium workspace-engine` for each
//! piece of work; that process ([`child::run`]) sees that file and copies of tables, has its own memory limit, no network, no environment, and is
//! killed when it takes too long. Tables come in as copies ([`alluvium_tablestore::Hub::extract`]), never as the live file.
//!
//! The crate knows no context: what a workspace is called and who may use it, others say.

pub mod catalogue;
pub mod child;
mod error;
mod gate;
mod host;
mod request;
mod run;
mod session;
mod sql;
mod talk;
mod unload;

pub use error::{Error, Rule};
pub use host::{Settings, Workspaces};
pub use request::{Loaded, Object, Param, Pick, Question, Rows, Source, Statement};
pub use session::{Heard, Talk};
pub use unload::Unloaded;
