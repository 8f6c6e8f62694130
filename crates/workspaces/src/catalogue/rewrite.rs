//! What clients of PostgreSQL write and DuckDB does not read, in its words. Names, operators and casts are exchanged token by token;
//! texts, comments and everything else stay as they are.

use alluvium_pgwire::tokens::{Kind, Token, tokens};

/// Types that stand for an object: its id, that is read as its name.
const OBJECT_TYPES: [&str; 6] = ["regclass", "regtype", "regnamespace", "regrole", "regproc", "regprocedure"];
/// Types of ids.
const ID_TYPES: [&str; 6] = ["oid", "int8", "bigint", "int4", "int", "integer"];
/// Words that a bracket can follow without being a call.
const NO_FUNCTIONS: [&str; 16] = [
    "in", "and", "or", "not", "select", "then", "else", "when", "any", "all", "on", "where", "by", "from", "as", "case",
];

/// A statement that asks PostgreSQL's catalogue, for an engine with ours.
pub(super) fn rewrite(sql: &str) -> String {
    let mut rewriting = Rewriting { tokens: tokens(sql).collect(), at: 0, out: Vec::new() };
    while rewriting.at < rewriting.tokens.len() {
        rewriting.step();
    }
    rewriting.out.iter().map(|token| token.text.as_ref()).collect()
}

/// Whether a word is one of the types that [`rewrite`] makes calls of.
pub(super) fn is_object_type(name: &str) -> bool {
    OBJECT_TYPES.contains(&name)
}

struct Rewriting<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    out: Vec<Token<'a>>,
}

impl<'a> Rewriting<'a> {
    /// The place of the next token that is no blank.
    fn after(&self, at: usize) -> usize {
        (at + 1..self.tokens.len()).find(|at| self.tokens[*at].kind != Kind::Blank).unwrap_or(self.tokens.len())
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(text))
    }

    fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name()
    }

    /// Where a name begins, without the schema that it is said to be of.
    fn unqualified(&self, at: usize) -> usize {
        let dot = self.after(at);
        if self.name(at).as_deref() == Some("pg_catalog") && self.is(dot, ".") { self.after(dot) } else { at }
    }

    fn step(&mut self) {
        let (token, next) = (&self.tokens[self.at], self.after(self.at));
        let name = token.name();
        let is_word = token.kind == Kind::Word;
        match name.as_deref() {
            Some("pg_catalog") if self.is(next, ".") && !self.is_part() => self.at = self.after(next),
            Some("information_schema") if self.is(next, ".") && !self.is_part() => {
                self.out.push(Token::new(Kind::Word, super::INFORMATION));
                self.at = next;
            }
            Some("operator") if is_word && self.is(next, "(") => self.operator(next),
            Some("collate") if is_word && self.name(self.unqualified(next)).as_deref() == Some("default") => {
                self.at = self.unqualified(next) + 1;
            }
            Some("as") if is_word => self.cast_as(next),
            _ if token.is("~") || token.is("!~") => {
                let own = if token.is("~") { "@~" } else { "!@~" };
                self.put(Token::new(Kind::Operator, own));
            }
            _ if token.kind == Kind::Cast => self.cast(next),
            _ => self.keep(),
        }
    }

    /// Whether a name comes after a dot.
    fn is_part(&self) -> bool {
        self.out.iter().rev().find(|token| token.kind != Kind::Blank).is_some_and(|token| token.is("."))
    }

    fn put(&mut self, token: Token<'a>) {
        self.out.push(token);
        self.at += 1;
    }

    fn keep(&mut self) {
        self.put(self.tokens[self.at].clone());
    }

    /// `OPERATOR(pg_catalog.~)` is `~`.
    fn operator(&mut self, bracket: usize) {
        let operator = self.unqualified(self.after(bracket));
        let end = self.after(operator);
        let is_one = self.tokens.get(operator).is_some_and(|token| token.kind == Kind::Operator);
        if !is_one || !self.is(end, ")") {
            return self.keep();
        }
        // What it is in our words, the next step says.
        self.tokens[end] = self.tokens[operator].clone();
        self.at = end;
    }

    /// The object type that stands at a place, as the calls that take its place are named.
    fn object_type(&self, at: usize) -> Option<&'static str> {
        let name = self.name(at)?;
        let found = OBJECT_TYPES.into_iter().find(|known| *known == name)?;
        Some(if found == "regprocedure" { "regproc" } else { found })
    }

    fn is_id_type(&self, at: usize) -> bool {
        self.name(self.unqualified(at)).is_some_and(|name| ID_TYPES.contains(&name.as_str()))
    }

    /// `x::regclass` is a call around `x`.
    fn cast(&mut self, next: usize) {
        let at = self.unqualified(next);
        let Some(kind) = self.object_type(at) else { return self.keep() };
        let from = operand(&self.out);
        let then = self.after(at);
        let is_cast_on = self.tokens.get(then).is_some_and(|token| token.kind == Kind::Cast);
        let wants_id = if is_cast_on { self.is_id_type(self.after(then)) } else { is_literal(&self.out[from..]) };
        self.out.splice(from..from, [Token::new(Kind::Word, call(kind, wants_id)), Token::new(Kind::Other, "(")]);
        self.out.push(Token::new(Kind::Other, ")"));
        self.at = at + 1;
    }

    /// So is `CAST(x AS regclass)`.
    fn cast_as(&mut self, next: usize) {
        let at = self.unqualified(next);
        let end = self.after(at);
        let (Some(kind), true) = (self.object_type(at), self.is(end, ")")) else { return self.keep() };
        let Some(bracket) = opening(&self.out, self.out.len()) else { return self.keep() };
        let Some(cast) = before(&self.out, bracket).filter(|at| self.out[*at].name().as_deref() == Some("cast")) else {
            return self.keep();
        };
        let then = self.after(end);
        let is_id = self.name(then).as_deref() == Some("as") && self.is_id_type(self.after(then));
        let wants_id = is_id || is_literal(&self.out[bracket + 1..]);
        self.out[cast] = Token::new(Kind::Word, call(kind, wants_id));
        self.at = end;
    }
}

fn call(kind: &str, wants_id: bool) -> String {
    format!("_{kind}{}", if wants_id { "_id" } else { "" })
}

fn is_literal(tokens: &[Token<'_>]) -> bool {
    tokens.iter().all(|token| matches!(token.kind, Kind::Text | Kind::Param | Kind::Blank))
}

/// The place of the last token before a place that is no blank.
fn before(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    tokens[..at].iter().rposition(|token| token.kind != Kind::Blank)
}

/// The place of the bracket that is open at a place.
fn opening(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let mut depth = 0;
    tokens[..at].iter().rposition(|token| {
        if token.is(")") || token.is("]") {
            depth += 1;
        } else if token.is("(") || token.is("[") {
            depth -= 1;
        }
        depth < 0
    })
}

/// Where the operand of a cast that follows begins: a value, a name in its parts, a call, something in brackets, with the casts before.
fn operand(tokens: &[Token<'_>]) -> usize {
    let Some(mut at) = before(tokens, tokens.len()) else { return 0 };
    loop {
        if tokens[at].is(")") || tokens[at].is("]") {
            let Some(bracket) = opening(tokens, at) else { return at };
            at = bracket;
            let is_called = |at: &usize| {
                let token = &tokens[*at];
                let is_key_word =
                    token.kind == Kind::Word && token.name().is_some_and(|name| NO_FUNCTIONS.contains(&name.as_str()));
                matches!(token.kind, Kind::Word | Kind::Quoted) && !is_key_word || token.is(")") || token.is("]")
            };
            if let Some(called) = before(tokens, bracket).filter(is_called) {
                at = called;
                continue;
            }
        }
        let joined = before(tokens, at).filter(|at| tokens[*at].is(".") || tokens[*at].kind == Kind::Cast);
        match joined.and_then(|joined| before(tokens, joined)) {
            Some(earlier) => at = earlier,
            None => return at,
        }
    }
}
