//! What of two programs is the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::program::{Program, table_identity};

/// What a program's tables and views are, short enough to be stored with each version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The tables by name.
    pub tables: BTreeMap<String, TableOutline>,
    /// The views by name.
    pub views: BTreeMap<String, RelationOutline>,
}

/// What a table is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOutline {
    /// Its columns.
    #[serde(flatten)]
    pub relation: RelationOutline,
    /// The names of the columns of its key.
    pub key: Vec<String>,
    /// Whether rows only come and never go.
    #[serde(default)]
    pub is_append_only: bool,
}

/// What a relation is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationOutline {
    /// Names and types of its columns, in order.
    pub columns: Vec<(String, String)>,
    /// What its rows are, for views; for tables, what they could be.
    pub persistent_id: String,
}

/// How the relations of one program differ from those of an older one. All lists are in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Tables that came.
    pub added_tables: Vec<String>,
    /// Tables that went.
    pub removed_tables: Vec<String>,
    /// Tables whose columns, key or promises changed.
    pub modified_tables: Vec<String>,
    /// Views that came.
    pub added_views: Vec<String>,
    /// Views that went.
    pub removed_views: Vec<String>,
    /// Views whose rows or columns may be others now. A view over a table that changed is one only if it reads what changed.
    pub modified_views: Vec<String>,
}

impl Changes {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Program {
    /// What its tables and views are.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let columns = |columns: &[alluvium_sql::types::Field]| {
            columns.iter().map(|column| (column.name.name.clone(), column.column_type.to_string())).collect()
        };
        let all = |table: &crate::Table| (0..table.columns.len()).collect::<Vec<_>>();
        let table = |table: &crate::Table| TableOutline {
            relation: RelationOutline {
                columns: columns(&table.columns),
                persistent_id: table_identity(table, &all(table)),
            },
            key: table.key.iter().filter_map(|at| Some(table.columns.get(*at)?.name.name.clone())).collect(),
            is_append_only: self.rules(&table.name).is_append_only,
        };
        let view = |view: &crate::View| RelationOutline {
            columns: columns(&view.columns),
            persistent_id: view.persistent_id.clone(),
        };
        Outline {
            tables: self.tables().iter().map(|(name, each)| (name.clone(), table(each))).collect(),
            views: self.views().iter().map(|each| (each.name.clone(), view(each))).collect(),
        }
    }
}

impl Outline {
    /// How `new` differs from it.
    #[must_use]
    pub fn changes_to(&self, new: &Self) -> Changes {
        let [added_tables, removed_tables, modified_tables] = sides(&self.tables, &new.tables);
        let [added_views, removed_views, modified_views] = sides(&self.views, &new.views);
        Changes { added_tables, removed_tables, modified_tables, added_views, removed_views, modified_views }
    }
}

/// What is only in `new`, only in `old`, and in both but not the same.
fn sides<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> [Vec<String>; 3] {
    let without = |from: &BTreeMap<String, T>, other: &BTreeMap<String, T>| {
        from.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
    };
    let differs = |(name, each): &(&String, &T)| old.get(*name).is_some_and(|before| before != *each);
    [without(new, old), without(old, new), new.iter().filter(differs).map(|(name, _)| name.clone()).collect()]
}
