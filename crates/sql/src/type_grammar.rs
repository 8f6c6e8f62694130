//! The grammar of types, wherever one stands: in columns, casts, functions and fields.

use std::collections::BTreeMap;

use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::interval_units;
use crate::message::{Message, error};
use crate::position::SourceRange;
use crate::types::{ColumnType, DECIMAL_DIGITS_MAX, Field, Identifier, IntWidth, Type};
use crate::words;

/// How deep types may nest.
pub const TYPE_DEPTH_MAX: usize = 32;
/// How many types and fields a type may be made of, those of user types included.
pub const TYPE_PARTS_MAX: usize = 2_000;
/// Of how many types and fields all types of a program may be made.
pub const PROGRAM_TYPE_PARTS_MAX: usize = 200_000;
/// The longest CHAR in characters and the longest BINARY in bytes: values are filled up to it.
pub const FIXED_LENGTH_MAX: u32 = 65_536;
/// The greatest length that a VARCHAR or VARBINARY may name.
pub const VARYING_LENGTH_MAX: u32 = i32::MAX as u32;

/// A type that a program defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserType {
    /// Its name.
    pub name: Identifier,
    /// What it stands for.
    pub kind: Type,
    /// How deep it nests.
    pub(crate) depth: usize,
    /// Of how many types and fields it is made.
    pub(crate) parts: usize,
}

/// The types that a program defined, by name.
pub type UserTypes = BTreeMap<String, UserType>;

/// Whether `NULL` is a type here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NullType {
    Allowed,
    Refused,
}

/// A type as it was written.
#[derive(Clone, Debug)]
pub(crate) struct ParsedType {
    pub kind: Type,
    pub range: SourceRange,
    pub depth: usize,
    pub parts: usize,
    /// Where `DECIMAL` stands alone.
    pub bare_decimals: Vec<SourceRange>,
}

/// Reads one type from a parser's tokens.
pub(crate) struct TypeGrammar<'u> {
    user_types: &'u UserTypes,
    null_type: NullType,
    parts: usize,
    /// One `>` of a `>>` is still to be taken.
    is_half_closed: bool,
    bare_decimals: Vec<SourceRange>,
}

type Parsed<T> = Result<T, ParserError>;

impl<'u> TypeGrammar<'u> {
    pub fn new(user_types: &'u UserTypes, null_type: NullType) -> Self {
        Self { user_types, null_type, parts: 0, is_half_closed: false, bare_decimals: Vec::new() }
    }

    pub fn parse(mut self, parser: &mut Parser<'_>) -> Parsed<ParsedType> {
        let start = SourceRange::of_span(parser.peek_token_ref().span);
        let (kind, depth) = self.nested(parser, 0)?;
        let range = start.to(SourceRange::of_span(parser.get_current_token().span));
        if self.is_half_closed {
            return Err(Message::error(error::PARSING, range, "one `>` too many").into_parser_error());
        }
        Ok(ParsedType { kind, range, depth, parts: self.parts, bare_decimals: self.bare_decimals })
    }

    /// The fields of a row, from the bracket before them to the one behind them.
    pub fn parse_fields(mut self, parser: &mut Parser<'_>, are_nullable: bool) -> Parsed<ParsedType> {
        let start = SourceRange::of_span(parser.peek_token_ref().span);
        let (kind, depth) = self.row(parser, 1, are_nullable)?;
        let range = start.to(SourceRange::of_span(parser.get_current_token().span));
        Ok(ParsedType { kind, range, depth, parts: self.parts, bare_decimals: self.bare_decimals })
    }

    /// A type inside `outer` others, and how deep the whole is.
    fn nested(&mut self, parser: &mut Parser<'_>, outer: usize) -> Parsed<(Type, usize)> {
        let token = parser.next_token();
        self.check(&token, outer + 1, 1)?;
        let (mut kind, mut depth) = self.base(parser, &token, outer + 1)?;
        while !self.is_half_closed && words::take(parser, "ARRAY") {
            depth += 1;
            self.check(parser.get_current_token(), depth, 1)?;
            kind = Type::Array(Box::new(kind));
        }
        Ok((kind, depth))
    }

    fn check(&mut self, token: &TokenWithSpan, depth: usize, parts: usize) -> Parsed<()> {
        self.parts += parts;
        if depth > TYPE_DEPTH_MAX {
            return Err(illegal(token, format!("types nest deeper than {TYPE_DEPTH_MAX}")));
        }
        if self.parts > TYPE_PARTS_MAX {
            return Err(illegal(token, format!("the type has more than {TYPE_PARTS_MAX} parts")));
        }
        Ok(())
    }

    fn base(&mut self, parser: &mut Parser<'_>, token: &TokenWithSpan, depth: usize) -> Parsed<(Type, usize)> {
        let Token::Word(word) = &token.token else {
            return parser.expected("a type", token.clone());
        };
        if word.quote_style.is_some() {
            return self.user_type(token, &word.value, true, depth);
        }
        let kind = match word.value.to_ascii_uppercase().as_str() {
            "MAP" => return self.map(parser, depth),
            "ROW" => return self.row(parser, depth, false),
            "NULL" if self.null_type == NullType::Allowed => Type::Null,
            "BOOLEAN" | "BOOL" => Type::Boolean,
            "TINYINT" => integer(parser, IntWidth::Tiny),
            "SMALLINT" => integer(parser, IntWidth::Small),
            "INT" | "INTEGER" | "INT32" => integer(parser, IntWidth::Normal),
            "BIGINT" | "INT64" => integer(parser, IntWidth::Big),
            "UNSIGNED" => Type::UInt(IntWidth::Normal),
            "DECIMAL" | "NUMERIC" | "DEC" => self.decimal(parser, token)?,
            "FLOAT" => {
                let message = "FLOAT does not say how many bits it has: write REAL (32) or DOUBLE (64)";
                return Err(illegal(token, message.to_owned()));
            }
            "REAL" | "FLOAT4" | "FLOAT32" => Type::Real,
            "DOUBLE" => {
                words::take(parser, "PRECISION");
                Type::Double
            }
            "FLOAT8" | "FLOAT64" => Type::Double,
            "CHAR" | "CHARACTER" if words::take(parser, "VARYING") => Type::Varchar(varying_length(parser)?),
            "CHAR" | "CHARACTER" => Type::Char(fixed_length(parser)?),
            "VARCHAR" => Type::Varchar(varying_length(parser)?),
            "TEXT" | "STRING" => Type::Varchar(None),
            "BINARY" if words::take(parser, "VARYING") => Type::Varbinary(varying_length(parser)?),
            "BINARY" => Type::Binary(fixed_length(parser)?),
            "VARBINARY" => Type::Varbinary(varying_length(parser)?),
            "BYTEA" => Type::Varbinary(None),
            "DATE" => Type::Date,
            "TIME" => time(parser)?,
            "TIMESTAMP" | "DATETIME" => timestamp(parser)?,
            "INTERVAL" => Type::Interval(interval_units::parse(parser)?.as_type()),
            "UUID" => Type::Uuid,
            "VARIANT" => Type::Variant,
            _ => return self.user_type(token, &word.value, false, depth),
        };
        Ok((kind, depth))
    }

    fn user_type(&mut self, token: &TokenWithSpan, name: &str, is_quoted: bool, depth: usize) -> Parsed<(Type, usize)> {
        let name = if is_quoted { Identifier::quoted(name) } else { Identifier::folded(name) };
        let Some(found) = self.user_types.get(&name.name) else {
            return Err(Message::not_found(SourceRange::of_span(token.span), &name.name).into_parser_error());
        };
        let depth = depth + found.depth - 1;
        self.check(token, depth, found.parts)?;
        Ok((found.kind.clone(), depth))
    }

    fn map(&mut self, parser: &mut Parser<'_>, depth: usize) -> Parsed<(Type, usize)> {
        parser.expect_token(&Token::Lt)?;
        let (key, key_depth) = self.nested(parser, depth)?;
        if self.is_half_closed {
            return parser.expected(",", parser.get_current_token().clone());
        }
        parser.expect_token(&Token::Comma)?;
        let (value, value_depth) = self.nested(parser, depth)?;
        self.close(parser)?;
        Ok((Type::Map(Box::new(key), Box::new(value)), key_depth.max(value_depth)))
    }

    /// Takes a `>`, or half of a `>>`.
    fn close(&mut self, parser: &mut Parser<'_>) -> Parsed<()> {
        if self.is_half_closed {
            self.is_half_closed = false;
            return Ok(());
        }
        if parser.consume_token(&Token::ShiftRight) {
            self.is_half_closed = true;
            return Ok(());
        }
        parser.expect_token(&Token::Gt).map(drop)
    }

    fn row(&mut self, parser: &mut Parser<'_>, depth: usize, are_nullable: bool) -> Parsed<(Type, usize)> {
        parser.expect_token(&Token::LParen)?;
        let (mut fields, mut deepest): (Vec<Field>, usize) = (Vec::new(), depth);
        let mut names = std::collections::HashSet::new();
        loop {
            let (name, range) = words::identifier(parser)?;
            if !names.insert(name.name.clone()) {
                let message = format!("Field '{name}' stands twice in the row");
                return Err(Message::error(error::DUPLICATE_NAME, range, message).into_parser_error());
            }
            let (kind, field_depth) = self.nested(parser, depth)?;
            if self.is_half_closed {
                return parser.expected(", or )", parser.get_current_token().clone());
            }
            let is_nullable = nullability(parser)?.unwrap_or(are_nullable);
            fields.push(Field { name, column_type: ColumnType { kind, is_nullable } });
            deepest = deepest.max(field_depth);
            if !parser.consume_token(&Token::Comma) {
                break;
            }
        }
        parser.expect_token(&Token::RParen)?;
        Ok((Type::Row(fields), deepest))
    }

    fn decimal(&mut self, parser: &mut Parser<'_>, token: &TokenWithSpan) -> Parsed<Type> {
        if !parser.consume_token(&Token::LParen) {
            self.bare_decimals.push(SourceRange::of_span(token.span));
            return Ok(Type::Decimal(DECIMAL_DIGITS_MAX, 0));
        }
        let (digits, digits_token) = number(parser)?;
        let (scale, scale_token) =
            if parser.consume_token(&Token::Comma) { number(parser)? } else { (0, digits_token.clone()) };
        parser.expect_token(&Token::RParen)?;
        let most = u32::from(DECIMAL_DIGITS_MAX);
        if digits == 0 || digits > most {
            return Err(illegal(&digits_token, format!("DECIMAL has from 1 to {most} digits, not {digits}")));
        }
        if scale > digits {
            let message = format!("DECIMAL({digits}, {scale}) has more digits behind the point than in all");
            return Err(illegal(&scale_token, message));
        }
        Ok(Type::Decimal(digits as u8, scale as u8))
    }
}

/// `NULL` or `NOT NULL`, if one of them comes next.
pub(crate) fn nullability(parser: &mut Parser<'_>) -> Parsed<Option<bool>> {
    if words::take(parser, "NULL") {
        return Ok(Some(true));
    }
    if words::take(parser, "NOT") {
        words::expect(parser, "NULL")?;
        return Ok(Some(false));
    }
    Ok(None)
}

fn integer(parser: &mut Parser<'_>, width: IntWidth) -> Type {
    if words::take(parser, "UNSIGNED") { Type::UInt(width) } else { Type::Int(width) }
}

fn time(parser: &mut Parser<'_>) -> Parsed<Type> {
    precision(parser)?;
    if words::take_all(parser, &["WITH", "TIME", "ZONE"]) {
        let token = parser.get_current_token();
        return Err(Message::error(
            error::NOT_SUPPORTED,
            SourceRange::of_span(token.span),
            "TIME WITH TIME ZONE is not supported",
        )
        .into_parser_error());
    }
    words::take_all(parser, &["WITHOUT", "TIME", "ZONE"]);
    Ok(Type::Time)
}

fn timestamp(parser: &mut Parser<'_>) -> Parsed<Type> {
    precision(parser)?;
    if words::take_all(parser, &["WITH", "TIME", "ZONE"]) {
        return Ok(Type::TimestampTz);
    }
    words::take_all(parser, &["WITHOUT", "TIME", "ZONE"]);
    Ok(Type::Timestamp)
}

/// Reads a `(3)` that has no effect.
fn precision(parser: &mut Parser<'_>) -> Parsed<()> {
    if parser.consume_token(&Token::LParen) {
        number(parser)?;
        parser.expect_token(&Token::RParen)?;
    }
    Ok(())
}

fn fixed_length(parser: &mut Parser<'_>) -> Parsed<u32> {
    length(parser, FIXED_LENGTH_MAX).map(|length| length.unwrap_or(1))
}

fn varying_length(parser: &mut Parser<'_>) -> Parsed<Option<u32>> {
    length(parser, VARYING_LENGTH_MAX)
}

fn length(parser: &mut Parser<'_>, most: u32) -> Parsed<Option<u32>> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(None);
    }
    let (length, token) = number(parser)?;
    parser.expect_token(&Token::RParen)?;
    if length == 0 || length > most {
        return Err(illegal(&token, format!("a length is from 1 to {most}, not {length}")));
    }
    Ok(Some(length))
}

/// A whole number and its token.
fn number(parser: &mut Parser<'_>) -> Parsed<(u32, TokenWithSpan)> {
    let token = parser.next_token();
    let Token::Number(digits, false) = &token.token else {
        return parser.expected("a whole number", token);
    };
    match digits.parse() {
        Ok(number) => Ok((number, token)),
        Err(_) => Err(illegal(&token, format!("{digits} is no length or precision"))),
    }
}

fn illegal(token: &TokenWithSpan, message: String) -> ParserError {
    Message::error(error::ILLEGAL_TYPE, SourceRange::of_span(token.span), message).into_parser_error()
}
