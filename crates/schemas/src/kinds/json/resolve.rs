//! The documents a schema consists of, and where each `$ref` leads. Everything is found at parse time among the texts that
//! were given; nothing is ever fetched.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::keywords::{Draft, check, children};
use super::{Fault, Referenced};

/// Faults told of one schema; a hostile one has more than anybody reads.
const FAULTS_MAX: usize = 100;

/// The address of a value inside its document: stable, because documents never change.
pub type Address = usize;

/// The address of this value.
pub fn address(value: &Value) -> Address {
    std::ptr::from_ref(value) as usize
}

#[derive(Debug)]
struct Document {
    value: Box<Value>,
    draft: Draft,
}

/// A schema inside one of the documents.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    pub value: &'a Value,
    pub draft: Draft,
}

/// Where a `$ref` leads.
#[derive(Clone, Debug)]
enum Target {
    /// A document and a pointer in it.
    Inside(usize, String),
    /// Somewhere that we do not have: only a schema with the same reference is known to be equal.
    Opaque,
}

/// The root document (first) and the referenced ones.
#[derive(Debug)]
pub struct Documents {
    all: Vec<Document>,
    /// The names of all but the first.
    names: Vec<String>,
    targets: HashMap<Address, Target>,
    outside: BTreeSet<String>,
}

impl Documents {
    /// Reads the root and the references; with `strict`, wrong keywords and references that lead nowhere are faults.
    pub fn read(text: &str, references: &[Referenced], strict: bool) -> Result<Self, Vec<Fault>> {
        let mut all = Vec::with_capacity(references.len() + 1);
        let mut names = HashMap::new();
        let named = references.iter().map(|each| (each.name.as_str(), each.text.as_str()));
        for (at, (name, text)) in std::iter::once(("", text)).chain(named).enumerate() {
            let value: Value = serde_json::from_str(text).map_err(|error| {
                let which = if at == 0 { String::new() } else { format!(" in the reference {name}") };
                vec![Fault::new("", format!("no JSON{which}: {error}"))]
            })?;
            let draft = match Draft::of(&value) {
                Some(draft) => draft,
                None if at > 0 || !strict => Draft::Seven,
                None => {
                    let message =
                        format!("$schema {} is none of draft-04, -06, -07, 2019-09, 2020-12", value["$schema"]);
                    return Err(vec![Fault::new("/$schema", message)]);
                }
            };
            if at > 0 {
                names.insert(name.to_owned(), (at, String::new()));
            }
            all.push(Document { value: Box::new(value), draft });
        }
        let mut documents = Self {
            all,
            names: references.iter().map(|each| each.name.clone()).collect(),
            targets: HashMap::new(),
            outside: BTreeSet::new(),
        };
        let found = documents.walk(names, strict);
        documents.link(found, strict)?;
        Ok(documents)
    }

    pub fn root(&self) -> &Value {
        &self.all[0].value
    }

    pub fn draft(&self) -> Draft {
        self.all[0].draft
    }

    pub fn root_node(&self) -> Node<'_> {
        Node { value: self.root(), draft: self.draft() }
    }

    /// The referenced documents with their names.
    pub fn referenced(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.names.iter().map(String::as_str).zip(self.all[1..].iter().map(|document| document.value.as_ref()))
    }

    pub fn outside_names(&self) -> Vec<String> {
        self.outside.iter().cloned().collect()
    }

    /// Where the `$ref` of this schema leads; `None` when it has none, or one that leads out of what we have.
    pub fn follow(&self, node: Node<'_>) -> Option<Node<'_>> {
        let Target::Inside(document, pointer) = self.targets.get(&address(node.value))? else { return None };
        let document = &self.all[*document];
        Some(Node { value: document.value.pointer(pointer)?, draft: document.draft })
    }

    /// Visits every schema of every document: checks it, and notes its ids, anchors and reference.
    fn walk(&self, names: HashMap<String, (usize, String)>, strict: bool) -> Found {
        let mut found = Found { places: names, links: Vec::new(), faults: Vec::new() };
        for (at, document) in self.all.iter().enumerate() {
            let mut open = vec![(String::new(), document.value.as_ref(), String::new(), String::new())];
            while let Some((pointer, value, base, resource)) = open.pop() {
                if at == 0 && strict && found.faults.len() < FAULTS_MAX {
                    check(value, document.draft, &pointer, &mut found.faults);
                }
                let (base, resource) = found.note_id(value, (at, &pointer), document.draft, base, resource);
                if let Some(to) = value.get("$ref").and_then(Value::as_str) {
                    found.links.push(Link {
                        from: address(value),
                        document: at,
                        pointer: pointer.clone(),
                        base: base.clone(),
                        resource: resource.clone(),
                        to: to.to_owned(),
                    });
                }
                let below = children(value, document.draft, &pointer);
                open.extend(below.into_iter().map(|(pointer, value)| (pointer, value, base.clone(), resource.clone())));
            }
        }
        found
    }

    /// Finds the target of every reference.
    fn link(&mut self, found: Found, strict: bool) -> Result<(), Vec<Fault>> {
        let Found { places, links, mut faults } = found;
        for link in links {
            let (uri, fragment) = link.to.split_once('#').unwrap_or((&link.to, ""));
            if !uri.is_empty() {
                self.outside.insert(uri.to_owned());
            }
            let target = self.find(&places, &link, uri, fragment);
            if target.is_none() && strict && !is_metaschema(uri) && faults.len() < FAULTS_MAX && link.document == 0 {
                let message = format!(
                    "$ref {} leads to nothing here: it is neither in this schema nor the name of a reference, and nothing is fetched",
                    link.to
                );
                faults.push(Fault::new(&format!("{}/$ref", link.pointer), message));
            }
            self.targets.insert(link.from, target.unwrap_or(Target::Opaque));
        }
        // Names of resources inside the document are no names of others.
        self.outside.retain(|name| !matches!(places.get(name), Some((0, _))));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn find(
        &self,
        places: &HashMap<String, (usize, String)>,
        link: &Link,
        uri: &str,
        fragment: &str,
    ) -> Option<Target> {
        let (document, root) = if uri.is_empty() {
            (link.document, link.resource.clone())
        } else {
            let place = places.get(uri).or_else(|| places.get(&join(&link.base, uri)))?;
            place.clone()
        };
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8().ok()?;
        if fragment.is_empty() || fragment.starts_with('/') {
            let pointer = format!("{root}{fragment}");
            self.all[document].value.pointer(&pointer)?;
            return Some(Target::Inside(document, pointer));
        }
        let anchor = format!("{document}:{root}#{fragment}");
        places.get(&anchor).map(|(document, pointer)| Target::Inside(*document, pointer.clone()))
    }
}

struct Link {
    from: Address,
    document: usize,
    pointer: String,
    base: String,
    resource: String,
    to: String,
}

struct Found {
    /// Reference names, ids and anchors: the document and the pointer each means.
    places: HashMap<String, (usize, String)>,
    links: Vec<Link>,
    faults: Vec<Fault>,
}

impl Found {
    /// Notes `$id` and anchors of a schema; answers the base and the resource that hold below it.
    fn note_id(
        &mut self,
        value: &Value,
        (document, pointer): (usize, &str),
        draft: Draft,
        mut base: String,
        mut resource: String,
    ) -> (String, String) {
        let text = |keyword| value.get(keyword).and_then(Value::as_str);
        let siblings_count = draft.reads_siblings() || value.get("$ref").is_none();
        if let Some(id) = text("$id").or_else(|| text("id").filter(|_| draft == Draft::Four)).filter(|_| siblings_count)
        {
            let (uri, fragment) = id.split_once('#').unwrap_or((id, ""));
            if !uri.is_empty() {
                base = join(&base, uri);
                pointer.clone_into(&mut resource);
                let place = (document, pointer.to_owned());
                self.places.entry(base.clone()).or_insert_with(|| place.clone());
                self.places.entry(uri.to_owned()).or_insert(place);
            }
            if !fragment.is_empty() {
                self.places.insert(format!("{document}:{resource}#{fragment}"), (document, pointer.to_owned()));
            }
        }
        for anchor in [text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
            self.places.insert(format!("{document}:{resource}#{anchor}"), (document, pointer.to_owned()));
        }
        (base, resource)
    }
}

fn is_metaschema(uri: &str) -> bool {
    uri.split_once("://").is_some_and(|(_, rest)| rest.starts_with("json-schema.org/draft"))
}

/// A reference against its base: enough of RFC 3986 for the names people give schemas.
fn join(base: &str, reference: &str) -> String {
    let is_absolute = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    if base.is_empty() || is_absolute {
        return reference.to_owned();
    }
    let after_authority = base.find("://").map_or(0, |at| at + 3);
    let root = base[after_authority..].find('/').map_or(base.len(), |at| after_authority + at);
    if let Some(rest) = reference.strip_prefix("//") {
        return format!("{}//{rest}", &base[..after_authority.saturating_sub(2)]);
    }
    let path = if reference.starts_with('/') {
        reference.to_owned()
    } else {
        let directory = base[root..].rfind('/').map_or("", |at| &base[root..=root + at]);
        format!("{directory}{reference}")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            other => parts.push(other),
        }
    }
    format!("{}{}", &base[..root], parts.join("/"))
}
