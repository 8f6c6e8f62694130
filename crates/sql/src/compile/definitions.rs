//! Types, functions and indexes.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Ident, LambdaFunction, OneOrManyWithParens, VisitMut, VisitorMut};
use sqlparser::tokenizer::Span;

use super::{Compiler, Refused};
use crate::calls;
use crate::catalog::Index;
use crate::message::{Message, error};
use crate::position::SourceRange;
use crate::query::functions::{self, UserFunction};
use crate::query::{self, refusals, warnings};
use crate::statement::{FunctionStatement, IndexStatement, Name, Term, TypeStatement};
use crate::type_grammar::UserType;
use crate::types::{Identifier, Type};

/// With what the names of functions begin whose body reads JSON.
const JSONSTRING_AS: &str = "jsonstring_as_";
/// With what names begin that are ours.
const RESERVED_PREFIX: &str = "feldera";

impl Compiler<'_> {
    /// Refuses names that are ours.
    pub(super) fn check_new_name(name: &Name) -> Result<(), Refused> {
        let is_ours = name.identifier.name.to_lowercase().starts_with(RESERVED_PREFIX);
        if !is_ours && !name.identifier.name.starts_with(calls::PREFIX) {
            return Ok(());
        }
        let message = format!("'{}': names that begin with `{RESERVED_PREFIX}` or `__` are reserved", name.identifier);
        Err(vec![Message::error(error::RESERVED, name.range, message)])
    }

    pub(super) fn taken(name: &Name, what: &str) -> Refused {
        let message = format!("{what} '{}' is already defined", name.identifier);
        vec![Message::error(error::DUPLICATE_DECLARATION, name.range, message)]
    }

    pub(super) fn user_type(&mut self, statement: &TypeStatement) -> Result<(), Refused> {
        Self::check_new_name(&statement.name)?;
        let name = &statement.name.identifier;
        if self.catalog.types.contains_key(&name.name) {
            return Err(Self::taken(&statement.name, "type"));
        }
        let TypeStatement { kind, depth, parts, .. } = statement.clone();
        let user_type = UserType { name: name.clone(), kind, depth, parts };
        self.add_user_types(|types| drop(types.insert(name.name.clone(), user_type)));
        Ok(())
    }

    pub(super) fn function(&mut self, statement: &FunctionStatement) -> Result<(), Refused> {
        Self::check_new_name(&statement.name)?;
        let name = &statement.name.identifier;
        if self.catalog.functions.contains_key(&name.name) {
            return Err(Self::taken(&statement.name, "function"));
        }
        let mut seen = HashSet::new();
        if let Some((twice, _)) = statement.parameters.iter().find(|(name, _)| !seen.insert(&name.identifier.name)) {
            let message = format!("parameter '{}' stands twice", twice.identifier);
            return Err(vec![Message::error(error::DUPLICATE_NAME, twice.range, message)]);
        }
        let mut function = UserFunction {
            name: name.clone(),
            parameters: statement
                .parameters
                .iter()
                .map(|(name, kind)| (name.identifier.clone(), kind.clone()))
                .collect(),
            returns: statement.returns.clone(),
            body: None,
            expressions: 0,
            depth: 0,
            mentions: 0,
        };
        if let Some(body) = &statement.body {
            let (body, size) = self.body(body, &function)?;
            (function.expressions, function.depth) = (size.expressions, size.depth);
            function.mentions = functions::mentions(&body);
            function.body = Some(body);
        } else if name.name.starts_with(JSONSTRING_AS) {
            function.body = Some(reader_of_json(statement)?);
            (function.expressions, function.depth, function.mentions) = (3, 2, 1);
        }
        self.catalog.functions.insert(name.name.clone(), function);
        Ok(())
    }

    /// The body of a function, with the bodies of those it calls, and how large it is.
    fn body(&mut self, term: &Term, function: &UserFunction) -> Result<(Expr, functions::Size), Refused> {
        if let Some(range) = query::first_query(&term.expr) {
            let message = "a query inside a function is not implemented yet";
            return Err(vec![Message::error(error::NOT_YET_IMPLEMENTED, range, message)]);
        }
        let refused = refusals::of(&term.expr);
        if !refused.is_empty() {
            return Err(refused);
        }
        warnings::of(&term.expr).into_iter().for_each(|warning| self.say(warning));
        let mut body = term.expr.clone();
        let mut names = Names { function, hidden: Vec::new() };
        if let ControlFlow::Break(unknown) = body.visit(&mut names) {
            return Err(vec![Message::not_found(SourceRange::of_span(unknown.span), &Identifier::from(&unknown).name)]);
        }
        let size = functions::expand(&mut body, &self.catalog.functions, &mut self.expressions_left)
            .map_err(|message| vec![message])?;
        Ok((body, size))
    }

    pub(super) fn index(&mut self, statement: &IndexStatement) -> Result<(), Refused> {
        Self::check_new_name(&statement.name)?;
        let relation = self.known(&statement.relation)?;
        let columns: Vec<Identifier> = statement.columns.iter().map(|column| column.identifier.clone()).collect();
        for (at, column) in statement.columns.iter().enumerate() {
            if relation.column(&column.identifier.name).is_none() {
                return Err(vec![Message::not_found(column.range, &column.identifier.name)]);
            }
            if columns[..at].contains(&column.identifier) {
                let message = format!("column '{}' stands twice in the index", column.identifier);
                return Err(vec![Message::error(error::DUPLICATE_NAME, column.range, message)]);
            }
        }
        let (name, relation) = (statement.name.identifier.clone(), relation.name().identifier.clone());
        if self.catalog.indexes.contains_key(&name.name) {
            return Err(Self::taken(&statement.name, "index"));
        }
        self.catalog.indexes.insert(name.name.clone(), Index { name, relation, columns });
        Ok(())
    }
}

/// Checks that a body names nothing but parameters, and gives those of lambdas names that no column has, so that an
/// argument keeps its meaning inside.
struct Names<'a> {
    function: &'a UserFunction,
    hidden: Vec<String>,
}

impl VisitorMut for Names<'_> {
    type Break = Ident;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Ident> {
        let first = match expr {
            Expr::Lambda(lambda) => {
                self.hidden.extend(functions::parameters(lambda));
                rename_parameters(lambda);
                return ControlFlow::Continue(());
            }
            Expr::Identifier(ident) => ident,
            Expr::CompoundIdentifier(idents) if !idents.is_empty() => &mut idents[0],
            _ => return ControlFlow::Continue(()),
        };
        let name = Identifier::from(&*first).name;
        if self.hidden.contains(&name) {
            *first = hidden(first);
        } else if !self.function.parameters.iter().any(|(parameter, _)| parameter.name == name) {
            return ControlFlow::Break(first.clone());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Ident> {
        if let Expr::Lambda(lambda) = expr {
            let left = self.hidden.len() - functions::parameters(lambda).count();
            self.hidden.truncate(left);
        }
        ControlFlow::Continue(())
    }
}

fn rename_parameters(lambda: &mut LambdaFunction) {
    match &mut lambda.params {
        OneOrManyWithParens::One(parameter) => parameter.name = hidden(&parameter.name),
        OneOrManyWithParens::Many(parameters) => {
            parameters.iter_mut().for_each(|parameter| parameter.name = hidden(&parameter.name));
        }
    }
}

fn hidden(ident: &Ident) -> Ident {
    let value = format!("{}{}", calls::PREFIX, Identifier::from(ident).name);
    Ident { value, quote_style: Some('"'), span: ident.span }
}

/// The body of `jsonstring_as_…(text VARCHAR) RETURNS row`.
fn reader_of_json(statement: &FunctionStatement) -> Result<Expr, Refused> {
    let refused = |message: &str| vec![Message::error(error::STATEMENT, statement.name.range, message)];
    let [(parameter, column_type)] = statement.parameters.as_slice() else {
        return Err(refused("a function that reads JSON has one parameter"));
    };
    if !matches!(column_type.kind, Type::Varchar(_)) {
        return Err(refused("the parameter of a function that reads JSON is a VARCHAR"));
    }
    if !matches!(statement.returns.kind, Type::Row(_)) {
        return Err(refused("a function that reads JSON returns a row type"));
    }
    let name = &parameter.identifier;
    let text = if name.is_case_sensitive { Ident::with_quote('"', &name.name) } else { Ident::new(&name.name) };
    let kind = &statement.returns.kind;
    Ok(calls::typed_call(calls::JSONSTRING_AS, kind, Span::empty(), vec![Expr::Identifier(text)]))
}
