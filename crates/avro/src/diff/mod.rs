//! Differences between two schemas, those that break nothing included.

mod walk;

use crate::{Json, Schema};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each says itself what changed")]
pub enum ChangeKind {
    NameChanged,
    TypeChanged,
    FieldAdded,
    FieldRemoved,
    FieldRenamed,
    FieldMoved,
    BranchAdded,
    BranchRemoved,
    BranchesReordered,
    SymbolAdded,
    SymbolRemoved,
    SymbolsReordered,
    SizeChanged,
    LogicalTypeChanged,
    DefaultChanged,
    DocChanged,
    AliasesChanged,
    OrderChanged,
    AttributeChanged,
}

impl ChangeKind {
    /// The kind as a word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NameChanged => "name_changed",
            Self::TypeChanged => "type_changed",
            Self::FieldAdded => "field_added",
            Self::FieldRemoved => "field_removed",
            Self::FieldRenamed => "field_renamed",
            Self::FieldMoved => "field_moved",
            Self::BranchAdded => "branch_added",
            Self::BranchRemoved => "branch_removed",
            Self::BranchesReordered => "branches_reordered",
            Self::SymbolAdded => "symbol_added",
            Self::SymbolRemoved => "symbol_removed",
            Self::SymbolsReordered => "symbols_reordered",
            Self::SizeChanged => "size_changed",
            Self::LogicalTypeChanged => "logical_type_changed",
            Self::DefaultChanged => "default_changed",
            Self::DocChanged => "doc_changed",
            Self::AliasesChanged => "aliases_changed",
            Self::OrderChanged => "order_changed",
            Self::AttributeChanged => "attribute_changed",
        }
    }
}

impl std::fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where in the later schema; where in the earlier one for what is gone.
    pub pointer: String,
    /// What changed.
    pub kind: ChangeKind,
    /// What was there.
    pub before: Option<Json>,
    /// What is there now.
    pub after: Option<Json>,
    /// Whether, as far as this difference goes, the later schema reads what the earlier one wrote.
    pub backward: bool,
    /// Whether, as far as this difference goes, the earlier schema reads what the later one writes.
    pub forward: bool,
}

/// Every difference from `before` to `after`, in the order of the later schema. A type used in several places is told once.
pub fn diff(before: &Schema, after: &Schema) -> Vec<Change> {
    walk::diff(before, after)
}
