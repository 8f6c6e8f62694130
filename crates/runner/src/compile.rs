//! Programs are compiled in this process: what the control plane asks for, done by the front end and the planner.

use alluvium_dataflow::Program;
use alluvium_kernel::BoxFuture;
use alluvium_pipelines::{
    CompileOutcome, Compiler, DataflowGraph, NotCompared, Packaging, PipelineDiff, Source, SqlCompilation, Understood,
    Validated,
};
use alluvium_sql::Compiled;
use serde_json::{Value, to_value};

const FAILED: &str = "the compiler failed by a mistake of ours";

/// Compiles programs on threads that may block.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlCompiler;

impl Compiler for SqlCompiler {
    fn compile<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, CompileOutcome> {
        let source = source.clone();
        Box::pin(async move {
            let compiled = tokio::task::spawn_blocking(move || outcome(&source.code)).await;
            compiled.unwrap_or_else(|_| CompileOutcome::SystemError(FAILED.to_owned()))
        })
    }

    fn validate<'a>(&'a self, code: &'a str, ir: bool) -> BoxFuture<'a, Validated> {
        let code = code.to_owned();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                let read = read(&code);
                read.map(|it| if ir { it.with_graph() } else { it.understood.program_info })
            });
            match read.await {
                Ok(Ok(program_info)) => Validated::Success(program_info),
                Ok(Err(Unread::Sql(sql))) => Validated::SqlError(sql),
                Ok(Err(Unread::System(why))) => Validated::SystemError(why),
                Err(_) => Validated::SystemError(FAILED.to_owned()),
            }
        })
    }

    fn diff<'a>(&'a self, old: &'a Source, new: &'a Source) -> BoxFuture<'a, Result<PipelineDiff, NotCompared>> {
        let (old, new) = (old.code.clone(), new.code.clone());
        Box::pin(async move {
            let compared = tokio::task::spawn_blocking(move || compare(&old, &new)).await;
            compared.unwrap_or_else(|_| Err(NotCompared::Unavailable(FAILED.to_owned())))
        })
    }

    fn graph<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<DataflowGraph, NotCompared>> {
        let code = source.code.clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || read(&code).map(|read| read.graph())).await;
            read.unwrap_or_else(|_| Err(Unread::System(FAILED.to_owned()))).map_err(Unread::of_stored)
        })
    }
}

/// What becomes another when the program `new` takes the place of `old`.
pub(crate) fn compare(old: &str, new: &str) -> Result<PipelineDiff, NotCompared> {
    let old = read(old).map_err(Unread::of_stored)?;
    let new = read(new).map_err(|unread| match unread {
        Unread::Sql(sql) => NotCompared::SqlError(sql),
        Unread::System(why) => NotCompared::Unavailable(why),
    })?;
    let views = old.program.outline().changes_to(&new.program.outline()).modified_views;
    let is_another = |view: &str| views.binary_search_by(|it| it.as_str().cmp(view)).is_ok();
    Ok(PipelineDiff::between(&old.understood.program_info, &new.understood.program_info, is_another))
}

/// A program that compiles.
struct Read {
    understood: Understood,
    program: Program,
}

/// Why a program does not compile.
enum Unread {
    /// It is wrong.
    Sql(SqlCompilation),
    /// We are.
    System(String),
}

impl Read {
    fn graph(&self) -> DataflowGraph {
        let mut graph = self.program.description();
        DataflowGraph { calcite_plan: graph["calcite_plan"].take(), mir: graph["mir"].take() }
    }

    /// `program_info` with the graph in it.
    fn with_graph(self) -> Value {
        let graph = self.program.description();
        let mut program_info = self.understood.program_info;
        if let Some(members) = program_info.as_object_mut() {
            members.insert("dataflow".to_owned(), graph);
        }
        program_info
    }
}

impl Unread {
    /// Of a program that compiled when it was stored.
    fn of_stored(self) -> NotCompared {
        match self {
            Self::Sql(sql) => {
                let message = sql.messages.iter().find(|message| message["warning"] != true);
                let message = message.and_then(|message| message["message"].as_str()).unwrap_or_default();
                NotCompared::NoDataflow(format!("the program does not compile any more: {message}"))
            }
            Self::System(why) => NotCompared::Unavailable(why),
        }
    }
}

fn read(code: &str) -> Result<Read, Unread> {
    let mut planner = alluvium_dataflow::Compiler::default();
    let compiled = alluvium_sql::compile(code, &mut planner);
    let sql = said(&compiled).map_err(|error| Unread::System(error.to_string()))?;
    if !compiled.is_good() {
        return Err(Unread::Sql(sql));
    }
    let program_info = to_value(compiled.program_info()).map_err(|error| Unread::System(error.to_string()))?;
    let program = planner.finish(&compiled.catalog).map_err(|error| Unread::System(error.to_string()))?;
    Ok(Read { understood: Understood { program_info, sql }, program })
}

fn outcome(code: &str) -> CompileOutcome {
    match read(code) {
        Ok(read) => CompileOutcome::Compiled(read.understood, Packaging::default()),
        Err(Unread::Sql(sql)) => CompileOutcome::SqlError(sql),
        Err(Unread::System(why)) => CompileOutcome::SystemError(why),
    }
}

fn said(compiled: &Compiled) -> serde_json::Result<SqlCompilation> {
    let messages = compiled.messages.iter().map(to_value).collect::<serde_json::Result<Vec<Value>>>()?;
    Ok(SqlCompilation { exit_code: compiled.exit_code(), messages })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OLD: &str = r#"CREATE TABLE t (a INT, b INT) WITH ('connectors' = '[{"name": "c", "transport": {"name": "datagen", "config": {}}}]');
CREATE TABLE u (a INT);
CREATE LOCAL VIEW l AS SELECT a FROM t;
CREATE VIEW v AS SELECT a FROM l;
CREATE VIEW w AS SELECT a FROM u;
"#;

    /// What is not empty, in one line.
    fn summary(old: &str, new: &str) -> String {
        let mut diff = to_value(compare(old, new).unwrap()).unwrap();
        let program = diff["program_diff"].take();
        let all = program.as_object().unwrap().iter().chain(diff.as_object().unwrap());
        let named = all.filter_map(|(kind, names)| {
            let names: Vec<&str> = names.as_array()?.iter().filter_map(Value::as_str).collect();
            (!names.is_empty()).then(|| format!("{kind}: {}", names.join(" ")))
        });
        named.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_view_is_another_when_what_it_reads_is() {
        for (from, to, wanted) in [
            ("", "", ""),
            ("SELECT a FROM l", "SELECT  a\n FROM L", ""),
            ("SELECT a FROM u", "SELECT a FROM u WHERE a > 1", "modified_views: w"),
            ("a INT, b INT", "a BIGINT, b INT", "modified_tables: t; modified_views: v"),
            ("b INT", "b BIGINT", "modified_tables: t"),
            ("SELECT a FROM t", "SELECT b AS a FROM t", "modified_views: v"),
            ("LOCAL VIEW", "VIEW", "added_views: l"),
            ("u (a INT)", "u (a INT DEFAULT 1)", "modified_tables: u"),
            ("u (a INT)", "u (a INT) WITH ('materialized' = 'true')", "modified_tables: u"),
            ("u (a INT)", "u (a INT) WITH ('expected_size' = '10')", ""),
            ("CREATE VIEW v", "CREATE MATERIALIZED VIEW v", "modified_views: v"),
            ("datagen", "nexmark", "modified_input_connectors: t.c"),
            (r#""c""#, r#""d""#, "added_input_connectors: t.d; removed_input_connectors: t.c"),
            ("VIEW w", "VIEW x", "added_views: x; removed_views: w"),
            (
                "CREATE TABLE u (a INT);",
                "CREATE VIEW u AS SELECT a FROM t;",
                "added_views: u; modified_views: w; removed_tables: u",
            ),
        ] {
            assert!(OLD.contains(from), "{from}");
            assert_eq!(summary(OLD, &OLD.replace(from, to)), wanted, "{from} -> {to}");
        }
    }

    #[test]
    fn functions_are_part_of_what_uses_them() {
        let program = |body: &str| {
            format!(
                "CREATE TABLE t (a INT); CREATE FUNCTION f(x INT) RETURNS INT AS {body};
                 CREATE VIEW v AS SELECT a FROM t WHERE f(a) > 1;"
            )
        };
        assert_eq!(summary(&program("x + 1"), &program("x + 2")), "modified_views: v");
    }

    #[test]
    fn what_does_not_compile_is_not_compared() {
        let wrong = "CREATE VIEW v AS SELECT a FROM nope;";
        let Err(NotCompared::SqlError(sql)) = compare(OLD, wrong) else { panic!("it compiles") };
        assert_eq!((sql.exit_code, sql.messages.len()), (1, 1));
        let Err(NotCompared::NoDataflow(reason)) = compare(wrong, OLD) else { panic!("it compiles") };
        assert!(reason.contains("Object 'nope' not found"), "{reason}");
    }

    #[tokio::test]
    async fn the_graph_is_shown_when_it_is_asked_for() {
        let Validated::Success(info) = SqlCompiler.validate(OLD, false).await else { panic!("it compiles") };
        assert_eq!(info.get("dataflow"), None);
        let Validated::Success(info) = SqlCompiler.validate(OLD, true).await else { panic!("it compiles") };
        let views: Vec<&String> = info["dataflow"]["calcite_plan"].as_object().unwrap().keys().collect();
        assert_eq!(views, ["l", "v", "w"]);
        let nodes = info["dataflow"]["mir"].as_object().unwrap();
        assert!(nodes.values().any(|node| node["table"] == json!("t")), "{nodes:?}");
    }
}
