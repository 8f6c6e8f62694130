//! A schema as text: as Avro's Java library writes it, normalised, and in canonical form.

mod canonical;
mod java;
mod normal;

pub(crate) use canonical::canonical;

use crate::Schema;
use crate::json::{Json, quote};

impl Schema {
    /// The text whose equality means the same schema: as Avro's Java library writes it. Whitespace and the order of
    /// attributes do not count; docs, aliases, defaults, logical types and custom attributes do. Types of references are
    /// written by name.
    pub fn identity_text(&self) -> String {
        java::write(self, false)
    }

    /// The identity text with the types of references written out where they are first used.
    pub fn inlined_text(&self) -> String {
        java::write(self, true)
    }

    /// Full names, no namespaces, one order of attributes, sorted aliases. Types of references are written by full name.
    pub fn normalized_text(&self) -> String {
        normal::write(self, false)
    }

    /// The normal form with the types of references written out where they are first used.
    pub fn normalized_inlined(&self) -> String {
        normal::write(self, true)
    }

    /// Avro's Parsing Canonical Form, references written out. It drops defaults, aliases, docs and logical types: good for
    /// fingerprints on a wire, wrong as identity. Computed once.
    pub fn canonical_form(&self) -> String {
        self.canonical().0.clone()
    }
}

/// A JSON object under construction.
struct Object<'o> {
    out: &'o mut String,
    first: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    /// Starts a member; its value goes to what is returned.
    fn key(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        quote(self.out, key);
        self.out.push(':');
        self.out
    }

    fn text(&mut self, key: &str, value: &str) {
        quote(self.key(key), value);
    }

    fn json(&mut self, key: &str, value: &Json) {
        value.write_compact(self.key(key));
    }

    fn texts<'t>(&mut self, key: &str, values: impl IntoIterator<Item = &'t str>) {
        list(self.key(key), values, quote);
    }

    fn close(self) {
        self.out.push('}');
    }
}

fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}
