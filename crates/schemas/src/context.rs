//! How commands of this context are decided.

use std::sync::Arc;

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, DecisionContext, Shown, Unit};
use alluvium_kernel::{Access, Problem, Requirement, Token};
use serde_json::{Value, json};

use crate::assess::{How, Scope, Settings, assess};
use crate::contract::{
    Command, ImportSchemas, NoteReference, RegisterSchema, RegistryCommand, RegistryEvent, ReleaseReference,
};
use crate::error;
use crate::index::STREAM;
use crate::library::Library;
use crate::model::{Registry, effective};
use crate::subject::{GLOBAL_CONTEXT, Name, aggregate_id};
use crate::world::World;

/// For admins.
impl Shown for Registry {}

/// The context of schemas, for the executor.
pub struct SchemasContext {
    library: Arc<Library>,
    settings: Settings,
}

impl SchemasContext {
    /// Over texts, with the settings of the installation.
    pub fn new(library: Arc<Library>, settings: Settings) -> Self {
        Self { library, settings }
    }
}

impl BoundedContext for SchemasContext {
    const NAME: &'static str = "schemas";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] = &[AggregateType::of::<Registry>()];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        let Command::Registry(registry) = command;
        match requirement(registry) {
            Some(_) if self.settings.open => Requirement::Authenticated,
            Some(needed) => needed,
            None => command.requirement(),
        }
    }

    /// One for all contexts of a tenant: a schema may refer to others of any context.
    async fn group(&self, _: &Token, _: &Command) -> String {
        "registry".to_owned()
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        let Command::Registry(command) = command;
        let id = aggregate_id(command.context())?;
        if !crate::subject::is_context(command.context()) {
            return Err(error::invalid_subject(&format!(":{}:", command.context())));
        }
        match command {
            RegistryCommand::RegisterSchema(register) => self.register(register, &id, at, unit).await,
            RegistryCommand::ImportSchemas(import) => self.import(import, &id, at, unit).await,
            RegistryCommand::NoteReference(_)
            | RegistryCommand::ReleaseReference(_)
            | RegistryCommand::DeleteContext(_) => {
                unit.handle::<Registry>(&id, command.clone(), at).await?;
                Ok(Decision::default())
            }
            RegistryCommand::DeleteVersion(_) | RegistryCommand::DeleteSubject(_) => {
                self.writable(command, unit).await?;
                let events = unit.handle::<Registry>(&id, command.clone(), at).await?;
                release(command.context(), &id, &events, at, unit).await?;
                Ok(Decision::accepted(deleted(&events)))
            }
            RegistryCommand::SetConfig(_) | RegistryCommand::ClearConfig(_) => {
                self.writable(command, unit).await?;
                let scope = command.scope().unwrap_or_default();
                let before = unit.load::<Registry>(&id).await?.config_of(scope).cloned();
                unit.handle::<Registry>(&id, command.clone(), at).await?;
                let own = unit.load::<Registry>(&id).await?.clone();
                let global = unit.load::<Registry>(&aggregate_id(GLOBAL_CONTEXT)?).await?;
                let now = effective(Some(&own), Some(global), scope, self.settings.default_level);
                Ok(Decision::accepted(json!({"before": before, "own": own.config_of(scope), "effective": now})))
            }
            RegistryCommand::SetMode(_) | RegistryCommand::ClearMode(_) => {
                if !self.settings.mode_changes {
                    return Err(error::not_permitted("Mode changes are not allowed"));
                }
                check_scope(command)?;
                let before = unit.load::<Registry>(&id).await?.mode_of(command.scope().unwrap_or_default());
                let events = unit.handle::<Registry>(&id, command.clone(), at).await?;
                release(command.context(), &id, &events, at, unit).await?;
                Ok(Decision::accepted(json!({"before": before})))
            }
        }
    }
}

/// What a command of people needs; none for those of the platform itself, whose contracts say it.
fn requirement(command: &RegistryCommand) -> Option<Requirement> {
    use RegistryCommand as C;
    let subject =
        |name: &str, access| Requirement::SchemaSubject(Name::of(command.context(), name).qualified(), access);
    // The settings of a subject are the rules that its writers are held to.
    let scope = |name: &str| {
        if name.is_empty() { Requirement::SchemaConfig(Access::Write) } else { subject(name, Access::Admin) }
    };
    let lasting = |permanent: bool| if permanent { Access::Admin } else { Access::Write };
    Some(match command {
        C::RegisterSchema(register) => {
            // Leaving the rules aside is for admins.
            let own = subject(&register.schema.subject, lasting(register.force));
            let references = register.schema.references.iter().map(|reference| {
                let name = Name::parse(&reference.subject, &register.context);
                Requirement::SchemaSubject(name.qualified(), Access::Read)
            });
            Requirement::Every(std::iter::once(own).chain(references).collect())
        }
        C::ImportSchemas(_) => Requirement::Admin,
        C::DeleteVersion(delete) => subject(&delete.subject, lasting(delete.permanent)),
        C::DeleteSubject(delete) => subject(&delete.subject, lasting(delete.permanent)),
        C::SetConfig(set) => scope(&set.scope),
        C::ClearConfig(clear) => scope(&clear.scope),
        C::SetMode(set) if set.force && set.scope.is_empty() => Requirement::Admin,
        C::SetMode(set) => scope(&set.scope),
        C::ClearMode(clear) => scope(&clear.scope),
        C::DeleteContext(_) => Requirement::SchemaConfig(Access::Write),
        C::NoteReference(_) | C::ReleaseReference(_) => return None,
    })
}

impl SchemasContext {
    async fn register(
        &self,
        register: &RegisterSchema,
        id: &Token,
        at: &DecisionContext,
        unit: &mut Unit,
    ) -> Result<Decision, Problem> {
        let name = Name::of(&register.context, &register.schema.subject);
        let RegisterSchema { normalize, force, any_default, .. } = *register;
        let how = How { normalize, force, strict: true, any_default };
        let mut world = World::deciding(&self.library, unit);
        let identified = assess(&mut world, &name, &register.schema, how, self.settings).await;
        let identified = identified.map_err(crate::assess::Refused::registering)?;
        let known = identified.assessment.clone();
        let mut command = register.clone();
        identified.kind.as_str().clone_into(&mut command.schema.r#type);
        command.schema.assessment = Some(identified.assessment);
        let handled = unit.handle::<Registry>(id, RegistryCommand::RegisterSchema(command), at).await;
        let events = handled.map_err(|error| subject_of_refusal(Problem::from(error), &name))?;
        note(&register.context, &events, &identified.gathered.foreign, at, unit).await?;
        release(&register.context, id, &events, at, unit).await?;
        let new = events.iter().find_map(|event| match event {
            RegistryEvent::SchemaRegistered(registered) => {
                Some(json!({"id": registered.id, "version": registered.version}))
            }
            _ => None,
        });
        if let Some(new) = new {
            return Ok(Decision::accepted(new));
        }
        let registry = unit.load::<Registry>(id).await?;
        let found = registry.matching(&register.schema.subject, false, &known);
        let found = found.ok_or_else(|| error::mistake("a registered schema is not there"))?;
        Ok(Decision::accepted(json!({"id": found.id, "version": found.version})))
    }

    async fn import(
        &self,
        import: &ImportSchemas,
        id: &Token,
        at: &DecisionContext,
        unit: &mut Unit,
    ) -> Result<Decision, Problem> {
        let mut ids = Vec::new();
        for schema in &import.schemas {
            let register = RegisterSchema {
                context: import.context.clone(),
                schema: schema.clone(),
                normalize: false,
                force: false,
                keep_deleted: true,
                any_default: false,
            };
            let decided = self.register(&register, id, at, unit).await?;
            ids.push(decided.result["id"].clone());
        }
        Ok(Decision::accepted(json!({"ids": ids})))
    }

    /// Refuses when the mode of what a command is about does.
    async fn writable(&self, command: &RegistryCommand, unit: &mut Unit) -> Result<(), Problem> {
        check_scope(command)?;
        let subject = command.subject().or(command.scope()).unwrap_or_default();
        let name = Name::of(command.context(), subject);
        let scope = Scope::of(&mut World::deciding(&self.library, unit), &name, self.settings).await?;
        if scope.mode.is_readonly() {
            return Err(error::not_permitted(format!("Subject {} is in read-only mode", name.qualified())));
        }
        Ok(())
    }
}

/// Settings may be made for whatever could be a subject or context.
fn check_scope(command: &RegistryCommand) -> Result<(), Problem> {
    match command.scope() {
        Some(scope) => Name::of(command.context(), scope).check_scope(),
        None => Ok(()),
    }
}

/// The aggregate knows subjects by their names within the context; people read them qualified.
fn subject_of_refusal(mut problem: Problem, name: &Name) -> Problem {
    if problem.code == "schemas.incompatible" {
        let (plain, qualified) = (format!("subject \"{}\"", name.subject), format!("subject \"{}\"", name.qualified()));
        problem.detail = problem.detail.replacen(&plain, &qualified, 1);
    }
    problem
}

/// Tells other contexts that a new schema refers to them.
async fn note(
    context: &str,
    events: &[RegistryEvent],
    foreign: &[(Name, u32)],
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let registered = events.iter().find_map(|event| match event {
        RegistryEvent::SchemaRegistered(registered) => Some(registered.id),
        _ => None,
    });
    let Some(by_id) = registered else { return Ok(()) };
    for (name, version) in foreign {
        let command = NoteReference {
            context: name.context.clone(),
            subject: name.subject.clone(),
            version: version.cast_signed(),
            by_context: context.to_owned(),
            by_id,
        };
        let id = aggregate_id(&name.context)?;
        unit.handle::<Registry>(&id, RegistryCommand::NoteReference(command), at).await?;
    }
    Ok(())
}

/// Tells other contexts that contents which referred to them are gone: those whose last version the events took away.
async fn release(
    context: &str,
    id: &Token,
    events: &[RegistryEvent],
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let purges =
        |event: &RegistryEvent| matches!(event, RegistryEvent::VersionPurged(_) | RegistryEvent::SubjectPurged(_));
    if !events.iter().any(purges) {
        return Ok(());
    }
    let registry = unit.load::<Registry>(id).await?.clone();
    for (by_id, reference) in registry.unused_foreign() {
        let name = Name::parse(&reference.subject, context);
        let command = ReleaseReference {
            context: name.context.clone(),
            subject: name.subject,
            version: reference.version.cast_signed(),
            by_context: context.to_owned(),
            by_id: by_id.cast_signed(),
        };
        let id = aggregate_id(&name.context)?;
        unit.handle::<Registry>(&id, RegistryCommand::ReleaseReference(command), at).await?;
    }
    Ok(())
}

/// The numbers of what was deleted.
fn deleted(events: &[RegistryEvent]) -> Value {
    match events.first() {
        Some(RegistryEvent::VersionSoftDeleted(event)) => json!({"version": event.version}),
        Some(RegistryEvent::VersionPurged(event)) => json!({"version": event.version}),
        Some(RegistryEvent::SubjectSoftDeleted(event)) => json!({"versions": event.versions}),
        Some(RegistryEvent::SubjectPurged(event)) => json!({"versions": event.versions}),
        _ => Value::Null,
    }
}
