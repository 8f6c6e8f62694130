//! What the compiler knows of a type's mapping: enough to refuse what cannot work before it runs.

/// The Avro type that a Rust type maps to, without what is inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the specification's own names")]
pub enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array,
    Map,
    /// With its full name.
    Record(&'static str),
    /// With its full name and symbols.
    Enum(&'static str, &'static [&'static str]),
    /// With its size; it is named after where it stands.
    Fixed(usize),
    /// Of these branches.
    Union(&'static [Kind]),
    /// A union of null and this.
    Nullable(&'static Kind),
}

/// A default as it is written in an attribute.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the kinds of literals")]
pub enum Literal {
    Text(&'static str),
    Bool(bool),
    Int(i128),
    Float(f64),
}

/// Whether two texts are the same, at compile time.
pub const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

const fn among(text: &str, all: &[&str]) -> bool {
    let mut at = 0;
    while at < all.len() {
        if same(text, all[at]) {
            return true;
        }
        at += 1;
    }
    false
}

/// What a union's branch is called where it is written: the type's word, or the full name of a named type.
pub const fn branch_name(kind: &Kind, place: &'static str) -> &'static str {
    match kind {
        Kind::Null => "Null",
        Kind::Boolean => "Boolean",
        Kind::Int => "Int",
        Kind::Long => "Long",
        Kind::Float => "Float",
        Kind::Double => "Double",
        Kind::Bytes => "Bytes",
        Kind::String => "String",
        Kind::Array => "Array",
        Kind::Map => "Map",
        Kind::Record(full) | Kind::Enum(full, _) => full,
        Kind::Fixed(_) => place,
        Kind::Union(_) | Kind::Nullable(_) => "Union",
    }
}

/// Whether no two of these are the same.
pub const fn all_differ(names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        let mut next = at + 1;
        while next < names.len() {
            if same(names[at], names[next]) {
                return false;
            }
            next += 1;
        }
        at += 1;
    }
    true
}

/// Whether none of these is a union, which Avro does not put into unions.
pub const fn no_unions(kinds: &[Kind]) -> bool {
    let mut at = 0;
    while at < kinds.len() {
        if matches!(kinds[at], Kind::Union(_) | Kind::Nullable(_)) {
            return false;
        }
        at += 1;
    }
    true
}

/// What `Option` of a kind is; does not compile for a kind that has null already.
pub const fn nullable(kind: &'static Kind) -> Kind {
    match kind {
        Kind::Nullable(_) => panic!("Option<Option<…>> has no Avro schema: null cannot say which of the two is None"),
        Kind::Null => panic!("Option<()> has no Avro schema: both are null"),
        Kind::Union(branches) => {
            let mut at = 0;
            while at < branches.len() {
                assert!(
                    !matches!(branches[at], Kind::Null),
                    "the enum has a null variant already; leave the Option out"
                );
                at += 1;
            }
        }
        _ => {}
    }
    Kind::Nullable(kind)
}

/// Whether a default of an attribute can be of this kind. What is inside JSON texts is judged with the whole schema.
pub const fn default_fits(kind: &Kind, default: Literal) -> bool {
    match kind {
        Kind::Nullable(inner) => is_text(default, "null") || default_fits(inner, default),
        Kind::Union(branches) => {
            let mut at = 0;
            while at < branches.len() {
                if default_fits(&branches[at], default) {
                    return true;
                }
                at += 1;
            }
            false
        }
        Kind::String | Kind::Bytes => matches!(default, Literal::Text(_)),
        Kind::Fixed(size) => matches!(default, Literal::Text(text) if letters(text) == *size),
        Kind::Enum(_, symbols) => matches!(default, Literal::Text(text) if among(text, symbols)),
        Kind::Null => is_text(default, "null"),
        Kind::Boolean => matches!(default, Literal::Bool(_)) || is_text(default, "true") || is_text(default, "false"),
        Kind::Int => match default {
            Literal::Int(number) => number >= i32::MIN as i128 && number <= i32::MAX as i128,
            Literal::Text(text) => digits(text),
            _ => false,
        },
        Kind::Long => match default {
            Literal::Int(number) => number >= i64::MIN as i128 && number <= i64::MAX as i128,
            Literal::Text(text) => digits(text),
            _ => false,
        },
        Kind::Float | Kind::Double => match default {
            Literal::Int(_) | Literal::Float(_) => true,
            Literal::Text(text) => matches!(text.as_bytes(), [b'-' | b'0'..=b'9' | b'N' | b'I', ..]),
            Literal::Bool(_) => false,
        },
        Kind::Array => matches!(default, Literal::Text(text) if matches!(text.as_bytes(), [b'[', .., b']'])),
        Kind::Map | Kind::Record(_) => {
            matches!(default, Literal::Text(text) if matches!(text.as_bytes(), [b'{', .., b'}']))
        }
    }
}

const fn is_text(default: Literal, wanted: &str) -> bool {
    matches!(default, Literal::Text(text) if same(text, wanted))
}

const fn digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = if matches!(bytes, [b'-', ..]) { 1 } else { 0 };
    if at == bytes.len() {
        return false;
    }
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            return false;
        }
        at += 1;
    }
    true
}

/// Letters of a text, which stand for bytes in a default.
const fn letters(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        if bytes[at] & 0xC0 != 0x80 {
            count += 1;
        }
        at += 1;
    }
    count
}

/// Whether a mapping has the logical type that an attribute names.
pub const fn logical_is(logical: Option<&str>, wanted: &str) -> bool {
    match logical {
        Some(logical) => same(logical, wanted),
        None => false,
    }
}

/// Whether two logical types are the same, or both are none.
pub const fn logical_equal(own: Option<&str>, theirs: Option<&str>) -> bool {
    match (own, theirs) {
        (Some(own), Some(theirs)) => same(own, theirs),
        (None, None) => true,
        _ => false,
    }
}

/// Whether a type of the struct is that of its schema file.
pub const fn kinds_equal(own: &Kind, theirs: &Kind) -> bool {
    match (own, theirs) {
        (Kind::Null, Kind::Null)
        | (Kind::Boolean, Kind::Boolean)
        | (Kind::Int, Kind::Int)
        | (Kind::Long, Kind::Long)
        | (Kind::Float, Kind::Float)
        | (Kind::Double, Kind::Double)
        | (Kind::Bytes, Kind::Bytes)
        | (Kind::String, Kind::String)
        | (Kind::Array, Kind::Array)
        | (Kind::Map, Kind::Map) => true,
        (Kind::Record(own), Kind::Record(theirs)) => same(own, theirs),
        (Kind::Enum(own, symbols), Kind::Enum(theirs, others)) => {
            let mut at = 0;
            while at < symbols.len() {
                if !among(symbols[at], others) {
                    return false;
                }
                at += 1;
            }
            symbols.len() == others.len() && same(own, theirs)
        }
        (Kind::Fixed(own), Kind::Fixed(theirs)) => *own == *theirs,
        (Kind::Nullable(own), Kind::Nullable(theirs)) => kinds_equal(own, theirs),
        (Kind::Union(own), Kind::Union(theirs)) => {
            if own.len() != theirs.len() {
                return false;
            }
            let mut at = 0;
            while at < own.len() {
                if !kinds_equal(&own[at], &theirs[at]) {
                    return false;
                }
                at += 1;
            }
            true
        }
        // Option of a union of several branches is written as one union.
        (Kind::Nullable(Kind::Union(own)), Kind::Union(theirs)) => own.len() + 1 == theirs.len(),
        _ => false,
    }
}
