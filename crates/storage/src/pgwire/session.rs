//! One session: its statements, by themselves or in a transaction.

use std::sync::Arc;

use alluvium_kernel::{BoxFuture, Problem, Token};
use alluvium_pgwire::{Column, Failure, Login, Param, Part, Question, Session};
use alluvium_tablestore::sql::mentions;
use alluvium_workspaces::{Heard, Talk};
use tokio::sync::{mpsc, watch};

use super::reach::Copies;
use super::{Sessions, admit, catalogue, problems, statement};
use crate::model::problem;
use crate::queries::WorkspaceView;
use crate::routes::{StorageRoutes, now, tenant_text};

/// A client in a workspace.
pub(super) struct WorkspaceSession {
    state: Arc<StorageRoutes>,
    sessions: Sessions,
    tenant: Token,
    id: String,
    view: WorkspaceView,
    ended: watch::Receiver<Option<Failure>>,
    transaction: Transaction,
}

/// Where a session stands.
enum Transaction {
    None,
    /// Begun, and nothing done in it yet.
    Begun,
    Open(Box<Work>),
    /// To be rolled back; what it had done is gone.
    Broken,
}

/// A process at work, with what it can read.
struct Work {
    talk: Talk,
    copies: Copies,
    has_written: bool,
}

/// Lets somebody in.
pub(super) async fn login(
    state: Arc<StorageRoutes>,
    tenant: &Token,
    login: Login,
) -> Result<WorkspaceSession, Problem> {
    let sessions = state.sessions.clone().ok_or_else(Problem::internal)?;
    let view = admit(&state, tenant, &login.username, &login.password).await?;
    state.keeps(tenant, &view.project)?;
    let id = format!("pg_{}", uuid::Uuid::new_v4().simple());
    let ended = sessions.watch(&id);
    let client = login.client.to_string();
    if let Err(problem) = sessions.begin(&id, (&view.uid, &view.id), Some(&client), Some(&view.username)).await {
        sessions.forget(&id);
        return Err(problem);
    }
    tracing::info!(workspace.id = view.id, session.id = id, client.ip = client, "a session begins");
    let (tenant, transaction) = (tenant.clone(), Transaction::None);
    Ok(WorkspaceSession { state, sessions, tenant, id, view, ended, transaction })
}

impl WorkspaceSession {
    /// Notes that it asks, and finds out whether it still may.
    async fn may(&mut self, queries: i64) -> Result<(), Failure> {
        let is_one = self.sessions.touch(&self.id, queries).await.map_err(|problem| problems::of(&problem))?;
        if !is_one {
            let told = self.ended.borrow().clone();
            return Err(told.unwrap_or_else(|| Failure::fatal("57P01", "the session was ended")));
        }
        let (tenant, view) = (tenant_text(&self.tenant), &self.view);
        let found = self.state.queries.workspace(&tenant, &view.project, &view.id).await;
        let found = found.map_err(|problem| problems::of(&problem))?;
        if found.uid != view.uid {
            return Err(problems::deleted());
        }
        if found.is_over(now()) {
            return Err(problems::of(&problem::workspace_expired(&view.id)));
        }
        self.state.keeps(&self.tenant, &view.project).map_err(|problem| problems::of(&problem))?;
        // It is still who logged in, which need not be the user that the workspace was made with.
        self.view = WorkspaceView { username: std::mem::take(&mut self.view.username), ..found };
        Ok(())
    }

    async fn open(&self) -> Result<Work, Failure> {
        let copies = Copies::new(&self.state).await.map_err(|problem| problems::of(&problem))?;
        let place = self.state.workspaces().map_err(|problem| problems::of(&problem))?;
        let limit_bytes = self.view.size_limit_bytes.unsigned_abs();
        let talk = place.engines.talk(&self.view.uid, copies.directory.clone(), limit_bytes).await;
        let talk = talk.map_err(|error| problems::of_engine(&error))?;
        Ok(Work { talk, copies, has_written: false })
    }

    /// The process of the transaction, which begins with what is first done in it; or one of its own. Until it is put
    /// [back](Self::done), the transaction is broken.
    async fn take(&mut self) -> Result<(Box<Work>, bool), Failure> {
        match std::mem::replace(&mut self.transaction, Transaction::Broken) {
            Transaction::None => {
                self.transaction = Transaction::None;
                Ok((Box::new(self.open().await?), false))
            }
            Transaction::Begun => {
                let mut work = self.open().await?;
                work.talk.control("BEGIN TRANSACTION").await.map_err(|error| problems::of_engine(&error))?;
                Ok((Box::new(work), true))
            }
            Transaction::Open(work) => Ok((work, true)),
            Transaction::Broken => Err(Failure::error("25P02", "current transaction is aborted")),
        }
    }

    async fn done(&mut self, work: Box<Work>, stays: bool) -> Result<(), Failure> {
        if stays {
            self.transaction = Transaction::Open(work);
            return Ok(());
        }
        let Work { talk, has_written, .. } = *work;
        talk.end(has_written).await.map_err(|error| problems::of_engine(&error))
    }

    /// A statement with what it can read.
    async fn asked(
        &self,
        work: &mut Work,
        question: Question,
        whole: bool,
    ) -> Result<alluvium_workspaces::Question, Failure> {
        let Work { talk, copies, .. } = work;
        let at = (&self.tenant, &self.view);
        let sources = copies.reach(&self.state, at, &question.sql, talk, whole).await?;
        let catalogue = catalogue::asked(&self.state, at, &question.sql).await?;
        let params = question.params.into_iter().map(param).collect();
        Ok(alluvium_workspaces::Question { sql: question.sql, params, sources, catalogue })
    }

    async fn run_now(&mut self, question: Question, parts: &mpsc::Sender<Part>) -> Result<Option<u64>, Failure> {
        statement::check(&question.sql)?;
        self.may(1).await?;
        let (mut work, stays) = self.take().await?;
        work.has_written |= statement::may_write(&question.sql);
        let asked = self.asked(&mut work, question, true).await?;
        work.talk.run(asked).await.map_err(|error| problems::of_engine(&error))?;
        loop {
            let part = match work.talk.hear().await.map_err(|error| problems::of_engine(&error))? {
                Heard::Columns(columns) => Part::Columns(shown(columns)),
                Heard::Row(row) => Part::Row(row),
                Heard::Done(changed) => {
                    self.done(work, stays).await?;
                    return Ok(changed);
                }
            };
            // Whoever does not listen any more drops this, too.
            parts.send(part).await.map_err(|_| Failure::fatal("08006", "the client is gone"))?;
        }
    }

    async fn describe_now(&mut self, question: Question) -> Result<Option<Vec<Column>>, Failure> {
        statement::check(&question.sql)?;
        self.may(0).await?;
        let sql = question.sql.clone();
        let (mut work, stays) = self.take().await?;
        // In a transaction the rows are needed sooner or later; else only the columns are.
        let asked = self.asked(&mut work, question, stays).await?;
        let described = work.talk.describe(asked).await.map_err(|error| problems::of_engine(&error))?;
        self.done(work, stays).await?;
        if described.is_none() && has_word(&sql, "returning") {
            return Err(Failure::error("0A000", "what RETURNING gives is not known before; ask in a simple query"));
        }
        Ok(described.map(shown))
    }
}

impl Session for WorkspaceSession {
    fn label(&self) -> String {
        self.view.id.clone()
    }

    fn ended(&self) -> BoxFuture<'static, Failure> {
        let mut ended = self.ended.clone();
        Box::pin(async move {
            let told = ended.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
            match told {
                Some(failure) => failure,
                // Nobody can end it any more.
                None => std::future::pending().await,
            }
        })
    }

    fn describe(&mut self, question: Question) -> BoxFuture<'_, Result<Option<Vec<Column>>, Failure>> {
        Box::pin(self.describe_now(question))
    }

    fn run(&mut self, question: Question, parts: mpsc::Sender<Part>) -> BoxFuture<'_, Result<Option<u64>, Failure>> {
        Box::pin(async move { self.run_now(question, &parts).await })
    }

    fn begin(&mut self) {
        self.transaction = Transaction::Begun;
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match std::mem::replace(&mut self.transaction, Transaction::None) {
                Transaction::None | Transaction::Begun => Ok(()),
                Transaction::Open(mut work) => {
                    self.may(0).await?;
                    work.talk.control("COMMIT").await.map_err(|error| problems::of_engine(&error))?;
                    self.done(work, false).await
                }
                Transaction::Broken => Err(Failure::error("25P02", "current transaction is aborted")),
            }
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, ()> {
        // What a process has not committed was never there.
        self.transaction = Transaction::None;
        Box::pin(std::future::ready(()))
    }

    fn gives_way(&mut self) -> BoxFuture<'_, Failure> {
        Box::pin(async move {
            match &self.transaction {
                Transaction::Open(work) => work.talk.is_in_the_way().await,
                Transaction::None | Transaction::Begun | Transaction::Broken => std::future::pending().await,
            }
            self.transaction = Transaction::Broken;
            Failure::error(
                "40001",
                "the transaction waited for its client while others waited for the workspace; begin it again",
            )
        })
    }

    fn close(self: Box<Self>, reason: &'static str) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { sessions, id, transaction, .. } = *self;
            drop(transaction);
            sessions.forget(&id);
            tracing::info!(session.id = id, reason, "a session ends");
            // The cleanup ends what cannot be ended now.
            if let Err(problem) = sessions.end(&id, reason).await {
                tracing::warn!(%problem, session.id = id, "the end of a session is not noted");
            }
        })
    }
}

fn has_word(sql: &str, word: &str) -> bool {
    let names = mentions(sql).unwrap_or_default();
    names.iter().flatten().any(|name| name.eq_ignore_ascii_case(word))
}

fn shown(columns: Vec<(String, String)>) -> Vec<Column> {
    columns.into_iter().map(|(name, kind)| Column { name, kind }).collect()
}

fn param(param: Param) -> alluvium_workspaces::Param {
    match param {
        Param::Null => alluvium_workspaces::Param::Null,
        Param::Bool(value) => alluvium_workspaces::Param::Bool(value),
        Param::Int(value) => alluvium_workspaces::Param::Int(value),
        Param::Float(value) => alluvium_workspaces::Param::Float(value),
        Param::Text(value) => alluvium_workspaces::Param::Text(value),
        Param::Bytes(value) => alluvium_workspaces::Param::Bytes(value),
    }
}
