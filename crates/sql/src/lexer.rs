//! From text to the tokens of each statement, and what a text may be at most.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::dialect::{BYTE_ORDER_MARK, PipelineDialect};
use crate::message::{Message, error, whole};
use crate::position::{Position, SourceRange};
use crate::words;

/// How long a program may be.
pub const PROGRAM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many tokens a statement may have; it bounds the nodes of its tree.
pub const STATEMENT_TOKENS_MAX: usize = 100_000;
/// How many brackets and CASEs may be open at once.
pub const NESTING_MAX: usize = 64;
/// How deep the tree of a statement may be. A chain such as `1 + 1 + …` is as deep as it is long, and trees are copied and
/// dropped recursively.
pub const TREE_DEPTH_MAX: usize = 400;

/// How much deeper a query in brackets makes the tree: it has many layers between its bracket and its expressions.
const QUERY_DEPTH: usize = 8;

/// How much deeper a UNION or the like makes it.
const SET_OPERATOR_DEPTH: usize = 4;

/// The tokens without blanks and comments; and, if the text ends in something that is no token, what is wrong with it.
pub(crate) fn tokens(text: &str) -> (Vec<TokenWithSpan>, Option<Message>) {
    let dialect = PipelineDialect::alone(0);
    let mut all = Vec::new();
    let failure = Tokenizer::new(&dialect, text).tokenize_with_location_into_buf(&mut all).err();
    let failure = failure.map(|failure| {
        let range = SourceRange { start: position(failure.location), end: position(failure.location) };
        Message::error(error::PARSING, range, failure.message)
    });
    let mut tokens: Vec<TokenWithSpan> = Vec::with_capacity(all.len() / 2);
    for mut token in all {
        if let Token::EscapedStringLiteral(text) | Token::UnicodeStringLiteral(text) = &mut token.token {
            // Already unescaped; behind here all strings are alike.
            token.token = Token::SingleQuotedString(std::mem::take(text));
        }
        match (tokens.last_mut(), &token.token) {
            (_, Token::Whitespace(_)) | (None, Token::Char(BYTE_ORDER_MARK)) => {}
            (Some(last), Token::SingleQuotedString(more)) if goes_on(last, &token) => {
                if let Token::SingleQuotedString(text) = &mut last.token {
                    text.push_str(more);
                }
                last.span.end = token.span.end;
            }
            _ => tokens.push(token),
        }
    }
    (tokens, failure)
}

/// `'a'` and, on another line, `'b'` are one string.
fn goes_on(last: &TokenWithSpan, token: &TokenWithSpan) -> bool {
    matches!(last.token, Token::SingleQuotedString(_)) && last.span.end.line < token.span.start.line
}

fn position(location: Location) -> Position {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(location.line), column: narrow(location.column) }
}

/// The tokens of each statement with the `;` behind it. What stands behind the last `;` is a statement if `is_whole`.
pub(crate) fn split(tokens: Vec<TokenWithSpan>, is_whole: bool) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = Vec::new();
    let mut statement = Vec::new();
    for token in tokens {
        let is_end = token.token == Token::SemiColon;
        if is_end && statement.is_empty() {
            continue;
        }
        statement.push(token);
        if is_end {
            statements.push(std::mem::take(&mut statement));
        }
    }
    if is_whole && !statement.is_empty() {
        statements.push(statement);
    }
    statements
}

/// Refuses a statement, given as its tokens without blanks and comments, that is too long or too deep to be worked on.
pub fn check(tokens: &[TokenWithSpan]) -> Result<(), Message> {
    if tokens.len() > STATEMENT_TOKENS_MAX {
        let message = format!("the statement has {} tokens; at most {STATEMENT_TOKENS_MAX} are allowed", tokens.len());
        return Err(Message::error(error::COMPILER, whole(tokens), message));
    }
    let mut levels = vec![Level { own: 1, ..Level::default() }];
    for (at, token) in tokens.iter().enumerate() {
        let here = || SourceRange::of_span(token.span);
        if levels.len() > NESTING_MAX {
            let message = format!("brackets and CASEs nest deeper than {NESTING_MAX}");
            return Err(Message::error(error::COMPILER, here(), message));
        }
        let is_query = tokens.get(at + 1).is_some_and(|next| words::is_any(&next.token, &["SELECT", "WITH", "VALUES"]));
        let depth = step(&mut levels, &token.token, if is_query { QUERY_DEPTH } else { 1 });
        if depth > TREE_DEPTH_MAX {
            let message = format!("the statement chains or nests more than {TREE_DEPTH_MAX} operators");
            return Err(Message::error(error::COMPILER, here(), message));
        }
    }
    Ok(())
}

/// What is inside one pair of brackets, or one CASE.
#[derive(Default)]
struct Level {
    is_case: bool,
    /// How deep it is by itself.
    own: usize,
    /// How deep its set operators make it.
    set_operators: usize,
    /// Operators since the last comma or clause.
    operators: usize,
    /// How deep the deepest inner level since then is.
    inner: usize,
    /// How deep the deepest part so far is.
    deepest: usize,
}

impl Level {
    fn end_part(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.inner);
        (self.operators, self.inner) = (0, 0);
    }

    /// How deep the tree of the level is at the part that is being read, as far as is known.
    fn depth_here(&self) -> usize {
        let here = self.operators + self.inner;
        self.own + self.set_operators + if self.set_operators > 0 { here.max(self.deepest) } else { here }
    }

    fn depth(&self) -> usize {
        self.own + self.set_operators + self.deepest.max(self.operators + self.inner)
    }
}

/// Goes on by a token. Gives how deep the tree can be by then.
fn step(levels: &mut Vec<Level>, token: &Token, depth: usize) -> usize {
    let is_case = levels.last().is_some_and(|level| level.is_case);
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => levels.push(Level { own: depth, ..Level::default() }),
        Token::RParen | Token::RBracket | Token::RBrace => close(levels),
        _ if words::is(token, "CASE") => levels.push(Level { own: 1, is_case: true, ..Level::default() }),
        _ if is_case && words::is(token, "END") => close(levels),
        _ => {
            if let Some(level) = levels.last_mut() {
                count(level, token);
            }
        }
    }
    levels.iter().map(Level::depth_here).sum()
}

fn close(levels: &mut Vec<Level>) {
    // A bracket too many closes nothing; the parser will say so.
    if levels.len() < 2 {
        return;
    }
    if let (Some(level), Some(outer)) = (levels.pop(), levels.last_mut()) {
        outer.inner = outer.inner.max(level.depth());
    }
}

fn count(level: &mut Level, token: &Token) {
    const CLAUSES: &[&str] =
        &["SELECT", "FROM", "WHERE", "HAVING", "QUALIFY", "GROUP", "ORDER", "WHEN", "THEN", "ELSE", "ON", "JOIN"];
    const SET_OPERATORS: &[&str] = &["UNION", "EXCEPT", "INTERSECT", "MINUS"];
    const OPERATORS: &[&str] = &[
        "AND", "OR", "NOT", "XOR", "IS", "LIKE", "ILIKE", "RLIKE", "REGEXP", "SIMILAR", "IN", "BETWEEN", "ESCAPE",
        "COLLATE", "AT", "CONTAINS", "OVERLAPS", "EQUALS", "PRECEDES", "SUCCEEDS", "MEMBER", "INTERVAL",
    ];
    match token {
        Token::Comma => level.end_part(),
        Token::Word(_) if words::is_any(token, CLAUSES) => level.end_part(),
        Token::Word(_) if words::is_any(token, SET_OPERATORS) => {
            level.end_part();
            level.set_operators += SET_OPERATOR_DEPTH;
        }
        Token::Word(_) if words::is_any(token, OPERATORS) => level.operators += 1,
        Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::SemiColon => {}
        _ => level.operators += 1,
    }
}

/// `LEFT ASOF JOIN` is the parser's `ASOF JOIN`, which is no join of ours without its LEFT.
pub(crate) fn plain_asof_joins(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, Message> {
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_asof =
            words::is(&token.token, "ASOF") && tokens.peek().is_some_and(|next| words::is(&next.token, "JOIN"));
        if is_asof && kept.pop_if(|last| words::is(&last.token, "LEFT")).is_none() {
            let range = SourceRange::of_span(token.span);
            return Err(Message::error(error::NOT_YET_IMPLEMENTED, range, "only LEFT ASOF JOIN exists"));
        }
        kept.push(token);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let (tokens, failure) = tokens(text);
        assert_eq!(failure, None);
        check(&tokens).map_err(|message| message.message)
    }

    #[rstest]
    #[case::sum(&format!("SELECT 1{}", " + 1".repeat(TREE_DEPTH_MAX)))]
    #[case::either(&format!("SELECT a{}", " OR b".repeat(TREE_DEPTH_MAX)))]
    #[case::unions(&format!("SELECT 1{}", " UNION SELECT 1".repeat(TREE_DEPTH_MAX / SET_OPERATOR_DEPTH)))]
    #[case::signs(&format!("SELECT {}1", "- ".repeat(TREE_DEPTH_MAX)))]
    #[case::casts(&format!("SELECT a{}", "::INT".repeat(TREE_DEPTH_MAX)))]
    #[case::before_and_in_brackets(&format!("SELECT (1{}){}", " + 1".repeat(200), " + 1".repeat(200)))]
    fn long_chains_are_refused(#[case] text: &str) {
        assert_eq!(checked(text), Err(format!("the statement chains or nests more than {TREE_DEPTH_MAX} operators")));
    }

    #[rstest]
    #[case::brackets(&format!("SELECT {}1{}", "(".repeat(NESTING_MAX + 1), ")".repeat(NESTING_MAX + 1)))]
    #[case::cases(&format!("SELECT {}", "CASE WHEN ".repeat(NESTING_MAX + 1)))]
    fn deep_nesting_is_refused(#[case] text: &str) {
        assert_eq!(checked(text), Err(format!("brackets and CASEs nest deeper than {NESTING_MAX}")));
    }

    #[rstest]
    #[case::list(&format!("SELECT a IN (1{})", ", 1 + 1".repeat(2000)))]
    #[case::columns(&format!("SELECT a{}", ", b * c + d".repeat(2000)))]
    #[case::cases(&format!("SELECT CASE{} END", " WHEN a = 1 THEN b + 1".repeat(2000)))]
    #[case::closing_brackets(&")".repeat(5000))]
    #[case::ends(&"END ".repeat(5000))]
    fn wide_statements_are_fine(#[case] text: &str) {
        assert_eq!(checked(text), Ok(()));
    }

    #[test]
    fn statements_end_at_semicolons() {
        let lengths =
            |text: &str, is_whole| -> Vec<usize> { split(tokens(text).0, is_whole).iter().map(Vec::len).collect() };
        assert_eq!(lengths(";; SET a = 1; -- x;\nSET b = ';'", true), [5, 4]);
        assert_eq!(lengths(";; SET a = 1; SET b = ';'", false), [5]);
    }

    #[test]
    fn strings_go_on_in_the_next_line() {
        let (tokens, _) = tokens("'a' 'b'\n 'c'  E'\\n' U&'\\0041'");
        let texts: Vec<String> = tokens.iter().map(|token| token.token.to_string()).collect();
        assert_eq!(texts, ["'a'", "'bc'", "'\n'", "'A'"]);
    }

    #[test]
    fn an_open_string_is_an_error_where_it_begins() {
        let (tokens, failure) = tokens("SET a = 1;\nSET b = 'x");
        assert_eq!(tokens.len(), 8);
        let failure = failure.expect("an error");
        assert_eq!((failure.start_line_number, failure.start_column), (2, 9));
    }
}
