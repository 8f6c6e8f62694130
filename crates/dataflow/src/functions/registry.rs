//! All functions by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{
    Function, arithmetic, binary, bits, cast, choice, compare, interval, lists, maps, math, strings, time, variant,
};

static FUNCTIONS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let families: [&'static [Function]; 17] = [
        &arithmetic::FUNCTIONS,
        &binary::FUNCTIONS,
        &bits::FUNCTIONS,
        &cast::FUNCTIONS,
        &choice::FUNCTIONS,
        &compare::FUNCTIONS,
        &interval::FUNCTIONS,
        &lists::FUNCTIONS,
        &maps::FUNCTIONS,
        &math::FUNCTIONS,
        &strings::FUNCTIONS,
        &strings::PARTS,
        &strings::PATTERNS,
        &time::FUNCTIONS,
        &time::TEXTS,
        &time::WINDOWS,
        &variant::FUNCTIONS,
    ];
    families.into_iter().flatten().map(|function| (function.name, function)).collect()
});

/// The function of a name in lower case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(name).copied()
}

/// The names of all functions that programs may call, in order; those of operators are not among them.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> =
        FUNCTIONS.keys().filter(|name| !name.starts_with("__")).map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}
