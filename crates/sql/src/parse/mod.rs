//! From the tokens of a statement to what it says.

mod table;
mod view;

use std::sync::Arc;

use sqlparser::ast::Query;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::{Allowance, PipelineDialect};
use crate::lexer;
use crate::message::{Message, error, whole};
use crate::position::SourceRange;
use crate::source::Source;
use crate::statement::{
    AggregateStatement, FunctionStatement, IndexStatement, LatenessStatement, Name, Property, SetStatement, Statement,
    StatementKind, Term, TypeStatement,
};
use crate::type_grammar::{UserTypes, nullability};
use crate::types::{ColumnType, Identifier};
use crate::words;

/// How deep the parser may call itself.
const PARSER_RECURSION_MAX: usize = 400;

type Parsed<T> = Result<T, ParserError>;

/// Reads one statement, taking what it needs from the allowance. Also gives what is said of it though it is good.
pub(crate) fn statement(
    tokens: Vec<TokenWithSpan>,
    source: &Source<'_>,
    user_types: &Arc<UserTypes>,
    allowance: &mut Allowance,
) -> (Result<Statement, Message>, Vec<Message>) {
    let end = tokens.len() - usize::from(tokens.last().is_some_and(|last| last.token == Token::SemiColon));
    let range = whole(&tokens[..end]);
    let statement = |reader: &mut Reader<'_>| reader.statement().map(|kind| Statement { kind, range });
    read(tokens, source, user_types, allowance, statement)
}

/// Reads one query, taking what it needs from the allowance.
pub(crate) fn query(
    tokens: Vec<TokenWithSpan>,
    user_types: &Arc<UserTypes>,
    allowance: &mut Allowance,
) -> Result<Box<Query>, Message> {
    let query = |reader: &mut Reader<'_>| {
        let query = reader.parser.parse_query()?;
        reader.end("end of query")?;
        Ok(query)
    };
    read(tokens, &Source::new(""), user_types, allowance, query).0
}

fn read<T>(
    tokens: Vec<TokenWithSpan>,
    source: &Source<'_>,
    user_types: &Arc<UserTypes>,
    allowance: &mut Allowance,
    what: impl FnOnce(&mut Reader<'_>) -> Parsed<T>,
) -> (Result<T, Message>, Vec<Message>) {
    let checked = lexer::check(&tokens).and_then(|()| lexer::plain_asof_joins(tokens));
    let tokens = match checked {
        Ok(tokens) => tokens,
        Err(message) => return (Err(message), Vec::new()),
    };
    let dialect = PipelineDialect::new(Arc::clone(user_types), tokens.len(), *allowance);
    let parser = Parser::new(&dialect).with_recursion_limit(PARSER_RECURSION_MAX);
    let mut reader = Reader { dialect: &dialect, source, parser: parser.with_tokens_with_locations(tokens) };
    let parsed = what(&mut reader);
    let tokens = reader.parser.into_tokens();
    *allowance = dialect.left(tokens.len(), *allowance);
    let parsed = parsed.map_err(|error| {
        let found = Message::from_parser_error(error, &tokens);
        diagnose(&tokens, user_types, allowance).unwrap_or(found)
    });
    (parsed, dialect.take_warnings())
}

/// The parser takes an error in a subquery as a sign that it is none, and then complains about its first word. So the
/// subqueries of a bad statement are read by themselves, inner ones first.
fn diagnose(tokens: &[TokenWithSpan], user_types: &Arc<UserTypes>, allowance: &mut Allowance) -> Option<Message> {
    let mut open = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => open.push(at),
            Token::RParen => {
                let inner = &tokens[open.pop()? + 1..at];
                if !inner.first().is_some_and(|first| words::is_any(&first.token, &["SELECT", "WITH"])) {
                    continue;
                }
                // With the bracket, where the parser is to stop.
                let query = &tokens[at - inner.len()..=at];
                let dialect = PipelineDialect::new(Arc::clone(user_types), query.len(), *allowance);
                let parsed = subquery(query, &dialect);
                *allowance = dialect.left(query.len(), *allowance);
                if dialect.is_exhausted() {
                    return None;
                }
                if let Err(message) = parsed {
                    return Some(message);
                }
            }
            _ => {}
        }
    }
    None
}

/// Reads a query up to the bracket behind it.
fn subquery(tokens: &[TokenWithSpan], dialect: &PipelineDialect) -> Result<(), Message> {
    let parser = Parser::new(dialect).with_recursion_limit(PARSER_RECURSION_MAX);
    let mut parser = parser.with_tokens_with_locations(tokens.to_vec());
    let parsed = parser.parse_query().and_then(|_| parser.expect_token(&Token::RParen));
    parsed.map(drop).map_err(|error| Message::from_parser_error(error, tokens))
}

/// A statement being read.
struct Reader<'a> {
    dialect: &'a PipelineDialect,
    source: &'a Source<'a>,
    parser: Parser<'a>,
}

impl Reader<'_> {
    fn statement(&mut self) -> Parsed<StatementKind> {
        let kind = self.kind()?;
        if matches!(kind, StatementKind::Ignored(_)) {
            return Ok(kind);
        }
        self.end("end of statement")?;
        Ok(kind)
    }

    /// Nothing but a `;` comes next.
    fn end(&mut self, expected: &str) -> Parsed<()> {
        let _ = self.parser.consume_token(&Token::SemiColon);
        match self.parser.peek_token_ref() {
            TokenWithSpan { token: Token::EOF, .. } => Ok(()),
            other => self.parser.expected_ref(expected, other),
        }
    }

    fn kind(&mut self) -> Parsed<StatementKind> {
        let parser = &mut self.parser;
        if words::take(parser, "CREATE") {
            return self.create();
        }
        if words::take_all(parser, &["DECLARE", "RECURSIVE", "VIEW"]) {
            return self.recursive_view().map(StatementKind::RecursiveView);
        }
        if words::take(parser, "LATENESS") {
            return self.lateness().map(|lateness| StatementKind::Lateness(Box::new(lateness)));
        }
        if words::take(parser, "SET") {
            return self.set().map(StatementKind::Set);
        }
        if words::take(parser, "INSERT") {
            return Ok(StatementKind::Ignored("INSERT"));
        }
        if words::take(parser, "DELETE") {
            return Ok(StatementKind::Ignored("DELETE"));
        }
        parser.expected_ref("CREATE, DECLARE RECURSIVE VIEW, LATENESS or SET", parser.peek_token_ref())
    }

    fn create(&mut self) -> Parsed<StatementKind> {
        let parser = &mut self.parser;
        if words::take(parser, "TABLE") {
            return self.table().map(StatementKind::Table);
        }
        if words::is_any(&parser.peek_token_ref().token, &["VIEW", "LOCAL", "MATERIALIZED"]) {
            return self.view().map(|view| StatementKind::View(Box::new(view)));
        }
        if words::take(parser, "TYPE") {
            return self.user_type().map(StatementKind::Type);
        }
        if words::take(parser, "FUNCTION") {
            return self.function().map(|function| StatementKind::Function(Box::new(function)));
        }
        if words::take(parser, "INDEX") {
            return self.index().map(StatementKind::Index);
        }
        if words::take_all(parser, &["LINEAR", "AGGREGATE"]) {
            return self.aggregate(true).map(StatementKind::Aggregate);
        }
        if words::take(parser, "AGGREGATE") {
            return self.aggregate(false).map(StatementKind::Aggregate);
        }
        parser.expected_ref("TABLE, VIEW, TYPE, FUNCTION, INDEX or AGGREGATE", parser.peek_token_ref())
    }

    fn user_type(&mut self) -> Parsed<TypeStatement> {
        let name = self.new_name()?;
        words::expect(&mut self.parser, "AS")?;
        let parsed = if self.parser.peek_token_ref().token == Token::LParen {
            self.dialect.parse_fields(&mut self.parser)?
        } else {
            self.dialect.parse_type(&mut self.parser)?
        };
        Ok(TypeStatement { name, kind: parsed.kind, depth: parsed.depth, parts: parsed.parts })
    }

    fn function(&mut self) -> Parsed<FunctionStatement> {
        let name = self.new_name()?;
        let parameters = self.typed_names()?;
        let returns = self.returns()?;
        let body = if words::take(&mut self.parser, "AS") { Some(self.term(false)?) } else { None };
        Ok(FunctionStatement { name, parameters, returns, body })
    }

    fn aggregate(&mut self, is_linear: bool) -> Parsed<AggregateStatement> {
        let name = self.new_name()?;
        let parameters = self.typed_names()?;
        let returns = self.returns()?;
        Ok(AggregateStatement { name, is_linear, parameters, returns })
    }

    fn returns(&mut self) -> Parsed<ColumnType> {
        words::expect(&mut self.parser, "RETURNS")?;
        self.column_type()
    }

    fn index(&mut self) -> Parsed<IndexStatement> {
        let name = self.new_name()?;
        words::expect(&mut self.parser, "ON")?;
        let relation = self.name()?;
        let columns = self.names()?;
        Ok(IndexStatement { name, relation, columns })
    }

    fn lateness(&mut self) -> Parsed<LatenessStatement> {
        let view = self.name()?;
        self.parser.expect_token(&Token::Period)?;
        let column = self.name()?;
        let lateness = self.term(false)?;
        Ok(LatenessStatement { view, column, lateness })
    }

    fn set(&mut self) -> Parsed<SetStatement> {
        let option = self.name()?;
        self.parser.expect_token(&Token::Eq)?;
        let token = self.parser.next_token();
        let value = match &token.token {
            Token::SingleQuotedString(text) | Token::Number(text, false) => text.clone(),
            Token::Word(word) => word.value.clone(),
            _ => return self.parser.expected("a value", token),
        };
        Ok(SetStatement { option, value })
    }

    /// `(name type [NOT NULL], …)`, perhaps none.
    fn typed_names(&mut self) -> Parsed<Vec<(Name, ColumnType)>> {
        self.parser.expect_token(&Token::LParen)?;
        let mut named = Vec::new();
        while !self.parser.consume_token(&Token::RParen) {
            if !named.is_empty() {
                self.parser.expect_token(&Token::Comma)?;
            }
            named.push((self.name()?, self.column_type()?));
        }
        Ok(named)
    }

    fn column_type(&mut self) -> Parsed<ColumnType> {
        let kind = self.dialect.parse_type(&mut self.parser)?.kind;
        let is_nullable = nullability(&mut self.parser)?.unwrap_or(true);
        Ok(ColumnType { kind, is_nullable })
    }

    fn name(&mut self) -> Parsed<Name> {
        let (identifier, range) = words::identifier(&mut self.parser)?;
        Ok(Name { identifier, range })
    }

    /// The name of a new table, view, type or function.
    fn new_name(&mut self) -> Parsed<Name> {
        if words::take_all(&mut self.parser, &["IF", "NOT", "EXISTS"]) {
            let message = "IF NOT EXISTS is not supported: a program defines each of its names once";
            return Err(self.error(error::NOT_SUPPORTED, message));
        }
        let name = self.name()?;
        if self.parser.peek_token_ref().token == Token::Period {
            return Err(self.error(error::NOT_SUPPORTED, "names of two parts are not supported: there are no schemas"));
        }
        Ok(name)
    }

    /// An error about the token that was just taken.
    fn error(&self, error_type: &str, message: &str) -> ParserError {
        crate::dialect::error_here(&self.parser, error_type, message)
    }

    /// `(name, …)`.
    fn names(&mut self) -> Parsed<Vec<Name>> {
        self.parser.expect_token(&Token::LParen)?;
        let mut names = vec![self.name()?];
        while self.parser.consume_token(&Token::Comma) {
            names.push(self.name()?);
        }
        self.parser.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// An expression with its text.
    fn term(&mut self, is_column_option: bool) -> Parsed<Term> {
        let start = SourceRange::of_span(self.parser.peek_token_ref().span);
        let expr =
            if is_column_option { self.dialect.column_option(&mut self.parser)? } else { self.parser.parse_expr()? };
        let range = start.to(SourceRange::of_span(self.parser.get_current_token().span));
        Ok(Term { expr, text: self.source.slice(range).to_owned(), range })
    }

    /// `WITH ('key' = 'value', …)`, if it comes next.
    fn properties(&mut self) -> Parsed<Vec<Property>> {
        let mut properties: Vec<Property> = Vec::new();
        if !words::take(&mut self.parser, "WITH") {
            return Ok(properties);
        }
        self.parser.expect_token(&Token::LParen)?;
        let mut keys = std::collections::HashSet::new();
        loop {
            let (key, key_range) = words::string(&mut self.parser)?;
            if !keys.insert(key.clone()) {
                return Err(self.error(error::DUPLICATE_KEY, &format!("property '{key}' is given twice")));
            }
            self.parser.expect_token(&Token::Eq)?;
            let (value, value_range) = words::string(&mut self.parser)?;
            properties.push(Property { key, value, key_range, value_range });
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.parser.expect_token(&Token::RParen)?;
        Ok(properties)
    }
}

impl Name {
    /// A name that stands nowhere in the text.
    #[must_use]
    pub fn unplaced(identifier: Identifier) -> Self {
        Self { identifier, range: SourceRange::UNKNOWN }
    }
}
