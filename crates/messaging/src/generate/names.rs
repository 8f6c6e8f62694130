//! Names of Avro as names of Rust, TypeScript and Python.

/// `snake_case`, `kebab` or `lower` to `CamelCase`; what is in capitals within stays so unless all of it is.
pub fn camel(text: &str) -> String {
    let shout = !text.contains(|letter: char| letter.is_lowercase());
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
            first + &if shout { letters.as_str().to_lowercase() } else { letters.as_str().to_owned() }
        })
        .collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() { format!("_{name}") } else { name }
}

/// `camelCase` or `CamelCase` to `snake_case`.
pub fn snake(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let after_small = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        let ends_capitals =
            before.is_some_and(char::is_uppercase) && letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || ends_capitals) && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Words that Rust keeps for itself.
const RUST_KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words that cannot even be written raw.
const RUST_UNSPEAKABLE: [&str; 5] = ["self", "Self", "super", "crate", "_"];

/// A name that Rust takes.
pub fn identifier(name: &str) -> String {
    if RUST_UNSPEAKABLE.contains(&name) {
        format!("{name}_")
    } else if RUST_KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// Names in the order given, each told apart from those before it.
pub fn unique(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    names
        .into_iter()
        .map(|name| {
            let mut chosen = name.clone();
            let mut number = 2;
            while !taken.insert(chosen.clone()) {
                chosen = format!("{name}{number}");
                number += 1;
            }
            chosen
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_style() {
        for (text, expected) in [
            ("bucket", "Bucket"),
            ("project_write", "ProjectWrite"),
            ("NEW", "New"),
            ("HTTPCall", "HTTPCall"),
            ("IN_TRANSIT", "InTransit"),
            ("1st", "_1st"),
        ] {
            assert_eq!(camel(text), expected);
        }
        for (text, expected) in [
            ("orderId", "order_id"),
            ("HTTPCall", "http_call"),
            ("already_so", "already_so"),
            ("A", "a"),
            ("utf8Text", "utf8_text"),
        ] {
            assert_eq!(snake(text), expected);
        }
        assert_eq!([identifier("type"), identifier("self"), identifier("plain")], ["r#type", "self_", "plain"]);
        assert_eq!(unique(["a", "b", "a"].map(str::to_owned)), ["a", "b", "a2"]);
    }
}
