//! Names of records, enums and fixed types.

use std::fmt;

/// A full name: a namespace, which may be missing, and a simple name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    full: Box<str>,
    simple_at: u32,
}

impl Name {
    /// The name `text` means where `namespace` is in force: a dotted text is full already.
    pub fn new(text: &str, namespace: Option<&str>) -> Self {
        match (text.rfind('.'), namespace.filter(|namespace| !namespace.is_empty())) {
            // ".Foo" is how some writers spell a name without namespace.
            (Some(0), _) => Self { full: text[1..].into(), simple_at: 0 },
            (Some(dot), _) => Self { full: text.into(), simple_at: dot as u32 + 1 },
            (None, Some(namespace)) => {
                Self { full: format!("{namespace}.{text}").into(), simple_at: namespace.len() as u32 + 1 }
            }
            (None, None) => Self { full: text.into(), simple_at: 0 },
        }
    }

    /// Namespace and name with dots between.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// The last part.
    pub fn simple(&self) -> &str {
        &self.full[self.simple_at as usize..]
    }

    /// All but the last part, if there is more than one.
    pub fn namespace(&self) -> Option<&str> {
        (self.simple_at as usize).checked_sub(1).map(|dot| &self.full[..dot])
    }

    /// How the name is written where `namespace` is in force.
    pub(crate) fn relative(&self, namespace: Option<&str>) -> &str {
        if self.namespace().is_none() || self.namespace() == namespace { self.simple() } else { self.full() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// Whether `text` is one part of an Avro name: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_valid_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
