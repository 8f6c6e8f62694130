//! The beginnings of expressions. The parser would try most of them in two ways; deciding by what comes next is faster, and
//! lets errors be said where they are.

use sqlparser::ast::{
    Expr, Function, FunctionArguments, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, ObjectName,
    OneOrManyWithParens, UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, Word};

use super::{PipelineDialect, error_here, interval, literal};
use crate::calls;
use crate::message::error;
use crate::types::Type;
use crate::words;

type Parsed = Result<Option<Expr>, ParserError>;

/// The expression that begins here; none where the parser's own way is right.
pub(super) fn parse(dialect: &PipelineDialect, parser: &mut Parser<'_>) -> Parsed {
    let token = parser.peek_token_ref();
    match &token.token {
        Token::Number(..) => number(parser).map(Some),
        Token::SingleQuotedString(text) => {
            let value = Expr::Value(Value::SingleQuotedString(text.clone()).with_span(token.span));
            parser.advance_token();
            Ok(Some(value))
        }
        Token::LParen => bracket(parser).map(Some),
        Token::Placeholder(_) | Token::Colon | Token::AtSign => parser.expected_ref("an expression", token),
        Token::Word(word) => {
            let (word, span) = (word.clone(), token.span);
            self::word(dialect, parser, &word, span)
        }
        _ => Ok(None),
    }
}

fn number(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let token = parser.next_token();
    let Token::Number(digits, false) = token.token else {
        return parser.expected("a number", token);
    };
    let next = parser.peek_token_ref();
    if matches!(next.token, Token::Word(_)) && next.span.start == token.span.end {
        return parser.expected_ref("a blank between a number and a name", next);
    }
    if digits.contains(['e', 'E']) {
        return Ok(calls::typed_call(calls::CAST, &Type::Double, token.span, vec![calls::text(digits, token.span)]));
    }
    Ok(Expr::Value(Value::Number(digits, false).with_span(token.span)))
}

/// `(…)`: a subquery, a lambda with its parameters in brackets, a tuple or one expression.
fn bracket(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    if is_lambda(parser) {
        return lambda_of_many(parser);
    }
    parser.expect_token(&Token::LParen)?;
    let expr = if is_query(parser) {
        Expr::Subquery(parser.parse_query()?)
    } else {
        let mut exprs = parser.parse_comma_separated(Parser::parse_expr)?;
        match exprs.pop() {
            Some(only) if exprs.is_empty() => Expr::Nested(Box::new(only)),
            Some(last) => {
                exprs.push(last);
                Expr::Tuple(exprs)
            }
            None => return parser.expected_ref("an expression", parser.peek_token_ref()),
        }
    };
    parser.expect_token(&Token::RParen)?;
    Ok(expr)
}

/// Whether a query comes next.
fn is_query(parser: &Parser<'_>) -> bool {
    words::is_any(&parser.peek_token_ref().token, &["SELECT", "WITH", "VALUES"])
}

/// Whether `(x, y) ->` comes next.
fn is_lambda(parser: &Parser<'_>) -> bool {
    let mut at = 1;
    loop {
        if !matches!(parser.peek_nth_token_ref(at).token, Token::Word(_)) {
            return false;
        }
        match parser.peek_nth_token_ref(at + 1).token {
            Token::Comma => at += 2,
            Token::RParen => return parser.peek_nth_token_ref(at + 2).token == Token::Arrow,
            _ => return false,
        }
    }
}

fn lambda_of_many(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let parameter = |parser: &mut Parser<'_>| {
        let name = parser.parse_identifier()?;
        Ok(LambdaFunctionParameter { name, data_type: None })
    };
    parser.expect_token(&Token::LParen)?;
    let params = OneOrManyWithParens::Many(parser.parse_comma_separated(parameter)?);
    parser.expect_token(&Token::RParen)?;
    lambda(parser, params)
}

fn lambda(parser: &mut Parser<'_>, params: OneOrManyWithParens<LambdaFunctionParameter>) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::Arrow)?;
    let body = Box::new(parser.parse_expr()?);
    Ok(Expr::Lambda(LambdaFunction { params, body, syntax: LambdaSyntax::Arrow }))
}

fn word(dialect: &PipelineDialect, parser: &mut Parser<'_>, word: &Word, span: Span) -> Parsed {
    let next = parser.peek_nth_token_ref(1).token.clone();
    let ident = Ident { value: word.value.clone(), quote_style: word.quote_style, span };
    if next == Token::Arrow {
        parser.advance_token();
        let params = OneOrManyWithParens::One(LambdaFunctionParameter { name: ident, data_type: None });
        return lambda(parser, params).map(Some);
    }
    if word.keyword != Keyword::NoKeyword
        && let Some(expr) = keyword(dialect, parser, word, &next, &ident)?
    {
        return Ok(Some(expr));
    }
    if word.quote_style.is_none() {
        if is_parsers(word.keyword) {
            return Ok(None);
        }
        if is_reserved(word.keyword) {
            return parser.expected_ref("an expression", parser.peek_token_ref());
        }
        if let Some(expr) = literal::typed(dialect, parser)? {
            return Ok(Some(expr));
        }
    }
    parser.advance_token();
    if next != Token::LParen {
        return Ok(Some(Expr::Identifier(ident)));
    }
    if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("PERIOD") {
        return period(parser).map(Some);
    }
    if word.value.starts_with(calls::PREFIX) {
        return Err(error_here(parser, error::RESERVED, "function names that begin with `__` are reserved"));
    }
    parser.parse_function(ObjectName::from(vec![ident])).map(Some)
}

/// Words that the parser knows how to deal with.
fn is_parsers(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(
        keyword,
        K::TRUE
            | K::FALSE
            | K::NULL
            | K::CURRENT_TIMESTAMP
            | K::CURRENT_TIME
            | K::CURRENT_DATE
            | K::LOCALTIME
            | K::LOCALTIMESTAMP
            | K::CURRENT_CATALOG
            | K::CURRENT_USER
            | K::SESSION_USER
            | K::CONVERT
    )
}

/// Words with which no expression begins.
fn is_reserved(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(
        keyword,
        K::SELECT
            | K::FROM
            | K::WHERE
            | K::GROUP
            | K::HAVING
            | K::QUALIFY
            | K::ORDER
            | K::BY
            | K::LIMIT
            | K::UNION
            | K::INTERSECT
            | K::EXCEPT
            | K::JOIN
            | K::INNER
            | K::CROSS
            | K::ON
            | K::USING
            | K::WITH
            | K::AND
            | K::OR
            | K::WHEN
            | K::THEN
            | K::ELSE
            | K::END
            | K::AS
            | K::IN
            | K::IS
            | K::LIKE
            | K::BETWEEN
            | K::CREATE
            | K::DISTINCT
    )
}

/// What begins with a word that has a grammar of its own.
fn keyword(dialect: &PipelineDialect, parser: &mut Parser<'_>, word: &Word, next: &Token, ident: &Ident) -> Parsed {
    let is_call = *next == Token::LParen;
    match word.keyword {
        Keyword::CAST if is_call => cast(dialect, parser, calls::CAST).map(Some),
        Keyword::SAFE_CAST if is_call => cast(dialect, parser, calls::SAFE_CAST).map(Some),
        Keyword::INTERVAL => interval::parse(parser).map(Some),
        Keyword::NOT => not(dialect, parser).map(Some),
        Keyword::EXISTS if is_call => exists(parser, false).map(Some),
        Keyword::CASE => taken(parser, Parser::parse_case_expr),
        Keyword::EXTRACT if is_call => taken(parser, Parser::parse_extract_expr),
        Keyword::CEIL if is_call => taken(parser, |parser| parser.parse_ceil_floor_expr(true)),
        Keyword::FLOOR if is_call => taken(parser, |parser| parser.parse_ceil_floor_expr(false)),
        Keyword::POSITION if is_call => taken(parser, |parser| parser.parse_position_expr(ident.clone())),
        Keyword::SUBSTR | Keyword::SUBSTRING if is_call => parser.parse_substring().map(Some),
        Keyword::OVERLAY if is_call => taken(parser, Parser::parse_overlay_expr),
        Keyword::TRIM if is_call && is_trim_of_blanks(parser) => trim_of_blanks(parser).map(Some),
        Keyword::TRIM if is_call => taken(parser, Parser::parse_trim_expr),
        Keyword::ARRAY if *next == Token::LBracket => {
            parser.advance_token();
            taken(parser, |parser| parser.parse_array_expr(true))
        }
        Keyword::MAP if *next == Token::LBracket => map(parser).map(Some),
        Keyword::TABLE if matches!(next, Token::Word(_)) => table(parser).map(Some),
        Keyword::ARRAY if is_call => array_of_query(parser, ident).map(Some),
        _ => Ok(None),
    }
}

/// Takes the word and goes on.
fn taken<'p>(parser: &mut Parser<'p>, read: impl FnOnce(&mut Parser<'p>) -> Result<Expr, ParserError>) -> Parsed {
    parser.advance_token();
    read(parser).map(Some)
}

fn cast(dialect: &PipelineDialect, parser: &mut Parser<'_>, name: &str) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    parser.expect_token(&Token::LParen)?;
    let operand = parser.parse_expr()?;
    words::expect(parser, "AS")?;
    let target = dialect.parse_type(parser)?;
    parser.expect_token(&Token::RParen)?;
    Ok(calls::typed_call(name, &target.kind, span, vec![operand]))
}

fn not(dialect: &PipelineDialect, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    if words::come(parser, &["EXISTS"]) {
        return exists(parser, true);
    }
    let operand = parser.parse_subexpr(dialect.prec_value(Precedence::UnaryNot))?;
    Ok(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(operand) })
}

fn exists(parser: &mut Parser<'_>, negated: bool) -> Result<Expr, ParserError> {
    parser.advance_token();
    let subquery = parser.parse_parenthesized(Parser::parse_query)?;
    Ok(Expr::Exists { subquery, negated })
}

fn array_of_query(parser: &mut Parser<'_>, name: &Ident) -> Result<Expr, ParserError> {
    parser.advance_token();
    if !words::is_any(&parser.peek_nth_token_ref(1).token, &["SELECT", "WITH", "VALUES"]) {
        return parser.parse_function(ObjectName::from(vec![name.clone()]));
    }
    let query = parser.parse_parenthesized(Parser::parse_query)?;
    Ok(Expr::Function(Function {
        name: ObjectName::from(vec![name.clone()]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::Subquery(query),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}

/// Whether `TRIM(LEADING FROM` or the like comes next, which says where but not what.
fn is_trim_of_blanks(parser: &Parser<'_>) -> bool {
    words::is_any(&parser.peek_nth_token_ref(2).token, &["LEADING", "TRAILING", "BOTH"])
        && words::is(&parser.peek_nth_token_ref(3).token, "FROM")
}

fn trim_of_blanks(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let trim_where = Some(parser.parse_trim_where()?);
    words::expect(parser, "FROM")?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Trim { expr, trim_where, trim_what: None, trim_characters: None })
}

/// `MAP['a', 1, 'b', 2]`.
fn map(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    parser.expect_token(&Token::LBracket)?;
    let parts = parser.parse_comma_separated0(Parser::parse_expr, Token::RBracket)?;
    parser.expect_token(&Token::RBracket)?;
    if !parts.len().is_multiple_of(2) {
        return Err(error_here(parser, error::STATEMENT, "MAP[…] needs a value for each key"));
    }
    Ok(calls::call(calls::MAP, span, parts))
}

/// `TABLE t`, the argument of a table function.
fn table(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let span = parser.next_token().span;
    let name = parser.parse_identifier()?;
    Ok(calls::call(calls::TABLE, span, vec![Expr::Identifier(name)]))
}

/// `PERIOD (a, b)`, which is no more than `(a, b)`.
fn period(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let bounds = parser.parse_parenthesized(|parser| parser.parse_comma_separated(Parser::parse_expr))?;
    if bounds.len() != 2 {
        return Err(error_here(parser, error::PARSING, "PERIOD needs its start and its end"));
    }
    Ok(Expr::Tuple(bounds))
}
