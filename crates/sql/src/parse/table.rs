//! `CREATE TABLE`.

use sqlparser::tokenizer::Token;

use super::{Parsed, Reader};
use crate::message::error;
use crate::position::SourceRange;
use crate::statement::{ColumnStatement, ForeignKey, KeyClause, Name, TableStatement};
use crate::words;

impl Reader<'_> {
    pub(super) fn table(&mut self) -> Parsed<TableStatement> {
        let name = self.new_name()?;
        let (columns, keys, foreign_keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut table = TableStatement { name, columns, keys, foreign_keys, properties: Vec::new() };
        self.parser.expect_token(&Token::LParen)?;
        loop {
            self.element(&mut table)?;
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        self.parser.expect_token(&Token::RParen)?;
        table.properties = self.properties()?;
        Ok(table)
    }

    /// A column, or a key of several.
    fn element(&mut self, table: &mut TableStatement) -> Parsed<()> {
        let start = SourceRange::of_span(self.parser.peek_token_ref().span);
        let is_named = words::come(&self.parser, &["CONSTRAINT"])
            && words::is_any(&self.parser.peek_nth_token_ref(2).token, &["PRIMARY", "FOREIGN", "UNIQUE", "CHECK"]);
        if is_named {
            self.parser.advance_token();
            self.name()?;
        }
        if words::take_all(&mut self.parser, &["PRIMARY", "KEY"]) {
            let columns = self.names()?;
            table.keys.push(KeyClause { columns, range: start.to(self.here()) });
        } else if words::take_all(&mut self.parser, &["FOREIGN", "KEY"]) {
            let columns = self.names()?;
            let key = self.references(columns, start)?;
            table.foreign_keys.push(key);
        } else if self.is_other_constraint() {
            self.parser.advance_token();
            return Err(self.error(error::NOT_SUPPORTED, "UNIQUE and CHECK are not supported"));
        } else {
            self.column(table, start)?;
        }
        Ok(())
    }

    fn is_other_constraint(&self) -> bool {
        words::is_any(&self.parser.peek_token_ref().token, &["UNIQUE", "CHECK"])
            && self.parser.peek_nth_token_ref(1).token == Token::LParen
    }

    /// The place of the token that was just taken.
    fn here(&self) -> SourceRange {
        SourceRange::of_span(self.parser.get_current_token().span)
    }

    fn column(&mut self, table: &mut TableStatement, start: SourceRange) -> Parsed<()> {
        let name = self.name()?;
        let parsed = self.dialect.parse_type(&mut self.parser)?;
        let mut column = ColumnStatement {
            name,
            kind: parsed.kind,
            kind_range: parsed.range,
            is_nullable: None,
            lateness: None,
            watermark: None,
            default: None,
            range: SourceRange::UNKNOWN,
        };
        while self.column_option(table, &mut column)? {}
        column.range = start.to(self.here());
        table.columns.push(column);
        Ok(())
    }

    /// One option of a column; false if none comes next.
    fn column_option(&mut self, table: &mut TableStatement, column: &mut ColumnStatement) -> Parsed<bool> {
        let parser = &mut self.parser;
        let start = SourceRange::of_span(parser.peek_token_ref().span);
        let twice = "the option is given twice";
        if words::is_any(&parser.peek_token_ref().token, &["NULL", "NOT"]) {
            let is_nullable = crate::type_grammar::nullability(parser)?;
            if column.is_nullable.is_some_and(|before| Some(before) != is_nullable) {
                return Err(self.error(error::STATEMENT, "the column is both NULL and NOT NULL"));
            }
            column.is_nullable = is_nullable;
        } else if words::take_all(parser, &["PRIMARY", "KEY"]) {
            let range = start.to(self.here());
            table.keys.push(KeyClause { columns: vec![column.name.clone()], range });
        } else if words::take_all(parser, &["FOREIGN", "KEY"]) || words::come(parser, &["REFERENCES"]) {
            let key = self.references(vec![column.name.clone()], start)?;
            table.foreign_keys.push(key);
        } else if words::take(parser, "LATENESS") {
            if column.lateness.replace(self.term(true)?).is_some() {
                return Err(self.error(error::STATEMENT, twice));
            }
        } else if words::take(parser, "WATERMARK") {
            if column.watermark.replace(self.term(true)?).is_some() {
                return Err(self.error(error::STATEMENT, twice));
            }
        } else if words::take(parser, "DEFAULT") {
            if column.default.replace(self.term(true)?).is_some() {
                return Err(self.error(error::STATEMENT, twice));
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `REFERENCES table (columns)`.
    fn references(&mut self, columns: Vec<Name>, start: SourceRange) -> Parsed<ForeignKey> {
        words::expect(&mut self.parser, "REFERENCES")?;
        let table = self.name()?;
        let to = self.names()?;
        let range = start.to(self.here());
        if columns.len() != to.len() {
            let message = format!("the key has {} columns and refers to {}", columns.len(), to.len());
            return Err(self.error(error::STATEMENT, &message));
        }
        Ok(ForeignKey { columns, table, to, range })
    }
}
