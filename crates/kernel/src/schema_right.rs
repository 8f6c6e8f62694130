//! Rights on the schema registry, as keys have them: `subject:<pattern>:<read|write|admin>` and `config:<read|write>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a right lets its holder do. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looking.
    Read,
    /// Changing, by the rules.
    Write,
    /// Changing the rules, and leaving them aside.
    Admin,
}

/// Rights of one key at most.
pub const SCHEMA_RIGHTS_MAX: usize = 64;
/// Length of one right at most, in bytes.
pub const SCHEMA_RIGHT_BYTES_MAX: usize = 512;

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SchemaRight {
    /// On the subjects that a pattern covers.
    Subjects {
        /// A name as the registry writes it, with `*` for any text. Without a context it covers the default one; `:.ctx:` in
        /// front names a context, `:*:` means all of them.
        pattern: String,
        /// What of them.
        access: Access,
    },
    /// On settings and modes that are not of one subject.
    Config(Access),
}

impl FromStr for SchemaRight {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() > SCHEMA_RIGHT_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(());
        }
        let (what, access) = text.rsplit_once(':').ok_or(())?;
        let access = match access {
            "read" => Access::Read,
            "write" => Access::Write,
            "admin" => Access::Admin,
            _ => return Err(()),
        };
        match what.strip_prefix("subject:") {
            Some(pattern) if !pattern.is_empty() => Ok(Self::Subjects { pattern: pattern.to_owned(), access }),
            None if what == "config" && access != Access::Admin => Ok(Self::Config(access)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

impl fmt::Display for SchemaRight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subjects { pattern, access } => write!(out, "subject:{pattern}:{access}"),
            Self::Config(access) => write!(out, "config:{access}"),
        }
    }
}

/// All that somebody may in the registry of a tenant; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaRights {
    everything: bool,
    rights: Vec<SchemaRight>,
}

impl SchemaRights {
    /// What an admin has.
    pub fn everything() -> Self {
        Self { everything: true, rights: Vec::new() }
    }

    /// These.
    pub fn of(rights: Vec<SchemaRight>) -> Self {
        Self { everything: false, rights }
    }

    /// Whether nothing is left to ask.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether they let their holder do this with a subject, by its qualified name.
    pub fn on_subject(&self, name: &str, asked: Access) -> bool {
        let covers = |right: &SchemaRight| match right {
            SchemaRight::Subjects { pattern, access } => *access >= asked && covers(pattern, name),
            SchemaRight::Config(_) => false,
        };
        self.everything || self.rights.iter().any(covers)
    }

    /// Whether they let their holder do this with what is not of one subject.
    pub fn on_config(&self, asked: Access) -> bool {
        let covers = |right: &SchemaRight| matches!(right, SchemaRight::Config(access) if *access >= asked);
        self.everything || self.rights.iter().any(covers)
    }
}

/// Whether a pattern covers a name; both may begin with a context.
fn covers(pattern: &str, name: &str) -> bool {
    let ((context, pattern), (own, name)) = (in_context(pattern), in_context(name));
    (context == "*" || context == own) && matches(pattern.as_bytes(), name.as_bytes())
}

/// The context of a text, the default one's dot if it names none, and the rest.
fn in_context(text: &str) -> (&str, &str) {
    let qualified = text.strip_prefix(':').and_then(|rest| rest.split_once(':'));
    qualified.filter(|(context, _)| context.starts_with('.') || *context == "*").unwrap_or((".", text))
}

/// Whether a text is as a pattern wants it: after each `*` the shortest text that lets the rest fit is tried first, and only
/// the last `*` is ever gone back to, so that no pattern takes more than its length times the text's.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            last = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, from)) = last {
            last = Some((star, from + 1));
            (p, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(texts: &[&str]) -> SchemaRights {
        SchemaRights::of(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn rights_are_read_as_they_are_printed() {
        for text in
            ["subject:orders-*:read", "subject:*:admin", "subject::.ctx:a b:write", "config:read", "config:write"]
        {
            assert_eq!(text.parse::<SchemaRight>().unwrap().to_string(), text);
        }
        let long = format!("subject:{}:read", "a".repeat(SCHEMA_RIGHT_BYTES_MAX));
        for bad in [
            "",
            "subject:orders-*",
            "subject::read",
            "subject:a:own",
            "config:admin",
            "config",
            "orders:read",
            "subject:\n:read",
            &long,
        ] {
            assert!(bad.parse::<SchemaRight>().is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_cover_names_of_their_context() {
        for (pattern, name, expected) in [
            ("orders-*", "orders-value", true),
            ("orders-*", "orders-", true),
            ("orders-*", "order-value", false),
            ("orders-*", ":.eu:orders-value", false),
            (":.eu:orders-*", ":.eu:orders-value", true),
            (":.eu:orders-*", "orders-value", false),
            (":.:orders-*", "orders-value", true),
            (":*:orders-*", ":.eu:orders-value", true),
            (":*:orders-*", "orders-value", true),
            ("*", "anything/at all", true),
            ("*", ":.eu:a", false),
            (":*:*", ":.eu:a:b", true),
            ("*-value", "a-value-value", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("", "a", false),
            ("a", "A", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_right_includes_the_lesser_ones_and_no_more() {
        let own = rights(&["subject:a:write", "config:read"]);
        let asked = [Access::Read, Access::Write, Access::Admin];
        assert_eq!(asked.map(|access| own.on_subject("a", access)), [true, true, false]);
        assert_eq!(asked.map(|access| own.on_subject("b", access)), [false; 3]);
        assert_eq!(asked.map(|access| own.on_config(access)), [true, false, false]);
        assert_eq!(asked.map(|access| SchemaRights::everything().on_config(access)), [true; 3]);
        assert_eq!(asked.map(|access| SchemaRights::default().on_subject("a", access)), [false; 3]);
    }
}
