//! Names: contexts, subjects, and the two in one.

use alluvium_kernel::{Problem, Token};

use crate::error;

/// The context of names without one.
pub const DEFAULT_CONTEXT: &str = ".";
/// The context that holds nothing but settings for all others.
pub const GLOBAL_CONTEXT: &str = ".__GLOBAL";
/// Names that no subject may have.
const RESERVED: [&str; 2] = ["__GLOBAL", "__EMPTY"];
/// Longest name of a context, in bytes; what it takes encoded is bounded by the token.
const CONTEXT_BYTES_MAX: usize = 160;
/// Longest name of a subject, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 4_096;

/// A subject and its context; an empty subject means the context itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// A dot alone, or a dot and a name.
    pub context: String,
    /// The subject within it.
    pub subject: String,
}

impl Name {
    /// Takes a text apart, `:.ctx:name` or a plain name, which then is of `within`.
    pub fn parse(text: &str, within: &str) -> Self {
        let qualified = text.strip_prefix(':').filter(|rest| rest.starts_with('.'));
        match qualified.and_then(|rest| rest.split_once(':')) {
            Some((context, subject)) => Self { context: context.to_owned(), subject: subject.to_owned() },
            // `:.ctx` without the second colon is how some clients write a context.
            None => match qualified {
                Some(context) => Self { context: context.to_owned(), subject: String::new() },
                None => Self { context: within.to_owned(), subject: text.to_owned() },
            },
        }
    }

    /// A name of a context.
    pub fn of(context: &str, subject: &str) -> Self {
        Self { context: context.to_owned(), subject: subject.to_owned() }
    }

    /// As the API prints it: without prefix in the default context.
    pub fn qualified(&self) -> String {
        if self.context == DEFAULT_CONTEXT {
            self.subject.clone()
        } else {
            format!(":{}:{}", self.context, self.subject)
        }
    }

    /// Whether something may be registered under it.
    pub fn check(&self) -> Result<(), Problem> {
        let subject_is_fine = !self.subject.is_empty()
            && self.subject.len() <= SUBJECT_BYTES_MAX
            && !self.subject.chars().any(char::is_control)
            && !RESERVED.contains(&self.subject.as_str());
        if subject_is_fine && self.context != GLOBAL_CONTEXT && is_context(&self.context) {
            return Ok(());
        }
        Err(error::invalid_subject(&self.qualified()))
    }

    /// Whether settings may be made for it: a subject as well as a context.
    pub fn check_scope(&self) -> Result<(), Problem> {
        if self.subject.is_empty() && is_context(&self.context) { Ok(()) } else { self.check() }
    }
}

/// Whether a text names a context: a dot, and then anything without colon and control characters.
pub fn is_context(text: &str) -> bool {
    let of_a_size = text.len() <= CONTEXT_BYTES_MAX;
    of_a_size && text.strip_prefix('.').is_some_and(|name| !name.chars().any(|c| c.is_control() || c == ':'))
}

/// The context that a path part means: `ctx`, `.ctx` or `:.ctx:`.
pub fn context_of(text: &str) -> String {
    let bare = text.strip_prefix(':').unwrap_or(text);
    let bare = bare.strip_suffix(':').unwrap_or(bare);
    if bare.starts_with('.') { bare.to_owned() } else { format!(".{bare}") }
}

/// The aggregate's id: `default`, or the name without its dot.
pub fn aggregate_id(context: &str) -> Result<Token, Problem> {
    let plain = context.strip_prefix('.').unwrap_or(context);
    let text = match plain {
        "" => "default",
        // The dot stays where the name alone would be the default context's.
        "default" => ".default",
        other => other,
    };
    Token::encode(text).map_err(|_| error::invalid_subject(&format!(":{context}:")))
}

/// The context of an aggregate's id.
pub fn context_of_id(id: &Token) -> String {
    match id.decode().as_str() {
        "default" => DEFAULT_CONTEXT.to_owned(),
        ".default" => ".default".to_owned(),
        other => format!(".{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_and_printed() {
        for (text, context, subject, printed) in [
            ("a", ".", "a", "a"),
            (":.:a", ".", "a", "a"),
            (":.c:a", ".c", "a", ":.c:a"),
            (":.c:a:b", ".c", "a:b", ":.c:a:b"),
            (":.c:", ".c", "", ":.c:"),
            (":.c", ".c", "", ":.c:"),
            (":a", ".", ":a", ":a"),
            ("a/b c", ".", "a/b c", "a/b c"),
        ] {
            let name = Name::parse(text, ".");
            assert_eq!((name.context.as_str(), name.subject.as_str()), (context, subject), "{text}");
            assert_eq!(name.qualified(), printed);
        }
        assert_eq!(Name::parse("a", ".c").qualified(), ":.c:a");
        assert_eq!(Name::parse(":.:a", ".c").qualified(), "a");
    }

    #[test]
    fn what_no_subject_may_be_called_is_refused() {
        for bad in ["", "__GLOBAL", "__EMPTY", "a\u{1}", "\u{85}", ":.__GLOBAL:a", ":.x\u{7f}:a"] {
            assert_eq!(error::number(&Name::parse(bad, ".").check().unwrap_err()), Some(42208), "{bad:?}");
        }
        assert!(Name::parse("ü 🦀/+%", ".").check().is_ok());
        assert!(Name::parse(":.__GLOBAL:", ".").check_scope().is_ok());
    }

    #[test]
    fn aggregates_of_contexts_are_distinct() {
        for context in [".", ".default", ".a b", ".a.b", ".__GLOBAL"] {
            assert_eq!(context_of_id(&aggregate_id(context).unwrap()), context);
        }
        assert_ne!(aggregate_id(".").unwrap(), aggregate_id(".default").unwrap());
        assert_eq!([context_of("c"), context_of(".c"), context_of(":.c:")], [".c", ".c", ".c"].map(str::to_owned));
    }
}
