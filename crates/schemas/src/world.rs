//! Where assessing finds subjects and texts: in the unit of a decision, or in a view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_eventlog::Unit;
use alluvium_kernel::Problem;

use crate::contract::SchemaReference;
use crate::error;
use crate::index::{Entry, View};
use crate::kinds::{Model, Referenced};
use crate::library::Library;
use crate::model::{Reference, Registry};
use crate::subject::{Name, aggregate_id};

/// Schemas that one refers to, all levels together.
const REFERENCES_MAX: usize = 1_000;

/// Subjects and texts.
pub(crate) struct World<'a> {
    library: &'a Library,
    place: Place<'a>,
    loaded: BTreeMap<String, Registry>,
}

enum Place<'a> {
    /// As the aggregates are, with what the unit has staged.
    Deciding(&'a mut Unit),
    /// As a view has it.
    Reading(Arc<View>),
}

/// References that were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    /// Those of the schema itself, with the versions that they have now; in another context's by qualified name.
    pub resolved: Vec<SchemaReference>,
    /// All texts, depth-first.
    pub texts: Vec<Referenced>,
    /// Those of the schema itself that are in another context.
    pub foreign: Vec<(Name, u32)>,
}

impl<'a> World<'a> {
    /// For deciding in a unit.
    pub fn deciding(library: &'a Library, unit: &'a mut Unit) -> Self {
        Self { library, place: Place::Deciding(unit), loaded: BTreeMap::new() }
    }

    /// For answering from a view.
    pub fn reading(library: &'a Library, view: Arc<View>) -> Self {
        Self { library, place: Place::Reading(view), loaded: BTreeMap::new() }
    }

    /// Texts and parsed schemas.
    pub fn library(&self) -> &Library {
        self.library
    }

    /// A context's aggregate; an empty one for a context that nobody has used.
    pub async fn registry(&mut self, context: &str) -> Result<Registry, Problem> {
        match &mut self.place {
            Place::Reading(view) => Ok(view.registry(context).cloned().unwrap_or_default()),
            Place::Deciding(unit) => {
                if let Some(loaded) = self.loaded.get(context) {
                    return Ok(loaded.clone());
                }
                let loaded = unit.load::<Registry>(&aggregate_id(context)?).await?.clone();
                self.loaded.insert(context.to_owned(), loaded.clone());
                Ok(loaded)
            }
        }
    }

    /// The text of an id.
    pub async fn entry(&mut self, context: &str, id: u32) -> Result<Arc<Entry>, Problem> {
        let tenant = match &self.place {
            Place::Reading(view) => {
                let entry = view.context(context).and_then(|context| context.entry(id));
                return entry.cloned().ok_or_else(|| error::mistake("an id has no text"));
            }
            Place::Deciding(unit) => unit.tenant().clone(),
        };
        let registry = self.registry(context).await?;
        let content = registry.content(id).ok_or_else(|| error::mistake("a version has an id without content"))?;
        self.library.text_of(&tenant, context, id, content).await
    }

    /// The parsed schema of an entry of a context.
    pub async fn model(&mut self, context: &str, entry: &Entry) -> Result<Arc<Model>, Problem> {
        let texts = if entry.references.is_empty() || self.library.has_model(entry) {
            Vec::new()
        } else {
            let references = entry.references.iter().map(sent).collect::<Vec<_>>();
            self.gather(context, &references).await?.texts
        };
        self.library.model(entry, || texts)
    }

    /// Finds what a schema of `context` refers to, and what that refers to. Each name is taken once, the first time; whatever
    /// is referred to comes before its referrer.
    pub async fn gather(&mut self, context: &str, references: &[SchemaReference]) -> Result<Gathered, Problem> {
        let mut all = Gathered::default();
        let mut names = BTreeSet::new();
        // Frames of a walk without recursion: how long a chain of references gets is up to clients.
        let mut open: Vec<Frame> = vec![Frame { context: context.to_owned(), rest: rest(references), done: None }];
        while let Some(frame) = open.last_mut() {
            let Some(reference) = frame.rest.pop() else {
                if let Some(done) = open.pop().and_then(|frame| frame.done) {
                    all.texts.push(done);
                }
                continue;
            };
            let (within, depth) = (frame.context.clone(), open.len());
            let found = self.find(&within, &reference, depth == 1).await?;
            if depth == 1 {
                all.note(context, &reference, &found);
            }
            if !names.insert(reference.name.clone()) {
                continue;
            }
            if names.len() > REFERENCES_MAX {
                return Err(error::invalid_schema(format!(
                    "Invalid schema. Error: more than {REFERENCES_MAX} references"
                )));
            }
            let nested: Vec<SchemaReference> = found.entry.references.iter().map(sent).collect();
            let done = Referenced { name: reference.name, text: found.entry.text.to_string() };
            open.push(Frame { context: found.name.context, rest: rest(&nested), done: Some(done) });
        }
        Ok(all)
    }

    async fn find(&mut self, within: &str, reference: &SchemaReference, live: bool) -> Result<Found, Problem> {
        let name = Name::parse(&reference.subject, within);
        let missing = || no_reference(reference);
        let registry = self.registry(&name.context).await?;
        let subject = registry.subject(&name.subject).ok_or_else(missing)?;
        let version = match reference.version {
            -1 => subject.latest().ok_or_else(missing)?,
            number => {
                let version = u32::try_from(number).ok().and_then(|number| subject.version(number));
                version.filter(|version| !live || !version.deleted).ok_or_else(missing)?
            }
        };
        let (version, id) = (version.version, version.id);
        let entry = self.entry(&name.context, id).await?;
        Ok(Found { name, version, entry })
    }
}

/// There is nothing where a reference points.
pub(crate) fn no_reference(reference: &SchemaReference) -> Problem {
    let (subject, version) = (&reference.subject, reference.version);
    let detail = format!("No schema reference found for subject \"{subject}\" and version {version}");
    error::invalid_schema(format!("Invalid schema. Error: {detail}"))
}

struct Frame {
    context: String,
    /// Backwards.
    rest: Vec<SchemaReference>,
    done: Option<Referenced>,
}

struct Found {
    name: Name,
    version: u32,
    entry: Arc<Entry>,
}

impl Gathered {
    fn note(&mut self, context: &str, reference: &SchemaReference, found: &Found) {
        let foreign = found.name.context != context;
        let subject = if foreign { qualified(&found.name) } else { found.name.subject.clone() };
        let version = found.version.cast_signed();
        self.resolved.push(SchemaReference { name: reference.name.clone(), subject, version });
        if foreign && !self.foreign.contains(&(found.name.clone(), found.version)) {
            self.foreign.push((found.name.clone(), found.version));
        }
    }
}

/// With its context always: what is read in another context must not lose it.
fn qualified(name: &Name) -> String {
    format!(":{}:{}", name.context, name.subject)
}

fn rest(references: &[SchemaReference]) -> Vec<SchemaReference> {
    references.iter().rev().cloned().collect()
}

/// A reference as it is sent.
pub(crate) fn sent(reference: &Reference) -> SchemaReference {
    let Reference { name, subject, version } = reference.clone();
    SchemaReference { name, subject, version: version.cast_signed() }
}
