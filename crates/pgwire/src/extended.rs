//! The extended way of asking: statements are prepared, bound to values, described and executed in steps of their own.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use alluvium_kernel::BoxFuture;
use bytes::BytesMut;

use crate::messages::{self, BOUND, Bind, CLOSED, EMPTY_QUERY, Message, NO_DATA, Named, PARSED, SUSPENDED};
use crate::scan::{Statement, first_words, statements};
use crate::session::{Client, Status, Taken};
use crate::types::{Oid, TEXT, cast_to, fields, format_of, param, sample};
use crate::words::{is_about_transactions, shown};
use crate::{Column, Failure, Question};

/// Statements that one session may have prepared.
const PREPARED_MAX: usize = 1_024;
/// Portals that one session may have at once.
const PORTALS_MAX: usize = 256;

/// A statement that is ready to be bound.
pub(crate) struct Prepared {
    /// `None` for an empty one.
    statement: Option<Statement>,
    kinds: Vec<Oid>,
    /// What the client was told of its columns.
    told: OnceLock<Option<Vec<Column>>>,
}

/// What a client was told of an answer's columns; none for one without rows.
type Told = Box<Option<Vec<Column>>>;

/// A statement with values.
pub(crate) struct Portal {
    prepared: Arc<Prepared>,
    question: Question,
    formats: Vec<i16>,
    told: Option<Told>,
    /// What is left of an answer that is fetched bit by bit, and its command tag.
    rest: Option<(VecDeque<BytesMut>, String)>,
}

impl Client {
    pub(crate) async fn extended(
        &mut self,
        message: Message,
        ended: &mut BoxFuture<'static, Failure>,
    ) -> Result<(), Failure> {
        match message {
            Message::Parse { name, sql, kinds } => self.parse(name, &sql, &kinds),
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(Named::Statement(name)) => self.describe_statement(&name).await,
            Message::Describe(Named::Portal(name)) => self.describe_portal(&name).await,
            Message::Execute { portal, rows_max } => self.execute(&portal, rows_max as usize, ended).await,
            Message::Close(named) => {
                match named {
                    Named::Statement(name) => drop(self.prepared.remove(&name)),
                    Named::Portal(name) => drop(self.portals.remove(&name)),
                }
                messages::put_empty(&mut self.wire.out, CLOSED);
                Ok(())
            }
            _ => Err(Failure::protocol("this message has no place here")),
        }
    }

    fn parse(&mut self, name: String, sql: &str, given: &[Oid]) -> Result<(), Failure> {
        let mut found = statements(sql);
        if found.len() > 1 {
            return Err(Failure::error("42601", "cannot insert multiple commands into a prepared statement"));
        }
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return Err(Failure::error("42P05", format!("prepared statement {name:?} already exists")));
        }
        if self.prepared.len() >= PREPARED_MAX {
            return Err(Failure::error("53200", format!("a session prepares at most {PREPARED_MAX} statements")));
        }
        let statement = found.pop();
        let params = statement.as_ref().map_or(0, |statement| statement.params);
        let casts = |number: usize| {
            let casts = statement.iter().flat_map(|statement| &statement.casts);
            casts.filter(move |(own, _)| *own == number).map(|(_, kind)| cast_to(kind)).next()
        };
        let kind = |at: usize| match given.get(at) {
            Some(0) | None => casts(at + 1).unwrap_or(TEXT),
            Some(kind) => *kind,
        };
        let kinds = (0..params.max(given.len())).map(kind).collect();
        self.prepared.insert(name, Arc::new(Prepared { statement, kinds, told: OnceLock::new() }));
        messages::put_empty(&mut self.wire.out, PARSED);
        Ok(())
    }

    fn prepared(&self, name: &str) -> Result<Arc<Prepared>, Failure> {
        let found = self.prepared.get(name).cloned();
        found.ok_or_else(|| Failure::error("26000", format!("prepared statement {name:?} does not exist")))
    }

    fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let Bind { portal, statement, formats, values, answer_formats } = bind;
        let prepared = self.prepared(&statement)?;
        if values.len() != prepared.kinds.len() {
            let told = format!("{} values for {} parameters", values.len(), prepared.kinds.len());
            return Err(Failure::error("08P01", told));
        }
        if self.portals.len() >= PORTALS_MAX {
            return Err(Failure::error("53200", format!("a session has at most {PORTALS_MAX} portals")));
        }
        let mut params = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            params.push(param(value.as_ref(), prepared.kinds[at], format_of(&formats, at))?);
        }
        // Values that the statement does not mention are of no use to the engine.
        let mentioned = prepared.statement.as_ref().map_or(0, |statement| statement.params);
        params.truncate(mentioned);
        let sql = prepared.statement.as_ref().map(|statement| statement.sql.clone()).unwrap_or_default();
        let question = Question { sql, params };
        self.portals.insert(portal, Portal { prepared, question, formats: answer_formats, told: None, rest: None });
        messages::put_empty(&mut self.wire.out, BOUND);
        Ok(())
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Failure> {
        let prepared = self.prepared(name)?;
        let columns = if let Some(told) = prepared.told.get() {
            told.clone()
        } else {
            let params = prepared.kinds.iter().map(|kind| sample(*kind));
            let statement = prepared.statement.as_ref();
            let params = params.take(statement.map_or(0, |statement| statement.params)).collect();
            let sql = statement.map(|statement| statement.sql.clone()).unwrap_or_default();
            self.columns(Question { sql, params }).await?
        };
        messages::put_params(&mut self.wire.out, &prepared.kinds);
        self.put_columns(columns.as_deref(), &[]);
        let _ = prepared.told.set(columns);
        Ok(())
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Failure> {
        let portal = self.portal(name)?;
        let (question, formats) = (portal.question.clone(), portal.formats.clone());
        let columns = self.columns(question).await?;
        self.put_columns(columns.as_deref(), &formats);
        self.portal(name)?.told = Some(Box::new(columns));
        Ok(())
    }

    fn put_columns(&mut self, columns: Option<&[Column]>, formats: &[i16]) {
        match columns {
            Some(columns) => messages::put_fields(&mut self.wire.out, &fields(columns, formats)),
            None => messages::put_empty(&mut self.wire.out, NO_DATA),
        }
    }

    /// What a statement would answer with.
    async fn columns(&mut self, question: Question) -> Result<Option<Vec<Column>>, Failure> {
        let words = first_words(&question.sql);
        let first = words.first().map_or("", String::as_str);
        if is_about_transactions(&words) || matches!(first, "" | "set" | "reset" | "discard" | "deallocate") {
            return Ok(None);
        }
        if let Some((column, _)) = shown(&self.settings, &words) {
            return Ok(Some(vec![column]));
        }
        if self.status == Status::Failed {
            let told = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Failure::error("25P02", told));
        }
        let limit = self.limit();
        let described = tokio::time::timeout(limit, self.session.describe(question)).await;
        described.map_err(|_| Failure::error("57014", "canceling statement due to statement timeout"))?
    }

    fn portal(&mut self, name: &str) -> Result<&mut Portal, Failure> {
        let found = self.portals.get_mut(name);
        found.ok_or_else(|| Failure::error("34000", format!("portal {name:?} does not exist")))
    }

    /// `rows_max` 0 is all of them.
    async fn execute(
        &mut self,
        name: &str,
        rows_max: usize,
        ended: &mut BoxFuture<'static, Failure>,
    ) -> Result<(), Failure> {
        let portal = self.portal(name)?;
        if let Some((rows, tag)) = portal.rest.take() {
            return self.fetch(name, rows, tag, rows_max);
        }
        let told = portal.told.clone().or_else(|| portal.prepared.told.get().cloned().map(Box::new));
        let (question, formats) = (portal.question.clone(), portal.formats.clone());
        if question.sql.is_empty() {
            messages::put_empty(&mut self.wire.out, EMPTY_QUERY);
            return Ok(());
        }
        let mut taken = Taken::told(told.as_deref(), formats);
        if rows_max > 0 {
            taken = taken.keeping();
        }
        let tag = self.answer(question, &mut taken, ended).await?;
        if let Some(rows) = taken.kept {
            return self.fetch(name, rows, tag, rows_max);
        }
        messages::put_complete(&mut self.wire.out, &tag);
        Ok(())
    }

    /// Sends so many rows of what is kept.
    fn fetch(&mut self, name: &str, mut rows: VecDeque<BytesMut>, tag: String, rows_max: usize) -> Result<(), Failure> {
        let count = if rows_max == 0 { rows.len() } else { rows_max.min(rows.len()) };
        rows.drain(..count).for_each(|row| self.wire.out.extend_from_slice(&row));
        if rows.is_empty() {
            messages::put_complete(&mut self.wire.out, &tag);
        } else {
            messages::put_empty(&mut self.wire.out, SUSPENDED);
            self.portal(name)?.rest = Some((rows, tag));
        }
        Ok(())
    }
}
