//! FROM: the only place where a relation can enter, and what it may be.

use sqlparser::ast::{
    FunctionArg, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias, TableFactor,
    TableWithJoins,
};

use super::SqlError;
use super::functions;
use super::tokens::ident;
use super::writer::{Names, Writer, Written};
use super::writer_query::{alias_columns, name_parts, quoted_name};
use crate::quote;

/// Words that DuckDB reads as part of a join or another clause where the parser takes them for an alias.
const NO_ALIAS: &[&str] = &[
    "anti",
    "asof",
    "at",
    "glob",
    "natural",
    "pivot",
    "pivot_longer",
    "pivot_wider",
    "positional",
    "qualify",
    "sample",
    "semi",
    "tablesample",
    "unpivot",
    "using",
    "window",
];

impl Writer<'_> {
    pub(super) fn table_with_joins(&mut self, table: &TableWithJoins) -> Written {
        let mut out = self.nested(|writer| writer.table_factor(&table.relation))?;
        for join in &table.joins {
            out += &self.join(join)?;
        }
        Ok(out)
    }

    fn join(&mut self, join: &Join) -> Written {
        let (words, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint) => ("JOIN", constraint),
            JoinOperator::Inner(constraint) => ("INNER JOIN", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => ("LEFT JOIN", constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("RIGHT JOIN", constraint),
            JoinOperator::FullOuter(constraint) => ("FULL JOIN", constraint),
            JoinOperator::CrossJoin(constraint) => ("CROSS JOIN", constraint),
            JoinOperator::Semi(constraint) => ("SEMI JOIN", constraint),
            JoinOperator::Anti(constraint) => ("ANTI JOIN", constraint),
            _ => return Err(SqlError::not_allowed("this kind of join")),
        };
        if join.global {
            return Err(SqlError::not_allowed("a GLOBAL join"));
        }
        let relation = self.nested(|writer| writer.table_factor(&join.relation))?;
        Ok(match constraint {
            JoinConstraint::None => format!(" {words} {relation}"),
            JoinConstraint::Natural => format!(" NATURAL {words} {relation}"),
            JoinConstraint::On(condition) => format!(" {words} {relation} ON {}", self.expr(condition)?),
            JoinConstraint::Using(columns) => {
                let columns: Result<Vec<String>, SqlError> = columns.iter().map(quoted_name).collect();
                format!(" {words} {relation} USING ({})", columns?.join(", "))
            }
        })
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Written {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let extra = version.is_some() || *with_ordinality || json_path.is_some() || sample.is_some();
                if extra || !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
                    return Err(SqlError::not_allowed("this option of a relation"));
                }
                match args {
                    None => self.relation(name, alias.as_ref()),
                    Some(args) if args.settings.is_none() => self.table_function(name, &args.args, alias.as_ref()),
                    Some(_) => Err(SqlError::not_allowed("SETTINGS")),
                }
            }
            TableFactor::Function { lateral, name, args, with_ordinality: false, alias } => {
                let call = self.table_function(name, args, alias.as_ref())?;
                Ok(if *lateral { format!("LATERAL {call}") } else { call })
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset: false,
                with_offset_alias: None,
                with_ordinality: false,
            } => Ok(format!("unnest({}){}", self.exprs(array_exprs)?, table_alias(alias.as_ref())?)),
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                let lateral = if *lateral { "LATERAL " } else { "" };
                Ok(format!("{lateral}({}){}", self.query(subquery)?, table_alias(alias.as_ref())?))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let inner = self.nested(|writer| writer.table_with_joins(table_with_joins))?;
                Ok(format!("({inner}){}", table_alias(alias.as_ref())?))
            }
            _ => Err(SqlError::not_allowed("this kind of relation")),
        }
    }

    fn relation(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Written {
        let parts = name_parts(name)?;
        let folded: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
        let cte = match folded.as_slice() {
            [only] => self.ctes.iter().rev().find(|(name, _)| name == only).map(|(_, own)| quote::ident(own)),
            _ => None,
        };
        let physical = if let Some(own) = cte {
            own
        } else {
            let Names::Query(resolve) = &self.names else { return Err(SqlError::not_allowed("a relation")) };
            let found = resolve(&parts);
            let missing = || SqlError::new("relation_not_found", format!("there is no table {}", parts.join(".")));
            let physical = found.ok_or_else(missing)?;
            if !self.relations.contains(&parts) {
                self.relations.push(parts.clone());
            }
            physical
        };
        if alias.is_some() {
            return Ok(format!("{physical}{}", table_alias(alias)?));
        }
        let own = parts.last().cloned().unwrap_or_default();
        let out = format!("{physical} AS {}", quote::ident(&own));
        self.qualified.insert(folded, own);
        Ok(out)
    }

    fn table_function(&mut self, name: &ObjectName, args: &[FunctionArg], alias: Option<&TableAlias>) -> Written {
        let refused = || SqlError::new("function_not_allowed", format!("table function {name} is not allowed"));
        let [ObjectNamePart::Identifier(part)] = name.0.as_slice() else { return Err(refused()) };
        let name = functions::in_from(&part.value).ok_or_else(refused)?;
        let args: Result<Vec<String>, SqlError> = args.iter().map(|arg| self.argument(name, arg)).collect();
        Ok(format!("{name}({}){}", args?.join(", "), table_alias(alias)?))
    }
}

fn table_alias(alias: Option<&TableAlias>) -> Written {
    let Some(alias) = alias else { return Ok(String::new()) };
    let word = alias.name.value.to_ascii_lowercase();
    let bare = !alias.explicit && alias.name.quote_style.is_none();
    if alias.at.is_some() || bare && NO_ALIAS.contains(&word.as_str()) {
        return Err(SqlError::not_allowed(format!("{} here", alias.name.value)));
    }
    Ok(format!(" AS {}{}", ident(&alias.name)?, alias_columns(alias)?))
}
