//! From a program's text to its catalogue and to what is said of it.

mod definitions;
mod ending;
mod relations;
mod single;
mod tables;
mod views;

pub use single::parse_query;
pub use tables::COLUMNS_MAX;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::catalog::{Catalog, Column, Relation};
use crate::dialect::Allowance;
use crate::lexer;
use crate::message::{Message, error, warning};
use crate::parse;
use crate::position::SourceRange;
use crate::query::functions;
use crate::settings::Settings;
use crate::source::Source;
use crate::statement::{LatenessStatement, Statement, StatementKind, ViewStatement};
use crate::words;

/// How many messages a program gets.
pub const MESSAGES_MAX: usize = 1000;
/// How many statements a program may have.
pub const STATEMENTS_MAX: usize = 20_000;

/// The stack on which programs are compiled. Only touched pages cost memory.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// What a planner found out about a view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlannedView {
    /// The columns of its query, in order. Names may repeat.
    pub columns: Vec<Column>,
    /// What there is to say though it is good.
    pub warnings: Vec<Message>,
    /// The columns it reads, as (table or view, column); none if the planner does not know.
    pub reads: Option<BTreeSet<(String, String)>>,
}

/// Finds out the columns of views.
pub trait Planner {
    /// Plans a view. All it reads is in the catalogue, the view itself only if it was declared. Calls whose names begin
    /// with [`crate::calls::PREFIX`] stand for what [`crate::calls`] says.
    fn plan_view(&mut self, catalog: &Catalog, view: &ViewStatement) -> Result<PlannedView, Vec<Message>>;
}

/// A program, understood as far as it can be.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What is said of it, in order of the text; what concerns the whole comes last.
    pub messages: Vec<Message>,
    /// What it defines. Where there are errors, what they concern is missing.
    pub catalog: Catalog,
    /// The statements that could be read, views as they were planned.
    pub statements: Vec<Statement>,
    /// What it sets.
    pub settings: Settings,
}

impl Compiled {
    /// 1 if there is an error, else 0.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        i32::from(!self.is_good())
    }

    /// Whether there is no error.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.messages.iter().all(|message| message.warning)
    }
}

/// Reads a program, and has its views planned in order. Both are done on a stack of their own, as trees are worked on
/// recursively.
pub fn compile(text: &str, planner: &mut (dyn Planner + Send)) -> Compiled {
    on_own_stack(|| compile_here(text, planner)).unwrap_or_else(|failure| Compiled {
        messages: vec![failure],
        catalog: Catalog::new(),
        statements: Vec::new(),
        settings: Settings::default(),
    })
}

/// Does the work on a stack that is large enough for the deepest trees that are allowed.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Message> {
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compile-sql".to_owned()).stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, work)?;
        // A planner that panics does so in the thread that asked for it.
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    done.map_err(|failure: std::io::Error| {
        let message = format!("no thread to compile on: {failure}");
        Message::error(error::COMPILER, SourceRange::UNKNOWN, message)
    })
}

fn compile_here(text: &str, planner: &mut dyn Planner) -> Compiled {
    let source = Source::new(if text.len() > lexer::PROGRAM_BYTES_MAX { "" } else { text });
    let mut compiler = Compiler::new(&source, planner);
    if text.len() > lexer::PROGRAM_BYTES_MAX {
        let message = format!("the program has {} bytes; at most {} are allowed", text.len(), lexer::PROGRAM_BYTES_MAX);
        compiler.say(Message::error(error::COMPILER, SourceRange::UNKNOWN, message));
    } else {
        compiler.program(text);
    }
    compiler.end()
}

struct Compiler<'a> {
    source: &'a Source<'a>,
    planner: &'a mut dyn Planner,
    catalog: Catalog,
    settings: Settings,
    messages: Vec<Message>,
    statements: Vec<Statement>,
    lateness: Vec<LatenessStatement>,
    /// Names of what could not be defined, so that it is said once.
    failed: HashSet<String>,
    /// The same of functions.
    failed_functions: HashSet<String>,
    /// The columns that views read; none once a planner did not say.
    reads: Option<BTreeSet<(String, String)>>,
    is_anything_planned: bool,
    is_silenced: bool,
    /// How many more expressions the bodies of functions may add.
    expressions_left: usize,
    allowance: Allowance,
}

/// That a statement has no effect, and why; nothing if it was said of another statement.
type Refused = Vec<Message>;

impl<'a> Compiler<'a> {
    fn new(source: &'a Source<'a>, planner: &'a mut dyn Planner) -> Self {
        Self {
            source,
            planner,
            catalog: Catalog::new(),
            settings: Settings::default(),
            messages: Vec::new(),
            statements: Vec::new(),
            lateness: Vec::new(),
            failed: HashSet::new(),
            failed_functions: HashSet::new(),
            reads: Some(BTreeSet::new()),
            is_anything_planned: false,
            is_silenced: false,
            expressions_left: functions::PROGRAM_EXPRESSIONS_MAX,
            allowance: Allowance::default(),
        }
    }

    fn program(&mut self, text: &str) {
        let (tokens, failure) = lexer::tokens(text);
        let statements = lexer::split(tokens, failure.is_none());
        if statements.len() > STATEMENTS_MAX {
            let message =
                format!("the program has {} statements; at most {STATEMENTS_MAX} are allowed", statements.len());
            self.say(Message::error(error::COMPILER, SourceRange::UNKNOWN, message));
            return;
        }
        self.collect_lateness(&statements);
        for tokens in statements {
            self.statement(tokens);
        }
        if let Some(failure) = failure {
            self.say(failure);
        }
        self.check_the_whole();
    }

    /// Reads what is said of the lateness of views before the views are planned. What is wrong is told in its turn.
    fn collect_lateness(&mut self, statements: &[Vec<TokenWithSpan>]) {
        for tokens in statements {
            if !tokens.first().is_some_and(|first| words::is(&first.token, "LATENESS")) {
                continue;
            }
            let (parsed, _) = parse::statement(tokens.clone(), self.source, &self.catalog.types, &mut self.allowance);
            if let Ok(Statement { kind: StatementKind::Lateness(mut lateness), .. }) = parsed
                && let Ok(constant) = self.constant(&lateness.lateness, "LATENESS")
            {
                lateness.lateness = constant;
                self.catalog.lateness.push(*lateness);
            }
        }
    }

    fn statement(&mut self, tokens: Vec<TokenWithSpan>) {
        let (name, is_function) = (defined_name(&tokens), defines_function(&tokens));
        let (parsed, warnings) = parse::statement(tokens, self.source, &self.catalog.types, &mut self.allowance);
        let done = match parsed {
            Ok(statement) => self.define(statement),
            Err(message) if self.is_about_failed(&message) => Err(Vec::new()),
            Err(message) => Err(vec![message]),
        };
        if let Err(messages) = done {
            messages.into_iter().for_each(|message| self.say(message));
            // A name that is taken still stands for what it stood for.
            if is_function {
                self.failed_functions.extend(name.filter(|name| !self.catalog.functions.contains_key(name)));
            } else {
                self.failed.extend(name.filter(|name| !self.is_defined(name)));
            }
        }
        warnings.into_iter().for_each(|warning| self.say(warning));
    }

    fn define(&mut self, statement: Statement) -> Result<(), Refused> {
        let range = statement.range;
        if let StatementKind::View(view) = statement.kind {
            let name = view.name.range;
            let view = self.view(*view).map_err(|messages| placed(messages, name))?;
            let kind = StatementKind::View(Box::new(view));
            self.statements.push(Statement { kind, range });
            return Ok(());
        }
        match &statement.kind {
            StatementKind::View(_) => {}
            StatementKind::Table(table) => self.table(table)?,
            StatementKind::RecursiveView(view) => self.declare(view)?,
            StatementKind::Type(user_type) => self.user_type(user_type)?,
            StatementKind::Function(function) => self.function(function)?,
            StatementKind::Aggregate(aggregate) => {
                let message = "aggregates of a program's own are not implemented yet";
                return Err(vec![Message::error(error::NOT_YET_IMPLEMENTED, aggregate.name.range, message)]);
            }
            StatementKind::Index(index) => self.index(index)?,
            StatementKind::Lateness(lateness) => self.lateness.push((**lateness).clone()),
            StatementKind::Set(set) => {
                if let Err(unknown) = self.settings.set(set) {
                    self.say(unknown);
                }
            }
            StatementKind::Ignored(verb) => {
                let message = format!("a program defines tables and views; {verb} has no effect in it");
                self.say(Message::warning(warning::STATEMENT_IGNORED, range, message));
            }
        }
        self.statements.push(statement);
        Ok(())
    }

    fn say(&mut self, message: Message) {
        if self.messages.len() < MESSAGES_MAX {
            self.messages.push(message);
            return;
        }
        let last =
            Message::error(error::COMPILER, SourceRange::UNKNOWN, "there are more messages, which are not shown");
        if !message.warning && !self.is_silenced {
            self.is_silenced = true;
            self.messages.push(last);
        }
    }

    /// Whether it complains of a name that could not be defined, of which enough was said.
    fn is_about_failed(&self, message: &Message) -> bool {
        let name = message.message.rsplit_once("Object '").and_then(|(_, rest)| rest.strip_suffix("' not found"));
        name.is_some_and(|name| self.failed.contains(name))
    }

    fn is_defined(&self, name: &str) -> bool {
        let is_defined = |relation: &Relation| !matches!(relation, Relation::View(view) if !view.is_defined);
        self.catalog.relation(name).is_some_and(is_defined) || self.catalog.types.contains_key(name)
    }

    fn end(self) -> Compiled {
        let Self { source, catalog, settings, mut messages, statements, .. } = self;
        messages
            .retain(|message| !message.warning || !settings.ignored_warnings.contains(&message.error_type.as_str()));
        let messages = messages.into_iter().map(|mut message| {
            message.warning &= !settings.are_warnings_errors;
            message.shown_in(source)
        });
        Compiled { messages: messages.collect(), catalog, statements, settings }
    }
}

impl Compiler<'_> {
    fn add_user_types(&mut self, add: impl FnOnce(&mut crate::type_grammar::UserTypes)) {
        add(Arc::make_mut(&mut self.catalog.types));
    }
}

/// The messages, those without a place at that one.
fn placed(mut messages: Vec<Message>, place: SourceRange) -> Vec<Message> {
    for message in &mut messages {
        if !message.range().is_known() {
            *message =
                Message { warning: message.warning, ..Message::error(&message.error_type, place, &*message.message) };
        }
    }
    messages
}

fn defines_function(tokens: &[TokenWithSpan]) -> bool {
    tokens.get(1).is_some_and(|kind| words::is(&kind.token, "FUNCTION"))
}

/// What the statement would define, as far as its first words say.
fn defined_name(tokens: &[TokenWithSpan]) -> Option<String> {
    const BEFORE: &[&str] = &["CREATE", "LOCAL", "MATERIALIZED", "DECLARE", "RECURSIVE", "LINEAR"];
    const KINDS: &[&str] = &["TABLE", "VIEW", "TYPE", "FUNCTION", "AGGREGATE"];
    let mut tokens = tokens.iter().map(|token| &token.token).skip_while(|token| words::is_any(token, BEFORE));
    tokens.next().filter(|kind| words::is_any(kind, KINDS))?;
    match tokens.next()? {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    }
}
