//! What understands programs; the binary brings it.

use alluvium_kernel::{BoxFuture, Problem, Token};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PipelineDiff;
use crate::model::Pipeline;
use crate::model::config::ProgramConfig;

/// Understands and packages programs.
pub trait Compiler: Send + Sync + 'static {
    /// Compiles one version of a program. Asked again for the same version, it gives the same answer.
    fn compile<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, CompileOutcome>;

    /// Understands a text without keeping anything of it. With `ir`, `program_info` has the graph as its member `dataflow`.
    fn validate<'a>(&'a self, code: &'a str, ir: bool) -> BoxFuture<'a, Validated>;

    /// What becomes another when `new` takes the place of `old`, which compiles. `new` is no stored version: its `program_version` is
    /// 0. See [`PipelineDiff::between`], which does all but telling views apart.
    fn diff<'a>(&'a self, old: &'a Source, new: &'a Source) -> BoxFuture<'a, Result<PipelineDiff, NotCompared>>;

    /// The graph of a program, which compiles.
    fn graph<'a>(&'a self, source: &'a Source) -> BoxFuture<'a, Result<DataflowGraph, NotCompared>>;
}

/// One version of a program, in clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Whose it is.
    pub tenant: Token,
    /// Id of the pipeline.
    pub pipeline: String,
    /// The version of its program.
    pub program_version: i64,
    /// Its text in SQL.
    pub code: String,
    /// Functions of it in Rust.
    pub udf_rust: String,
    /// Dependencies of these, in TOML.
    pub udf_toml: String,
    /// How it is compiled.
    pub config: ProgramConfig,
}

impl Source {
    /// The program of a pipeline whose texts are open.
    pub(crate) fn of(tenant: &Token, pipeline: &Pipeline) -> Result<Self, Problem> {
        let settings = &pipeline.settings;
        Ok(Self {
            tenant: tenant.clone(),
            pipeline: pipeline.id.clone(),
            program_version: pipeline.program_version,
            code: settings.program_code.clone(),
            udf_rust: settings.udf_rust.clone(),
            udf_toml: settings.udf_toml.clone(),
            config: ProgramConfig::parse(&settings.program_config)?,
        })
    }
}

/// What came of compiling a program.
#[derive(Clone, Debug, PartialEq)]
pub enum CompileOutcome {
    /// It can run.
    Compiled(Understood, Packaging),
    /// The SQL is wrong.
    SqlError(SqlCompilation),
    /// The SQL is right, what else belongs to the program is not.
    PackagingError(Understood, Packaging),
    /// The platform is in the way.
    SystemError(String),
}

/// SQL that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// Tables, views and connectors, as `program_info` shows them.
    pub program_info: Value,
    /// What there was to say about it.
    pub sql: SqlCompilation,
}

/// What came of looking at a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Validated {
    /// It is right: tables, views and connectors, as `program_info` shows them.
    Success(Value),
    /// It is wrong.
    SqlError(SqlCompilation),
    /// The platform is in the way.
    SystemError(String),
}

/// The graph of a program, as clients are shown it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DataflowGraph {
    /// The logical plan of each view, by its name: an object.
    pub calcite_plan: Value,
    /// The nodes, by their ids: an object.
    pub mir: Value,
}

/// Why programs are not compared, or a graph is not shown.
#[derive(Clone, Debug, PartialEq)]
pub enum NotCompared {
    /// The new program does not compile.
    SqlError(SqlCompilation),
    /// What is kept cannot be carried over.
    NotAllowed(String),
    /// A program has no graph, for this reason.
    NoDataflow(String),
    /// The platform is in the way.
    Unavailable(String),
}

/// What the SQL compiler says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SqlCompilation {
    /// 0 without errors, else 1.
    pub exit_code: i32,
    /// Errors and warnings, as clients are shown them.
    pub messages: Vec<Value>,
}

/// What packaging says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packaging {
    /// 0 without errors.
    pub exit_code: i32,
    /// What it tells.
    pub stdout: String,
    /// What it complains about.
    pub stderr: String,
}
