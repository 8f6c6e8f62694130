//! What a submitted schema is: parsed, hashed, and held against the versions that are there.

use std::sync::Arc;

use alluvium_kernel::Problem;
use serde_json::{Value, json};

use crate::content::{Attached, Hashes, SCHEMA_BYTES_MAX, guid, pack, parse_guid, unpack};
use crate::contract::{Assessment, SchemaReference, Submission};
use crate::error;
use crate::index::Entry;
use crate::kinds::{Direction, Finding, Invalid, Model, SchemaType, Strictness};
use crate::model::{Config, Level, Mode, Reference, Registry, Version, effective, effective_mode, metadata};
use crate::subject::{GLOBAL_CONTEXT, Name};
use crate::world::{Gathered, World};

/// Longest part of an old schema's text in a message, in characters.
const OLD_SCHEMA_CHARS_MAX: usize = 10_240;
/// The metadata property that says which version a schema was registered as.
const VERSION_PROPERTY: &str = "confluent:version";

/// What a process decides by, besides the log.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The level where no scope sets one.
    pub default_level: Level,
    /// Whether modes may be set.
    pub mode_changes: bool,
    /// Whether everybody may do everything within the own tenant.
    pub open: bool,
}

/// Why a schema cannot be taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The text is no schema; each operation words that its own way.
    Invalid(SchemaType, String),
    /// Anything else.
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Refused {
    /// In the words of registering.
    pub fn registering(self) -> Problem {
        match self {
            Self::Invalid(kind, detail) => error::invalid_schema(format!("Invalid {kind} schema. Error: {detail}")),
            Self::Problem(problem) => problem,
        }
    }

    /// In the words of looking up.
    pub fn looking_up(self) -> Problem {
        match self {
            Self::Invalid(_, detail) => error::invalid_schema(format!("Invalid schema: {detail}")),
            Self::Problem(problem) => problem,
        }
    }
}

/// A schema whose content is known.
pub(crate) struct Identified {
    pub kind: SchemaType,
    pub model: Arc<Model>,
    pub assessment: Assessment,
    pub gathered: Gathered,
    pub config: Config,
    /// The text as it is stored.
    pub text: String,
}

/// How a schema is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub normalize: bool,
    pub force: bool,
    /// For registering; looking up is more lenient.
    pub strict: bool,
    /// Whether default values may be of any type.
    pub any_default: bool,
}

/// Findings against one version.
#[derive(Clone, Debug)]
pub(crate) struct Against {
    pub short: Vec<String>,
    pub verbose: Vec<String>,
}

/// The registries that a subject's rules come from.
pub(crate) struct Scope {
    pub own: Registry,
    pub config: Config,
    pub mode: Mode,
}

impl Scope {
    /// Of a subject, or of a context for an empty subject.
    pub async fn of(world: &mut World<'_>, name: &Name, settings: Settings) -> Result<Self, Problem> {
        let own = world.registry(&name.context).await?;
        let global = world.registry(GLOBAL_CONTEXT).await?;
        let config = effective(Some(&own), Some(&global), &name.subject, settings.default_level);
        let mode = effective_mode(Some(&own), Some(&global), &name.subject);
        Ok(Self { own, config, mode })
    }

    /// The level that applies.
    pub fn level(&self) -> Level {
        self.config.level().unwrap_or_default()
    }
}

/// Parses and hashes a schema.
pub(crate) async fn identify(
    world: &mut World<'_>,
    name: &Name,
    sent: &Submission,
    how: How,
    scope: &Scope,
) -> Result<Identified, Refused> {
    let newest = newest(world, name, &scope.own).await?;
    let mut text = unpack(&sent.text, &sent.packed)?;
    let mut kind: SchemaType = sent.r#type.parse().map_err(|()| error::invalid_type(&sent.r#type))?;
    let mut references = sent.references.clone();
    if text.trim().is_empty() {
        let Some(newest) = &newest else { return Err(error::invalid_schema("Empty schema").into()) };
        (text, kind) = (newest.text.to_string(), newest.kind);
        references = newest.references.iter().map(crate::world::sent).collect();
    }
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(error::too_large(SCHEMA_BYTES_MAX).into());
    }
    let mut gathered = world.gather(&name.context, &references).await?;
    let config = scope.config.clone();
    let strict =
        how.strict && scope.mode != Mode::Import && config.0.get("validateNewSchemas") != Some(&Value::Bool(false));
    let strictness = match (strict, how.any_default) {
        (true, false) => Strictness::Strict,
        (true, true) => Strictness::AnyDefault,
        (false, _) => Strictness::Lenient,
    };
    let invalid = |Invalid(detail): Invalid| Refused::Invalid(kind, detail);
    let mut model = Model::parse(kind, &text, &gathered.texts, strictness).map_err(invalid)?;
    let mut stored = model.stored_text(&text);
    if (how.normalize || config.normalize()) && scope.mode != Mode::Import {
        stored = model.normalized_text();
        model = Model::parse(kind, &stored, &gathered.texts, Strictness::Lenient).map_err(invalid)?;
        gathered.resolved.sort_by(|a, b| (&a.name, &a.subject, a.version).cmp(&(&b.name, &b.subject, b.version)));
        gathered.resolved.dedup();
    }
    let attached = Attaching::of(sent, &config, newest.as_deref(), scope)?;
    let assessment = hashed(kind, &model, &stored, &gathered.resolved, &attached, scope.mode);
    Ok(Identified { kind, model: Arc::new(model), assessment, gathered, config, text: stored })
}

fn hashed(
    kind: SchemaType,
    model: &Model,
    stored: &str,
    references: &[SchemaReference],
    attached: &Attaching,
    mode: Mode,
) -> Assessment {
    let (identity_text, equality_text) = (model.identity_text(), model.equality_text());
    let hashes = |attached: &Attached| Hashes::of(kind, &identity_text, &equality_text, references, attached);
    let (now, as_sent) = (hashes(&attached.now), hashes(&attached.as_sent));
    let (text, packed) = pack(stored);
    let other = |hash: crate::model::Digest| (as_sent != now).then(|| hash.to_string());
    Assessment {
        text,
        packed,
        references: references.to_vec(),
        metadata: attached.now.metadata.clone(),
        rule_set: attached.now.rule_set.clone(),
        identity_sha256: now.identity.to_string(),
        equality_sha256: now.equality.to_string(),
        guid: guid(&identity_text, references, &attached.now),
        fp64: model.fingerprint().map(u64::cast_signed),
        level: String::new(),
        checked_against: vec![],
        incompatible: vec![],
        reasons: vec![],
        alternative_identity: other(as_sent.identity),
        alternative_equality: other(as_sent.equality),
        readonly: mode.is_readonly(),
        importing: mode == Mode::Import,
    }
}

/// Metadata and rules, with what scopes and the version before give.
struct Attaching {
    /// As it is registered.
    now: Attached,
    /// Without what the version before gives.
    as_sent: Attached,
}

impl Attaching {
    fn of(sent: &Submission, config: &Config, newest: Option<&Entry>, scope: &Scope) -> Result<Self, Problem> {
        let read = |text: &str| {
            serde_json::from_str::<Value>(text).map_err(|cause| error::malformed(format!("No JSON: {cause}.")))
        };
        let metadata = sent.metadata.as_deref().map(|text| metadata::metadata(&read(text)?)).transpose()?;
        let rules = sent.rule_set.as_deref().map(|text| metadata::rule_set(&read(text)?)).transpose()?;
        if scope.mode == Mode::Import {
            let text = |value: Option<Value>| value.map(|value| value.to_string());
            let attached = Attached { metadata: text(metadata), rule_set: text(rules) };
            return Ok(Self { now: attached.clone(), as_sent: attached });
        }
        let before = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let inherited = before(newest.and_then(|newest| newest.metadata.as_deref())).map(unversioned);
        let inherited_rules = before(newest.and_then(|newest| newest.rule_set.as_deref()));
        let with = |metadata: Option<&Value>, rules: Option<&Value>| {
            let merged = metadata::merge(config.object("defaultMetadata"), metadata, config.object("overrideMetadata"));
            let merged_rules =
                metadata::merge(config.object("defaultRuleSet"), rules, config.object("overrideRuleSet"));
            Attached {
                metadata: merged.map(|value| value.to_string()),
                rule_set: merged_rules.map(|value| value.to_string()),
            }
        };
        let as_sent = with(metadata.as_ref(), rules.as_ref());
        let mut full = metadata.or(inherited);
        if sent.version == Some(-1) {
            let next = scope.own.subject(&sent.subject).map_or(1, crate::model::Subject::next);
            let property = json!({"properties": {VERSION_PROPERTY: next.to_string()}});
            full = metadata::merge(full.as_ref(), Some(&property), None);
        }
        let now = with(full.as_ref(), rules.or(inherited_rules).as_ref());
        Ok(Self { now, as_sent })
    }
}

/// Metadata without the number of the version that it was registered as.
fn unversioned(mut metadata: Value) -> Value {
    if let Some(properties) = metadata.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(VERSION_PROPERTY);
        if properties.is_empty()
            && let Some(all) = metadata.as_object_mut()
        {
            all.remove("properties");
        }
    }
    metadata
}

async fn newest(world: &mut World<'_>, name: &Name, own: &Registry) -> Result<Option<Arc<Entry>>, Problem> {
    match own.subject(&name.subject).and_then(|subject| subject.latest()) {
        Some(version) => world.entry(&name.context, version.id).await.map(Some),
        None => Ok(None),
    }
}

/// All that a decision on registering needs.
pub(crate) async fn assess(
    world: &mut World<'_>,
    name: &Name,
    sent: &Submission,
    how: How,
    settings: Settings,
) -> Result<Identified, Refused> {
    name.check()?;
    let scope = Scope::of(world, name, settings).await?;
    let mut identified = identify(world, name, sent, how, &scope).await?;
    let known = &identified.assessment;
    let skipped = how.force || known.readonly || known.importing;
    if !skipped && scope.own.there_already(sent, known).is_none() {
        let versions = history(&scope.own, name, scope.level());
        let level = scope.level();
        let found = check(world, name, &identified, &versions, level).await?;
        identified.assessment.level = level.to_string();
        identified.assessment.checked_against = versions.iter().map(|version| version.version.cast_signed()).collect();
        identified.assessment.incompatible = messages(&found, level);
        identified.assessment.reasons = found.into_iter().flat_map(|against| against.short).collect();
    }
    let entry = entry_of(&identified);
    world.library().remember(entry);
    Ok(identified)
}

fn entry_of(identified: &Identified) -> Entry {
    let known = &identified.assessment;
    let digest = |text: &str| crate::model::Digest::parse(text).unwrap_or_default();
    Entry {
        id: 0,
        kind: identified.kind,
        text: identified.text.as_str().into(),
        references: known.references.iter().map(Reference::from).collect(),
        metadata: known.metadata.as_deref().map(Into::into),
        rule_set: known.rule_set.as_deref().map(Into::into),
        guid: parse_guid(&known.guid).unwrap_or_default(),
        fp64: known.fp64,
        identity: digest(&known.identity_sha256),
        equality: digest(&known.equality_sha256),
        at: 0,
        answer: std::sync::OnceLock::new(),
    }
}

/// The live versions that a level asks about, newest first.
pub(crate) fn history(own: &Registry, name: &Name, level: Level) -> Vec<Version> {
    if level == Level::None {
        return Vec::new();
    }
    let live = own.subject(&name.subject).map(|subject| subject.live().rev().copied().collect::<Vec<_>>());
    live.unwrap_or_default()
}

/// What keeps a schema from following versions, given newest first: all of them for a transitive level, else the newest; with
/// a group, those of the same value only.
pub(crate) async fn check(
    world: &mut World<'_>,
    name: &Name,
    new: &Identified,
    versions: &[Version],
    level: Level,
) -> Result<Vec<Against>, Problem> {
    let group = new.config.group();
    let mine = group.and_then(|group| property(new.assessment.metadata.as_deref(), group));
    let mut all = Vec::new();
    for version in versions {
        let entry = world.entry(&name.context, version.id).await?;
        if group.is_some_and(|group| property(entry.metadata.as_deref(), group) != mine) {
            continue;
        }
        let old = world.model(&name.context, &entry).await?;
        let found = findings(&new.model, &old, level, new.config.policy());
        if !found.is_empty() {
            all.push(against(version.version, &entry, &found));
        }
        if !level.is_transitive() {
            break;
        }
    }
    Ok(all)
}

fn findings(new: &Model, old: &Model, level: Level, policy: crate::kinds::Policy) -> Vec<Finding> {
    let each = level.directions().iter().flat_map(|reads| match reads {
        Direction::Backward => Model::can_read(new, old, *reads, policy),
        Direction::Forward => Model::can_read(old, new, *reads, policy),
    });
    each.collect()
}

fn against(version: u32, entry: &Entry, found: &[Finding]) -> Against {
    let mut verbose: Vec<String> = found
        .iter()
        .map(|finding| {
            let Finding { kind, description, .. } = finding;
            format!("{{errorType:'{kind}', description:'{description}', additionalInfo:'{}'}}", info(finding))
        })
        .collect();
    let cut = entry.text.char_indices().nth(OLD_SCHEMA_CHARS_MAX).map_or(entry.text.len(), |(at, _)| at);
    verbose.push(format!("{{oldSchemaVersion: {version}}}"));
    verbose.push(format!("{{oldSchema: '{}'}}", &entry.text[..cut]));
    Against { short: found.iter().map(|finding| finding.short.clone()).collect(), verbose }
}

/// The short text with names of types in upper case.
fn info(finding: &Finding) -> String {
    const BETWEEN: &str = " not compatible with writer type: ";
    let parts = finding.short.strip_prefix("reader type: ").and_then(|rest| rest.split_once(BETWEEN));
    match parts {
        Some((reader, writer)) => {
            format!("reader type: {}{BETWEEN}{}", reader.to_ascii_uppercase(), writer.to_ascii_uppercase())
        }
        None => finding.short.clone(),
    }
}

/// All messages of a check in their long form; none if there is nothing to tell.
pub(crate) fn messages(found: &[Against], level: Level) -> Vec<String> {
    let mut all: Vec<String> = found.iter().flat_map(|against| against.verbose.clone()).collect();
    if !all.is_empty() {
        all.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
    }
    all
}

fn property(metadata: Option<&str>, key: &str) -> Option<String> {
    let value: Value = serde_json::from_str(metadata?).ok()?;
    value.get("properties")?.get(key)?.as_str().map(str::to_owned)
}
