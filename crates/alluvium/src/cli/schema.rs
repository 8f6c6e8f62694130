//! Arguments of `schema`.

use std::path::PathBuf;

use alluvium_avro::{Algorithm, Level, Rule};
use alluvium_messaging::generate::codegen::Language;
use clap::{Args, Subcommand, ValueEnum};

/// The schema registry.
#[derive(Clone, Debug, Args)]
pub struct RegistryArgs {
    /// The schema registry; several, comma-separated, are tried in order [default: that of --server]
    #[arg(long, global = true, env = "SCHEMA_REGISTRY_URL", value_name = "URL", hide_env_values = true)]
    pub registry: Option<String>,
    /// The context of the registry to work in [default: the registry's default context]
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// Where the types are that other schemas use by name
    #[arg(long, global = true, value_name = "DIR")]
    pub schemas_dir: Option<PathBuf>,
}

/// `schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The schema registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: SchemaCommand,
}

/// What to do with schemas. An operand is a file, SUBJECT, SUBJECT@VERSION or id:N.
#[derive(Debug, Subcommand)]
pub enum SchemaCommand {
    /// Say everything that is wrong with schemas; exits 10 if something is
    Validate(ValidateArgs),
    /// Write source code for schemas
    Generate(GenerateArgs),
    /// Write the schemas of a program's message types to files
    Infer(InferArgs),
    /// Show every difference between two schemas, and which of them break whom; exits 10 if they differ
    Diff(DiffArgs),
    /// Print fingerprints of a schema's canonical form, and its identity
    Fingerprint(FingerprintArgs),
    /// Print a schema in its normal form
    Normalize(NormalizeArgs),
    /// Advise on a schema that is valid and may still hurt; exits 10 if there is advice
    Lint(LintArgs),
    /// Say whether a schema may follow the versions of a subject, and what breaks; exits 10 if something does
    #[command(visible_alias = "compat", disable_version_flag = true)]
    Check(CheckArgs),
    /// Register a schema, and print its id
    #[command(visible_alias = "upload")]
    Register(RegisterArgs),
    /// List subjects
    List(SubjectsArgs),
    /// List the versions of a subject
    Versions(VersionsArgs),
    /// Print a schema of the registry
    Get(GetArgs),
    /// Find the version of a subject that a file is
    Lookup(LookupArgs),
    /// List what refers to a version
    Refs(OfVersionArgs),
    /// Show who changed what about a subject
    History(OfSubjectArgs),
    /// Delete a subject or one of its versions
    Delete(DeleteArgs),
    /// Show or set what new versions must be compatible with
    Config(ConfigArgs),
    /// Show or set whether schemas may be registered
    Mode(ModeArgs),
    /// Write all versions of all subjects to files, with their ids
    Export(ExportArgs),
    /// Register what was exported, or what another registry holds
    Import(ImportArgs),
}

/// `schema validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Schema files, or directories of .avsc files [default: --schemas-dir]
    pub files: Vec<PathBuf>,
    /// Message types of a program, as it exported them, each against its schema
    #[arg(long, value_name = "FILE")]
    pub models: Option<PathBuf>,
    /// Hold the message types against the newest versions in the registry
    #[arg(long, requires = "models")]
    pub against_registry: bool,
    /// Warnings are findings too
    #[arg(long)]
    pub strict: bool,
}

/// `schema generate`
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Files, directories of .avsc files, or subjects
    #[arg(long, value_name = "SCHEMA", required = true, num_args = 1..)]
    pub from: Vec<String>,
    /// rust, typescript or python
    #[arg(long, default_value = "rust")]
    pub lang: Language,
    /// Directory for the file `messages` [default: stdout]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing; exits 10 if the file would change
    #[arg(long, requires = "out")]
    pub check: bool,
}

/// `schema infer`
#[derive(Debug, Args)]
pub struct InferArgs {
    /// Message types of a program, as it exported them
    #[arg(long, value_name = "FILE")]
    pub models: PathBuf,
    /// Directory for one .avsc a type
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `schema diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The earlier schema
    pub a: String,
    /// The later schema
    pub b: String,
}

/// `schema fingerprint`
#[derive(Debug, Args)]
pub struct FingerprintArgs {
    /// The schema
    pub schema: String,
    /// Only this one: crc64, sha256 or md5
    #[arg(long, value_name = "ALGORITHM")]
    pub alg: Option<Algorithm>,
}

/// `schema normalize`
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// The schema
    pub schema: String,
    /// Print Avro's canonical form instead, which fingerprints are made of
    #[arg(long)]
    pub canonical: bool,
}

/// `schema lint`
#[derive(Debug, Args)]
pub struct LintArgs {
    /// The schema
    pub schema: String,
    /// The schema before it, for advice on changes
    #[arg(long, value_name = "SCHEMA")]
    pub before: Option<String>,
    /// Only these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub rules: Vec<Rule>,
}

/// `schema check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The subject whose versions it must follow
    #[arg(long, value_name = "SUBJECT", required_unless_present_any = ["models", "offline"])]
    pub subject: Option<String>,
    /// The new schema
    #[arg(long, value_name = "FILE", required_unless_present = "models", conflicts_with = "models")]
    pub file: Option<PathBuf>,
    /// Message types of a program, as it exported them, each against its subject
    #[arg(long, value_name = "FILE")]
    pub models: Option<PathBuf>,
    /// none, backward, forward, full, or one of these with _transitive [default: the subject's; offline: backward]
    #[arg(long)]
    pub level: Option<Level>,
    /// Against this version only
    #[arg(long, conflicts_with = "all")]
    pub version: Option<u32>,
    /// Against every version, whatever the level says
    #[arg(long)]
    pub all: bool,
    /// A directory with one file a version, oldest name first, instead of a registry
    #[arg(long, value_name = "DIR")]
    pub offline: Option<PathBuf>,
}

/// Kinds of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum SchemaType {
    /// Avro
    Avro,
    /// JSON Schema
    Json,
    /// Protocol Buffers
    Protobuf,
}

/// `schema register`
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// The subject
    #[arg(long)]
    pub subject: String,
    /// The schema
    #[arg(long)]
    pub file: PathBuf,
    /// What kind of schema it is
    #[arg(long = "type", value_enum, ignore_case = true, default_value = "AVRO")]
    pub kind: SchemaType,
    /// A schema it uses: NAME=SUBJECT@VERSION
    #[arg(long = "ref", value_name = "REFERENCE")]
    pub refs: Vec<String>,
    /// Set the subject's level first
    #[arg(long)]
    pub level: Option<Level>,
    /// Let the registry normalise it
    #[arg(long)]
    pub normalize: bool,
    /// Ask whether it would be accepted, register nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// What is deleted, and when.
#[derive(Clone, Debug, Default, Args)]
pub struct Seen {
    /// What is deleted as well
    #[arg(long)]
    pub deleted: bool,
    /// As it was at a time (RFC 3339) or at seq:N
    #[arg(long, value_name = "POINT")]
    pub as_of: Option<String>,
}

/// `schema list`
#[derive(Debug, Args)]
pub struct SubjectsArgs {
    /// Only subjects that begin so
    #[arg(long)]
    pub prefix: Option<String>,
    /// Which.
    #[command(flatten)]
    pub seen: Seen,
}

/// `schema versions`
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// The subject
    pub subject: String,
    /// Which.
    #[command(flatten)]
    pub seen: Seen,
}

/// `schema get`
#[derive(Debug, Args)]
pub struct GetArgs {
    /// SUBJECT, SUBJECT@VERSION or id:N
    pub schema: String,
    /// With the schemas it uses written into it
    #[arg(long)]
    pub resolved: bool,
    /// Write it to this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which.
    #[command(flatten)]
    pub seen: Seen,
}

/// `schema lookup`
#[derive(Debug, Args)]
pub struct LookupArgs {
    /// The subject
    #[arg(long)]
    pub subject: String,
    /// The schema
    #[arg(long)]
    pub file: PathBuf,
    /// What kind of schema it is
    #[arg(long = "type", value_enum, ignore_case = true, default_value = "AVRO")]
    pub kind: SchemaType,
    /// A schema it uses: NAME=SUBJECT@VERSION
    #[arg(long = "ref", value_name = "REFERENCE")]
    pub refs: Vec<String>,
    /// Let the registry normalise it
    #[arg(long)]
    pub normalize: bool,
    /// Which.
    #[command(flatten)]
    pub seen: Seen,
}

/// One version.
#[derive(Debug, Args)]
pub struct OfVersionArgs {
    /// SUBJECT@VERSION, or SUBJECT for its newest
    pub schema: String,
}

/// One subject.
#[derive(Debug, Args)]
pub struct OfSubjectArgs {
    /// The subject
    pub subject: String,
}

/// `schema delete`
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// SUBJECT@VERSION, or SUBJECT for all of it
    pub schema: String,
    /// For good; only what is deleted already can go for good
    #[arg(long)]
    pub permanent: bool,
}

/// `schema config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The subject [default: the registry's own setting]
    pub subject: Option<String>,
    /// Set the compatibility level
    #[arg(long, value_name = "LEVEL", conflicts_with = "unset")]
    pub set: Option<Level>,
    /// Take the setting away
    #[arg(long)]
    pub unset: bool,
    /// What holds for the subject, wherever it is set
    #[arg(long)]
    pub effective: bool,
}

/// `schema mode`
#[derive(Debug, Args)]
pub struct ModeArgs {
    /// The subject [default: the registry's own setting]
    pub subject: Option<String>,
    /// Set it: READWRITE, READONLY, READONLY_OVERRIDE or IMPORT
    #[arg(long, value_name = "MODE", conflicts_with = "unset")]
    pub set: Option<String>,
    /// Take the setting away
    #[arg(long)]
    pub unset: bool,
    /// What holds for the subject, wherever it is set
    #[arg(long)]
    pub effective: bool,
    /// Go to IMPORT although there are schemas
    #[arg(long, requires = "set")]
    pub force: bool,
}

/// `schema export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The directory; it must be empty or not there
    #[arg(long)]
    pub dir: PathBuf,
    /// Only subjects that begin so
    #[arg(long)]
    pub prefix: Option<String>,
    /// What is deleted as well
    #[arg(long)]
    pub deleted: bool,
}

/// What ids imported schemas get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ids {
    /// Those they had; the subjects are switched to IMPORT for it
    Keep,
    /// New ones
    New,
}

/// `schema import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The directory of an export
    #[arg(long, required_unless_present = "from_registry", conflicts_with = "from_registry")]
    pub dir: Option<PathBuf>,
    /// Another registry, with ids, versions, levels and modes
    #[arg(long, value_name = "URL")]
    pub from_registry: Option<String>,
    /// What ids the schemas get
    #[arg(long, value_enum, default_value = "keep")]
    pub ids: Ids,
}
