//! Reading the few documents that clients send: elements and text. There are no document types and no entities but the five of
//! XML, so nothing grows in here and nothing is fetched.

/// How deep elements may lie in one another.
const DEPTH_MAX: usize = 8;
/// Elements of one document.
const ELEMENTS_MAX: usize = 100_000;

/// An element, without its attributes and without the prefix of its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub name: String,
    /// Its own text; what stands between elements is in there too.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The root of a document; `None` for what is no document.
pub(super) fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), elements: 0 };
    reader.between()?;
    let root = reader.element(0)?;
    reader.between()?;
    reader.rest.is_empty().then_some(root)
}

struct Reader<'a> {
    rest: &'a str,
    elements: usize,
}

impl Reader<'_> {
    /// Passes over space, comments and instructions.
    fn between(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("<?") {
                self.rest = rest.split_once("?>")?.1;
            } else if !self.comment()? {
                return Some(());
            }
        }
    }

    /// Passes over a comment, if there is one.
    fn comment(&mut self) -> Option<bool> {
        let Some(rest) = self.rest.strip_prefix("<!--") else { return Some(false) };
        self.rest = rest.split_once("-->")?.1;
        Some(true)
    }

    fn element(&mut self, depth: usize) -> Option<Element> {
        self.elements += 1;
        if depth >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return None;
        }
        let inside = self.rest.strip_prefix('<')?;
        let tag = &inside[..end_of_tag(inside)?];
        self.rest = &inside[tag.len() + 1..];
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let full = tag.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if full.is_empty() || !full.chars().all(is_name) {
            return None;
        }
        let name = full.rsplit(':').next().unwrap_or(full).to_owned();
        let mut element = Element { name, ..Element::default() };
        if is_empty {
            return Some(element);
        }
        loop {
            let (text, _) = self.rest.split_at(self.rest.find('<')?);
            decode(text, &mut element.text)?;
            self.rest = &self.rest[text.len()..];
            if let Some(rest) = self.rest.strip_prefix("</") {
                let (closed, rest) = rest.split_once('>')?;
                self.rest = rest;
                return (closed.trim_end() == full).then_some(element);
            }
            if !self.comment()? {
                element.children.push(self.element(depth + 1)?);
            }
        }
    }
}

/// Where a tag ends: the first `>` that is not in an attribute's value.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.bytes().position(|byte| match quote {
        Some(open) => {
            if byte == open {
                quote = None;
            }
            false
        }
        None if byte == b'"' || byte == b'\'' => {
            quote = Some(byte);
            false
        }
        None => byte == b'>',
    })
}

/// Text with its entities resolved.
fn decode(mut text: &str, into: &mut String) -> Option<()> {
    while let Some((before, rest)) = text.split_once('&') {
        into.push_str(before);
        let (name, rest) = rest.split_once(';')?;
        into.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = name.strip_prefix('#')?;
                let code = match digits.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => digits.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        text = rest;
    }
    into.push_str(text);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read() {
        let text = "\u{feff}<?xml version='1.0'?>\n<!-- a > b -->\n<s:Delete xmlns:s=\"http://x/>\" a='/'>\n <Quiet/>\
                    <Object><Key>a&lt;&#98;&#xe4;&amp;&quot;ü</Key><!-- < --></Object ></s:Delete>\n";
        let root = parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.children.len()), ("Delete", 2));
        assert_eq!(root.child("Object").unwrap().child("Key").unwrap().text, "a<bä&\"ü");
        assert_eq!(root.child("Quiet"), Some(&Element { name: "Quiet".into(), ..Element::default() }));
        assert_eq!(root.child("Other"), None);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(DEPTH_MAX + 1), "</a>".repeat(DEPTH_MAX + 1));
        let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        for wrong in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&x;</a>",
            "<a>&#xd800;</a>",
            "<a>&amp</a>",
            "<a b='>",
            "< a/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>",
            "<a><![CDATA[x]]></a>",
            "<?xml",
            "<!-- <a/>",
            "<>x</>",
            &deep,
            &many,
        ] {
            assert_eq!(parse(wrong), None, "{wrong:.40}");
        }
        assert!(parse(&format!("{}{}", "<a>".repeat(DEPTH_MAX), "</a>".repeat(DEPTH_MAX))).is_some());
    }
}
