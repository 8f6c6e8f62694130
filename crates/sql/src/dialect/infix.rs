//! What stands between expressions, or behind them.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::{PipelineDialect, error_here};
use crate::calls;
use crate::interval_units;
use crate::message::error;
use crate::types::Type;
use crate::words;

type Parsed = Result<Option<Expr>, ParserError>;

/// How tightly the word that comes next binds to what stands before it; none where the parser knows.
pub(super) fn precedence(dialect: &PipelineDialect, parser: &Parser<'_>) -> Option<u8> {
    if parser.get_current_token().token != Token::RParen {
        return None;
    }
    if period_predicate(parser).is_some() && is_operand(&parser.peek_nth_token_ref(1).token) {
        return Some(dialect.prec_value(Precedence::Between));
    }
    let is_within = words::come(parser, &["WITHIN", "DISTINCT"]);
    if is_within || interval_units::is_unit(&parser.peek_token_ref().token) && is_difference(parser) {
        return Some(dialect.prec_value(Precedence::DoubleColon));
    }
    None
}

/// Whether the word could begin the right side of a predicate, so that the word before it is no alias.
fn is_operand(token: &Token) -> bool {
    match token {
        Token::LParen | Token::Number(..) | Token::SingleQuotedString(_) => true,
        Token::Word(_) => {
            let others = &["FROM", "AS", "WHERE", "GROUP", "HAVING", "ORDER", "UNION", "LIMIT", "AND", "OR", "THEN"];
            !words::is_any(token, others)
        }
        _ => false,
    }
}

/// Whether what ends here is `( … - … )` and no call.
fn is_difference(parser: &Parser<'_>) -> bool {
    let (mut at, mut depth, mut has_minus) = (parser.get_current_index(), 0_usize, false);
    loop {
        match &parser.token_at(at).token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket => depth = depth.saturating_sub(1),
            Token::Minus if depth == 1 => has_minus = true,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let Some(before) = at.checked_sub(1) else {
            return false;
        };
        at = before;
    }
    let is_call = at.checked_sub(1).is_some_and(|before| match &parser.token_at(before).token {
        Token::Word(word) => word.quote_style.is_some() || !may_stand_before_bracket(parser, before),
        _ => false,
    });
    has_minus && !is_call
}

fn may_stand_before_bracket(parser: &Parser<'_>, at: usize) -> bool {
    let words = &[
        "SELECT", "DISTINCT", "ALL", "WHERE", "AND", "OR", "NOT", "ON", "BY", "HAVING", "QUALIFY", "WHEN", "THEN",
        "ELSE", "CASE", "BETWEEN", "LIKE", "IN", "IS", "RETURN", "AS",
    ];
    words::is_any(&parser.token_at(at).token, words)
}

/// The whole expression, if what comes next is ours to read.
pub(super) fn parse(dialect: &PipelineDialect, parser: &mut Parser<'_>, left: &Expr) -> Parsed {
    let token = parser.peek_token_ref();
    match &token.token {
        Token::DoubleColon => {
            let span = parser.next_token().span;
            let target = dialect.parse_type(parser)?;
            Ok(Some(calls::typed_call(calls::CAST, &target.kind, span, vec![left.clone()])))
        }
        Token::Arrow => {
            parser.advance_token();
            Err(error_here(parser, error::PARSING, "before `->` stand the names of a lambda's parameters"))
        }
        Token::Word(word) if word.quote_style.is_none() => {
            if let Some((name, words)) = period_predicate(parser) {
                return period(dialect, parser, left, name, words).map(Some);
            }
            if words::come(parser, &["WITHIN", "DISTINCT"]) {
                return within_distinct(parser, left).map(Some);
            }
            if interval_units::is_unit(&parser.peek_token_ref().token) {
                return difference(parser, left).map(Some);
            }
            in_query(parser, left)
        }
        _ => Ok(None),
    }
}

/// `x IN (SELECT …)`: the parser would take an error in the query as a sign that it is a list.
fn in_query(parser: &mut Parser<'_>, left: &Expr) -> Parsed {
    let negated = words::come(parser, &["NOT", "IN"]);
    if !negated && !words::come(parser, &["IN"]) {
        return Ok(None);
    }
    let at = usize::from(negated) + 1;
    let query = &["SELECT", "WITH", "VALUES"];
    let is_query = parser.peek_nth_token_ref(at).token == Token::LParen
        && words::is_any(&parser.peek_nth_token_ref(at + 1).token, query);
    if !is_query {
        return Ok(None);
    }
    (0..at).for_each(|_| parser.advance_token());
    let subquery = parser.parse_parenthesized(Parser::parse_query)?;
    Ok(Some(Expr::InSubquery { expr: Box::new(left.clone()), subquery, negated }))
}

/// The function and the number of words of the predicate that comes next.
fn period_predicate(parser: &Parser<'_>) -> Option<(&'static str, usize)> {
    const PREDICATES: &[(&[&str], &str)] = &[
        (&["CONTAINS"], calls::PERIOD_CONTAINS),
        (&["OVERLAPS"], calls::PERIOD_OVERLAPS),
        (&["EQUALS"], calls::PERIOD_EQUALS),
        (&["PRECEDES"], calls::PERIOD_PRECEDES),
        (&["SUCCEEDS"], calls::PERIOD_SUCCEEDS),
        (&["IMMEDIATELY", "PRECEDES"], calls::PERIOD_IMMEDIATELY_PRECEDES),
        (&["IMMEDIATELY", "SUCCEEDS"], calls::PERIOD_IMMEDIATELY_SUCCEEDS),
    ];
    let found = PREDICATES.iter().find(|(words, _)| words::come(parser, words));
    found.map(|(words, name)| (*name, words.len()))
}

fn period(
    dialect: &PipelineDialect,
    parser: &mut Parser<'_>,
    left: &Expr,
    name: &str,
    words: usize,
) -> Result<Expr, ParserError> {
    let span = parser.peek_token_ref().span;
    (0..words).for_each(|_| parser.advance_token());
    let Some([start, end]) = bounds(left) else {
        return Err(error_here(parser, error::PARSING, "before this stands a period, as in `(from, to)`"));
    };
    let right = parser.parse_subexpr(dialect.prec_value(Precedence::Between))?;
    let arguments = match bounds(&right) {
        Some([other_start, other_end]) => vec![start, end, other_start, other_end],
        None if name == calls::PERIOD_CONTAINS => vec![start, end, right],
        None => return Err(error_here(parser, error::PARSING, "behind this stands a period, as in `(from, to)`")),
    };
    Ok(calls::call(name, span, arguments))
}

fn bounds(expr: &Expr) -> Option<[Expr; 2]> {
    match expr {
        Expr::Tuple(bounds) => <[Expr; 2]>::try_from(bounds.clone()).ok(),
        _ => None,
    }
}

fn within_distinct(parser: &mut Parser<'_>, left: &Expr) -> Result<Expr, ParserError> {
    let span = parser.peek_token_ref().span;
    words::take_all(parser, &["WITHIN", "DISTINCT"]);
    if !matches!(left, Expr::Function(_)) {
        return Err(error_here(parser, error::PARSING, "before WITHIN DISTINCT stands an aggregate"));
    }
    let keys = parser.parse_parenthesized(|parser| parser.parse_comma_separated(Parser::parse_expr))?;
    let mut arguments = vec![left.clone()];
    arguments.extend(keys);
    Ok(calls::call(calls::WITHIN_DISTINCT, span, arguments))
}

/// `(a - b) DAY`.
fn difference(parser: &mut Parser<'_>, left: &Expr) -> Result<Expr, ParserError> {
    let span = parser.peek_token_ref().span;
    let units = interval_units::parse(parser)?;
    let sides = match left {
        Expr::Nested(inner) => match inner.as_ref() {
            Expr::BinaryOp { left, op: BinaryOperator::Minus, right } => Some((left.as_ref(), right.as_ref())),
            _ => None,
        },
        _ => None,
    };
    let Some((from, to)) = sides else {
        return Err(error_here(parser, error::PARSING, "before a unit stands a difference, as in `(a - b) DAY`"));
    };
    let kind = Type::Interval(units.as_type());
    Ok(calls::typed_call(calls::DIFFERENCE, &kind, span, vec![from.clone(), to.clone()]))
}
