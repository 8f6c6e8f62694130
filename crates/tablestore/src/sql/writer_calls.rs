//! Calls: functions by allow-list, their arguments, lambdas and windows.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, NullTreatment,
    ObjectName, ObjectNamePart, OneOrManyWithParens, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::SqlError;
use super::functions;
use super::tokens::ident;
use super::writer::{NOW_MARK, Names, TODAY_MARK, Writer, Written};

impl Writer<'_> {
    pub(super) fn function(&mut self, function: &Function) -> Written {
        let name = self.function_name(&function.name)?;
        if function.uses_odbc_syntax || !matches!(function.parameters, FunctionArguments::None) {
            return Err(SqlError::not_allowed("this kind of call"));
        }
        let plain = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
        if !plain || function.null_treatment.is_some() {
            self.query_only("a window or an aggregate")?;
        }
        if let Names::Table(_) = self.names
            && let Some(mark) = clock_mark(name, &function.args)?
        {
            return Ok(mark.to_owned());
        }
        let mut out = match &function.args {
            FunctionArguments::None if functions::is_bare(name) => name.to_owned(),
            FunctionArguments::None => {
                return Err(SqlError::new("function_not_allowed", format!("{name} is called with parentheses")));
            }
            FunctionArguments::Subquery(query) if name == "array" => {
                self.query_only("a subquery")?;
                format!("ARRAY({})", self.query(query)?)
            }
            FunctionArguments::Subquery(_) => return Err(SqlError::not_allowed("a subquery as the argument")),
            FunctionArguments::List(list) => {
                format!("{name}({})", self.arguments(name, list, function.null_treatment)?)
            }
        };
        if !function.within_group.is_empty() {
            out += &format!(" WITHIN GROUP (ORDER BY {})", self.order_list(&function.within_group)?);
        }
        if let Some(filter) = &function.filter {
            out += &format!(" FILTER (WHERE {})", self.expr(filter)?);
        }
        match &function.over {
            None => {}
            Some(WindowType::NamedWindow(window)) => out += &format!(" OVER {}", ident(window)?),
            Some(WindowType::WindowSpec(window)) => out += &format!(" OVER ({})", self.window(window)?),
        }
        Ok(out)
    }

    fn function_name(&self, name: &ObjectName) -> Result<&'static str, SqlError> {
        let refused = || SqlError::new("function_not_allowed", format!("function {name} is not allowed"));
        let [ObjectNamePart::Identifier(part)] = name.0.as_slice() else { return Err(refused()) };
        let known =
            if self.in_query() { functions::in_query(&part.value) } else { functions::in_predicate(&part.value) };
        known.ok_or_else(refused)
    }

    fn arguments(&mut self, name: &str, list: &FunctionArgumentList, nulls: Option<NullTreatment>) -> Written {
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        if duplicate_treatment.is_some() || !clauses.is_empty() {
            self.query_only("an aggregate")?;
        }
        let mut out = match duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => String::from("DISTINCT "),
            Some(DuplicateTreatment::All) => String::from("ALL "),
            None => String::new(),
        };
        let parts: Result<Vec<String>, SqlError> = args.iter().map(|arg| self.argument(name, arg)).collect();
        out += &parts?.join(", ");
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => out += &format!(" ORDER BY {}", self.order_list(order)?),
                FunctionArgumentClause::IgnoreOrRespectNulls(nulls) => out += null_treatment(*nulls),
                _ => return Err(SqlError::not_allowed("this clause of an argument list")),
            }
        }
        if let Some(nulls) = nulls {
            out += null_treatment(nulls);
        }
        Ok(out)
    }

    pub(super) fn argument(&mut self, name: &str, arg: &FunctionArg) -> Written {
        match arg {
            FunctionArg::Unnamed(value) => self.argument_value(name, value),
            FunctionArg::Named { name: parameter, arg, operator } => {
                let value = self.argument_value(name, arg)?;
                match operator {
                    // `f(a = 1)` is a comparison to DuckDB, whatever the parser thinks.
                    FunctionArgOperator::Equals => {
                        Ok(format!("{} = {value}", self.expr(&Expr::Identifier(parameter.clone()))?))
                    }
                    FunctionArgOperator::Assignment => Ok(format!("{} := {value}", ident(parameter)?)),
                    FunctionArgOperator::RightArrow => Ok(format!("{} => {value}", ident(parameter)?)),
                    _ => Err(SqlError::not_allowed("this kind of named argument")),
                }
            }
            FunctionArg::ExprNamed { .. } => Err(SqlError::not_allowed("this kind of named argument")),
        }
    }

    fn argument_value(&mut self, name: &str, value: &FunctionArgExpr) -> Written {
        match value {
            FunctionArgExpr::Expr(expr) => self.expr(expr),
            FunctionArgExpr::Wildcard if self.in_query() && matches!(name, "count" | "columns") => Ok("*".to_owned()),
            _ => Err(SqlError::not_allowed("`*`")),
        }
    }

    pub(super) fn lambda(&mut self, lambda: &LambdaFunction) -> Written {
        // `j -> '$.a'` looks like a lambda to the parser and is JSON access; the tokens stay, so the engine decides.
        let LambdaFunction { params, body, syntax } = lambda;
        let typed = |parameter: &LambdaFunctionParameter| parameter.data_type.is_some();
        let names: &[LambdaFunctionParameter] = match params {
            OneOrManyWithParens::One(name) => std::slice::from_ref(name),
            OneOrManyWithParens::Many(names) => names,
        };
        if names.iter().any(typed) {
            return Err(SqlError::not_allowed("a typed lambda parameter"));
        }
        let body = self.expr(body)?;
        match syntax {
            LambdaSyntax::Arrow => {
                let one = matches!(params, OneOrManyWithParens::One(_));
                let names: Result<Vec<String>, SqlError> =
                    names.iter().map(|name| self.expr(&Expr::Identifier(name.name.clone()))).collect();
                let names = names?.join(", ");
                if !one {
                    self.query_only("a lambda")?;
                }
                Ok(if one { format!("{names} -> {body}") } else { format!("({names}) -> {body}") })
            }
            LambdaSyntax::LambdaKeyword => {
                self.query_only("a lambda")?;
                let names: Result<Vec<String>, SqlError> = names.iter().map(|name| ident(&name.name)).collect();
                Ok(format!("lambda {}: {body}", names?.join(", ")))
            }
        }
    }

    pub(super) fn window(&mut self, window: &WindowSpec) -> Written {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = window;
        let mut parts = Vec::new();
        if let Some(name) = window_name {
            parts.push(ident(name)?);
        }
        if !partition_by.is_empty() {
            parts.push(format!("PARTITION BY {}", self.exprs(partition_by)?));
        }
        if !order_by.is_empty() {
            parts.push(format!("ORDER BY {}", self.order_list(order_by)?));
        }
        if let Some(frame) = window_frame {
            let units = match frame.units {
                WindowFrameUnits::Rows => "ROWS",
                WindowFrameUnits::Range => "RANGE",
                WindowFrameUnits::Groups => "GROUPS",
            };
            let start = self.bound(&frame.start_bound)?;
            parts.push(match &frame.end_bound {
                Some(end) => format!("{units} BETWEEN {start} AND {}", self.bound(end)?),
                None => format!("{units} {start}"),
            });
        }
        Ok(parts.join(" "))
    }

    fn bound(&mut self, bound: &WindowFrameBound) -> Written {
        Ok(match bound {
            WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
            WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
            WindowFrameBound::Preceding(Some(by)) => format!("{} PRECEDING", self.expr(by)?),
            WindowFrameBound::Following(Some(by)) => format!("{} FOLLOWING", self.expr(by)?),
        })
    }
}

fn null_treatment(nulls: NullTreatment) -> &'static str {
    match nulls {
        NullTreatment::IgnoreNulls => " IGNORE NULLS",
        NullTreatment::RespectNulls => " RESPECT NULLS",
    }
}

/// The mark for a clock function of a predicate.
fn clock_mark(name: &str, arguments: &FunctionArguments) -> Result<Option<&'static str>, SqlError> {
    let mark = match name {
        "now" | "get_current_timestamp" | "transaction_timestamp" | "current_timestamp" => NOW_MARK,
        "current_date" | "today" => TODAY_MARK,
        _ => return Ok(None),
    };
    match arguments {
        FunctionArguments::None => Ok(Some(mark)),
        FunctionArguments::List(list) if list.args.is_empty() && list.clauses.is_empty() => Ok(Some(mark)),
        _ => Err(SqlError::new("function_not_allowed", format!("{name} takes no arguments"))),
    }
}
