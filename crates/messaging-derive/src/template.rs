//! Subject templates: `shop.{tenant}.orders.{key}`.

use syn::{Error, LitStr};

/// One token of a subject.
pub enum Piece {
    Text(String),
    Place(String),
}

/// A template, token by token.
pub struct Template {
    pub pieces: Vec<Piece>,
}

impl Template {
    pub fn read(text: &LitStr) -> syn::Result<Self> {
        let source = text.value();
        let wrong = |what: &str| Error::new_spanned(text, format!("`{source}` is no subject: {what}"));
        let mut pieces = Vec::new();
        // Dots inside braces are paths into fields.
        let mut rest = source.as_str();
        loop {
            let (token, after) = if rest.starts_with('{') {
                let end = rest.find('}').ok_or_else(|| wrong("a placeholder is not closed"))?;
                (&rest[..=end], &rest[end + 1..])
            } else {
                let end = rest.find('.').unwrap_or(rest.len());
                (&rest[..end], &rest[end..])
            };
            pieces.push(match token.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
                Some("") => return Err(wrong("a placeholder has no name")),
                Some(name) => Piece::Place(name.to_owned()),
                None if token.is_empty() => return Err(wrong("a token is empty")),
                None if token.contains(['{', '}']) => return Err(wrong("a placeholder is a whole token")),
                None if token.contains(['*', '>'])
                    || token.chars().any(|each| each.is_whitespace() || each.is_control()) =>
                {
                    return Err(wrong("wildcards and blanks have no place in it"));
                }
                None => Piece::Text(token.to_owned()),
            });
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(wrong("a placeholder is a whole token")),
            }
        }
        Ok(Self { pieces })
    }

    /// What a consumer filters by.
    pub fn filter(&self) -> String {
        self.joined(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Place(_) => Some("*"),
        })
    }

    /// The tokens that are the same for every message.
    pub fn fixed(&self) -> String {
        self.joined(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Place(_) => None,
        })
    }

    fn joined<'a>(&'a self, of: impl Fn(&'a Piece) -> Option<&'a str>) -> String {
        self.pieces.iter().filter_map(of).collect::<Vec<_>>().join(".")
    }
}
