//! `CREATE VIEW` and `DECLARE RECURSIVE VIEW`.

use sqlparser::tokenizer::Token;

use super::{Parsed, Reader};
use crate::position::SourceRange;
use crate::statement::{DeclareView, ViewKind, ViewStatement};
use crate::words;

impl Reader<'_> {
    pub(super) fn view(&mut self) -> Parsed<ViewStatement> {
        let start = SourceRange::of_span(self.parser.get_current_token().span);
        let kind = if words::take(&mut self.parser, "LOCAL") {
            ViewKind::Local
        } else if words::take(&mut self.parser, "MATERIALIZED") {
            ViewKind::Materialized
        } else {
            ViewKind::Plain
        };
        words::expect(&mut self.parser, "VIEW")?;
        let name = self.new_name()?;
        let columns = if self.parser.peek_token_ref().token == Token::LParen { self.names()? } else { Vec::new() };
        let properties = self.properties()?;
        words::expect(&mut self.parser, "AS")?;
        let query = self.parser.parse_query()?;
        let range = start.to(SourceRange::of_span(self.parser.get_current_token().span));
        Ok(ViewStatement { name, kind, columns, properties, query, range })
    }

    pub(super) fn recursive_view(&mut self) -> Parsed<DeclareView> {
        let name = self.new_name()?;
        let columns = self.typed_names()?;
        Ok(DeclareView { name, columns })
    }
}
