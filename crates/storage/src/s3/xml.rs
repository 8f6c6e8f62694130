//! Writing the few documents there are.

/// A document of one root element, without a namespace: some clients look for bare names.
pub(super) struct Xml {
    root: &'static str,
    text: String,
}

impl Xml {
    pub fn begin(root: &'static str) -> Self {
        Self { root, text: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>") }
    }

    /// An element that holds text.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name);
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                // No XML has these, not even written as numbers.
                c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => self.text.push('\u{fffd}'),
                c => self.text.push(c),
            }
        }
        self.close(name)
    }

    /// An element that holds others.
    pub fn element(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        write(self);
        self.close(name)
    }

    pub fn end(mut self) -> String {
        let root = self.root;
        self.close(root);
        self.text
    }

    fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    fn close(&mut self, name: &str) -> &mut Self {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let mut xml = Xml::begin("R");
        xml.text("K", "a<b>&\"c\"\u{1}ü").element("E", |inside| {
            inside.text("N", "1");
        });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R><K>a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}ü</K><E><N>1</N></E></R>";
        assert_eq!(xml.end(), expected);
    }
}
