//! Compatibility: what a reader's schema cannot make of a writer's, every finding with its place and reason.

mod level;
mod logical;
mod read;
mod words;

pub use level::{DirectedIncompatibility, Direction, Level, LevelError, VersionFindings, check};
pub(crate) use read::reads;
pub use read::{INCOMPATIBILITIES_MAX, PAIRS_MAX, can_read};
pub use words::{OLD_SCHEMA_CHARS_MAX, verbose_messages};

/// What kind of rule a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The types differ and none is promoted to the other.
    TypeMismatch,
    /// Records, enums or fixed types of different names; or a field that could be two of the writer's.
    NameMismatch,
    /// The reader wants a field that the writer lacks and that has no default.
    ReaderFieldMissingDefaultValue,
    /// The writer knows symbols that the reader does not.
    MissingEnumSymbols,
    /// Fixed types of different sizes.
    FixedSizeMismatch,
    /// The reader's union has no branch for what the writer writes.
    MissingUnionBranch,
    /// The two schemas have more pairs of types than are compared.
    TooComplex,
}

impl Kind {
    /// The word registries answer with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::NameMismatch => "NAME_MISMATCH",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
            Self::TooComplex => "TOO_COMPLEX",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How strictly two schemas are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// By the rules of the specification. For Avro the same as lenient.
    #[default]
    Strict,
    /// By the rules of the specification.
    Lenient,
    /// Logical types, their precision, scale and units must agree as well, or widen without loss.
    Logical,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "STRICT" => Ok(Self::Strict),
            "LENIENT" => Ok(Self::Lenient),
            "LOGICAL" => Ok(Self::Logical),
            _ => Err(format!("`{text}` is no policy; there are STRICT, LENIENT and LOGICAL")),
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Strict => "STRICT",
            Self::Lenient => "LENIENT",
            Self::Logical => "LOGICAL",
        })
    }
}

/// One thing the reader cannot make of what the writer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// Which rule.
    pub kind: Kind,
    /// Where in the reader's schema, `/` being all of it.
    pub pointer: String,
    /// The reason in short, as registries answer it.
    pub message: String,
}
