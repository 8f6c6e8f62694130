//! Docs as comments.

/// Appends a doc comment, line by line.
pub fn lines(out: &mut String, indent: &str, doc: Option<&str>) {
    for line in doc.into_iter().flat_map(str::lines) {
        out.push_str(indent);
        out.push_str(if line.trim().is_empty() { "///" } else { "/// " });
        out.push_str(line.trim_end());
        out.push('\n');
    }
}
