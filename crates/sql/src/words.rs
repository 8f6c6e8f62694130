//! Reading words that the parser's own keywords do not cover.

use sqlparser::ast::Ident;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::message::{Message, error};
use crate::position::SourceRange;
use crate::types::Identifier;

/// How long a name may be.
pub const NAME_CHARS_MAX: usize = 128;

/// Whether the token is this word, not quoted, in any case.
pub(crate) fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// Whether the token is one of the words.
pub(crate) fn is_any(token: &Token, words: &[&str]) -> bool {
    words.iter().any(|word| is(token, word))
}

/// Whether the next tokens are these words.
pub(crate) fn come(parser: &Parser<'_>, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(at, word)| is(&parser.peek_nth_token_ref(at).token, word))
}

/// Takes the word if it comes next.
pub(crate) fn take(parser: &mut Parser<'_>, word: &str) -> bool {
    take_all(parser, &[word])
}

/// Takes the words if all of them come next.
pub(crate) fn take_all(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let found = come(parser, words);
    if found {
        words.iter().for_each(|_| parser.advance_token());
    }
    found
}

/// Takes the word, which has to come next.
pub(crate) fn expect(parser: &mut Parser<'_>, word: &str) -> Result<TokenWithSpan, ParserError> {
    if take(parser, word) {
        return Ok(parser.get_current_token().clone());
    }
    parser.expected_ref(word, parser.peek_token_ref())
}

/// A name, with its place.
pub(crate) fn identifier(parser: &mut Parser<'_>) -> Result<(Identifier, SourceRange), ParserError> {
    let token = parser.next_token();
    let Token::Word(word) = &token.token else {
        return parser.expected("a name", token);
    };
    if word.value.chars().count() > NAME_CHARS_MAX {
        let message = format!("the name has over {NAME_CHARS_MAX} characters");
        return Err(Message::error(error::NOT_SUPPORTED, SourceRange::of_span(token.span), message).into_parser_error());
    }
    let name = match word.quote_style {
        None => Identifier::folded(&word.value),
        Some(_) if word.value.is_empty() => return parser.expected("a name that is not empty", token),
        Some(_) => Identifier::quoted(&word.value),
    };
    Ok((name, SourceRange::of_span(token.span)))
}

impl From<&Ident> for Identifier {
    /// The name that an identifier of the parser's tree means.
    fn from(ident: &Ident) -> Self {
        if ident.quote_style.is_some() { Self::quoted(&ident.value) } else { Self::folded(&ident.value) }
    }
}

/// The text of a string literal, with its place.
pub(crate) fn string(parser: &mut Parser<'_>) -> Result<(String, SourceRange), ParserError> {
    let token = parser.next_token();
    match &token.token {
        Token::SingleQuotedString(text) => Ok((text.clone(), SourceRange::of_span(token.span))),
        _ => parser.expected("a string in single quotes", token),
    }
}
