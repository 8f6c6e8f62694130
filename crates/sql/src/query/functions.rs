//! Calls of the functions that a program defines, replaced by their bodies.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{AccessExpr, Expr, Function, LambdaFunction, OneOrManyWithParens, VisitMut, VisitorMut};

use crate::calls;
use crate::lexer::TREE_DEPTH_MAX;
use crate::message::{Message, error};
use crate::position::SourceRange;
use crate::types::{ColumnType, Identifier};

/// How many expressions a query may have once the bodies of functions stand in it.
pub const EXPANDED_EXPRESSIONS_MAX: usize = 20_000;
/// How many expressions the bodies of functions may add to a whole program.
pub const PROGRAM_EXPRESSIONS_MAX: usize = 300_000;

/// A function that a program defined.
#[derive(Clone, Debug, PartialEq)]
pub struct UserFunction {
    /// Its name.
    pub name: Identifier,
    /// Its parameters.
    pub parameters: Vec<(Identifier, ColumnType)>,
    /// The type of its result.
    pub returns: ColumnType,
    /// Its body, in which no other function of the program is called; none if it is not written in SQL.
    pub body: Option<Expr>,
    /// Of how many expressions the body is made.
    pub(crate) expressions: usize,
    /// How deep it nests.
    pub(crate) depth: usize,
    /// How often parameters stand in it.
    pub(crate) mentions: usize,
}

/// The functions that a program defined, by name.
pub type UserFunctions = BTreeMap<String, UserFunction>;

/// The names of a lambda's parameters.
pub(crate) fn parameters(lambda: &LambdaFunction) -> impl Iterator<Item = String> {
    let parameters = match &lambda.params {
        OneOrManyWithParens::One(parameter) => std::slice::from_ref(parameter),
        OneOrManyWithParens::Many(parameters) => parameters,
    };
    parameters.iter().map(|parameter| Identifier::from(&parameter.name).name)
}

/// How large a tree is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub expressions: usize,
    pub depth: usize,
}

/// Replaces the calls in `node` by the bodies of what they call, taking what they add from `left`. Gives how large its
/// expressions are then.
pub(crate) fn expand(node: &mut impl VisitMut, functions: &UserFunctions, left: &mut usize) -> Result<Size, Message> {
    let mut expansion = Expansion { functions, sizes: vec![Size::default()], left };
    match node.visit(&mut expansion) {
        ControlFlow::Break(message) => Err(*message),
        ControlFlow::Continue(()) => Ok(expansion.sizes.pop().unwrap_or_default()),
    }
}

struct Expansion<'a> {
    functions: &'a UserFunctions,
    /// Of each expression that is being visited, how large its parts are so far.
    sizes: Vec<Size>,
    /// How many more expressions may be added.
    left: &'a mut usize,
}

impl VisitorMut for Expansion<'_> {
    type Break = Box<Message>;

    fn pre_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<Box<Message>> {
        self.sizes.push(Size::default());
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Box<Message>> {
        let inner = self.sizes.pop().unwrap_or_default();
        let size = match self.expanded(expr, inner) {
            Ok(size) => size,
            Err(message) => return ControlFlow::Break(Box::new(message)),
        };
        if let Some(outer) = self.sizes.last_mut() {
            outer.expressions = outer.expressions.saturating_add(size.expressions);
            outer.depth = outer.depth.max(size.depth);
        }
        ControlFlow::Continue(())
    }
}

impl Expansion<'_> {
    fn expanded(&mut self, expr: &mut Expr, inner: Size) -> Result<Size, Message> {
        let plain = Size { expressions: inner.expressions.saturating_add(1), depth: inner.depth + 1 };
        let Expr::Function(call) = expr else {
            return Ok(plain);
        };
        let Some(function) = calls::name(call).and_then(|name| self.functions.get(&Identifier::from(name).name)) else {
            return Ok(plain);
        };
        let range =
            SourceRange::of_span(calls::name(call).map_or_else(sqlparser::tokenizer::Span::empty, |name| name.span));
        let Some(body) = &function.body else {
            let message = format!("function '{}' has no body in SQL; others cannot be called yet", function.name);
            return Err(Message::error(error::NOT_YET_IMPLEMENTED, range, message));
        };
        let arguments = arguments(call, function, range)?;
        let size = Size {
            expressions: function.expressions.saturating_add(function.mentions.saturating_mul(inner.expressions + 2))
                + 3,
            depth: function.depth + inner.depth + 4,
        };
        let is_too_much = size.expressions > EXPANDED_EXPRESSIONS_MAX || size.expressions > *self.left;
        if is_too_much || size.depth > TREE_DEPTH_MAX {
            let message = format!("with the body of function '{}' the expression gets too large", function.name);
            return Err(Message::error(error::COMPILER, range, message));
        }
        *self.left -= size.expressions;
        let span = calls::name(call).map_or_else(sqlparser::tokenizer::Span::empty, |name| name.span);
        let mut value = body.clone();
        let mut substitution = Substitution { arguments: &arguments, hidden: Vec::new() };
        let _ = value.visit(&mut substitution);
        *expr = calls::typed_call(calls::CAST, &function.returns.kind, span, vec![Expr::Nested(Box::new(value))]);
        Ok(size)
    }
}

/// The arguments of a call by parameter, each cast to the parameter's type.
fn arguments(call: &Function, function: &UserFunction, range: SourceRange) -> Result<BTreeMap<String, Expr>, Message> {
    let is_plain = call.over.is_none() && call.filter.is_none() && call.within_group.is_empty();
    let given: Vec<&Expr> = calls::arguments(call).collect();
    if !is_plain || given.len() != function.parameters.len() {
        let message =
            format!("function '{}' takes {} arguments and nothing else", function.name, function.parameters.len());
        return Err(Message::error(error::COMPILATION, range, message));
    }
    let span = calls::name(call).map_or_else(sqlparser::tokenizer::Span::empty, |name| name.span);
    let cast = |((name, column_type), argument): (&(Identifier, ColumnType), &Expr)| {
        let argument = calls::typed_call(calls::CAST, &column_type.kind, span, vec![argument.clone()]);
        (name.name.clone(), argument)
    };
    Ok(function.parameters.iter().zip(given).map(cast).collect())
}

/// Puts arguments in the place of parameters.
struct Substitution<'a> {
    arguments: &'a BTreeMap<String, Expr>,
    /// Parameters of lambdas, which hide ours.
    hidden: Vec<String>,
}

impl VisitorMut for Substitution<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Lambda(lambda) = expr {
            self.hidden.extend(parameters(lambda));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(value) = self.value(expr) {
            *expr = value;
        }
        if let Expr::Lambda(lambda) = expr {
            let left = self.hidden.len() - parameters(lambda).count();
            self.hidden.truncate(left);
        }
        ControlFlow::Continue(())
    }
}

impl Substitution<'_> {
    fn value(&self, expr: &Expr) -> Option<Expr> {
        let argument = |ident| {
            let name = Identifier::from(ident).name;
            if self.hidden.contains(&name) { None } else { self.arguments.get(&name).cloned() }
        };
        match expr {
            Expr::Identifier(ident) => argument(ident),
            Expr::CompoundIdentifier(idents) => {
                let (first, fields) = idents.split_first()?;
                let field = |ident: &sqlparser::ast::Ident| AccessExpr::Dot(Expr::Identifier(ident.clone()));
                let access_chain = fields.iter().map(field).collect();
                Some(Expr::CompoundFieldAccess { root: Box::new(argument(first)?), access_chain })
            }
            _ => None,
        }
    }
}

/// How often the parameters stand in a body.
pub(crate) fn mentions(body: &Expr) -> usize {
    use sqlparser::ast::{Visit, Visitor};

    struct Count(usize);

    impl Visitor for Count {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 += usize::from(matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
            ControlFlow::Continue(())
        }
    }

    let mut count = Count(0);
    let _ = body.visit(&mut count);
    count.0
}
