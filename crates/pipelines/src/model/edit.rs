//! `EditPipeline`, `PutPipeline` and `UpdateRuntime`: a pipeline becomes another.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::config::{ProgramConfig, RuntimeConfig};
use super::names::{check_description, check_name, check_tags};
use super::{PLATFORM_VERSION, Pipeline, Settings, StorageStatus};
use crate::contract::{
    EditPipeline, MetadataEdited, PipelineEdited, PipelineEvent, PlatformVersionSet, PutPipeline, RuntimeUpdated,
    SetPlatformVersion, UpdateRuntime,
};
use crate::error;

/// Length of a version of the platform, in characters.
const PLATFORM_VERSION_CHARS_MAX: usize = 50;

/// What a pipeline is asked to be; none stays as it is.
struct Wanted {
    name: Option<String>,
    description: Option<String>,
    tags: Option<Vec<String>>,
    change: Settings,
    is_given: [bool; 6],
    platform_version: Option<String>,
}

/// `new` where it differs from what is there.
fn changed(new: Option<String>, old: &str) -> Option<String> {
    new.filter(|new| new != old)
}

impl Wanted {
    /// The edit that makes a pipeline so, with metadata and everything else told apart.
    fn events(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let (mut events, moment) = (Vec::new(), at.time.micros());
        let edited = self.edited(state, moment)?;
        if let Some(edited) = edited {
            check_stopped(state)?;
            check_frozen(state, &edited)?;
            events.push(edited.into());
        }
        let description = self.description.filter(|new| *new != state.description);
        let tags = self.tags.filter(|new| *new != state.tags);
        if description.is_some() || tags.is_some() {
            description.as_deref().map_or(Ok(()), check_description)?;
            tags.as_deref().map_or(Ok(()), check_tags)?;
            let description = description.unwrap_or_else(|| state.description.clone());
            let tags = tags.unwrap_or_else(|| state.tags.clone());
            events.push(MetadataEdited { description, tags, at: moment }.into());
        }
        Ok(events)
    }

    fn edited(&self, state: &Pipeline, at: i64) -> Result<Option<PipelineEdited>, Problem> {
        let old = &state.settings;
        let [code, rust, toml, runtime, secrets, program] = self.is_given;
        let given = |is_given: bool, text: &String| is_given.then(|| text.clone());
        let runtime = runtime.then(|| RuntimeConfig::canonical(&self.change.runtime_config)).transpose()?;
        let program = program.then(|| ProgramConfig::canonical(&self.change.program_config)).transpose()?;
        let name = changed(self.name.clone(), &state.name);
        name.as_deref().map_or(Ok(()), check_name)?;
        let edited = PipelineEdited {
            name,
            program_code: changed(given(code, &self.change.program_code), &old.program_code),
            udf_rust: changed(given(rust, &self.change.udf_rust), &old.udf_rust),
            udf_toml: changed(given(toml, &self.change.udf_toml), &old.udf_toml),
            runtime_config: changed(runtime, &old.runtime_config),
            runtime_secrets: changed(given(secrets, &self.change.runtime_secrets), &old.runtime_secrets),
            program_config: changed(program, &old.program_config),
            platform_version: changed(self.platform_version.clone(), &state.platform_version),
            at,
        };
        let nothing = PipelineEdited {
            name: None,
            program_code: None,
            udf_rust: None,
            udf_toml: None,
            runtime_config: None,
            runtime_secrets: None,
            program_config: None,
            platform_version: None,
            at,
        };
        Ok((edited != nothing).then_some(edited))
    }
}

fn check_stopped(state: &Pipeline) -> Result<(), Problem> {
    if state.is_stopped() { Ok(()) } else { Err(error::update_restricted_to_stopped()) }
}

/// Refuses changes of what must stay as it is while something is kept.
fn check_frozen(state: &Pipeline, edited: &PipelineEdited) -> Result<(), Problem> {
    if state.storage == StorageStatus::Cleared {
        return Ok(());
    }
    let mut not_allowed = Vec::new();
    if edited.name.is_some() {
        not_allowed.push("name");
    }
    if let Some(new) = &edited.runtime_config {
        let (old, new) = (RuntimeConfig::parse(&state.settings.runtime_config)?, RuntimeConfig::parse(new)?);
        let differ = old.frozen().into_iter().zip(new.frozen()).filter(|(old, new)| old != new);
        not_allowed.extend(differ.map(|((path, _), _)| path));
    }
    if not_allowed.is_empty() { Ok(()) } else { Err(error::edit_restricted_to_cleared_storage(&not_allowed)) }
}

impl Decide<Pipeline> for EditPipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?.at_version(&self.if_versions)?;
        let is_given = [
            self.program_code.is_some(),
            self.udf_rust.is_some(),
            self.udf_toml.is_some(),
            self.runtime_config.is_some(),
            self.runtime_secrets.is_some(),
            self.program_config.is_some(),
        ];
        let change = Settings {
            program_code: self.program_code.unwrap_or_default(),
            udf_rust: self.udf_rust.unwrap_or_default(),
            udf_toml: self.udf_toml.unwrap_or_default(),
            runtime_config: self.runtime_config.unwrap_or_default(),
            runtime_secrets: self.runtime_secrets.unwrap_or_default(),
            program_config: self.program_config.unwrap_or_default(),
        };
        let (name, description, tags) = (self.name, self.description, self.tags);
        Wanted { name, description, tags, change, is_given, platform_version: None }.events(state, at)
    }
}

impl Decide<Pipeline> for PutPipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?.at_version(&self.if_versions)?;
        let change = Settings {
            program_code: self.program_code,
            udf_rust: self.udf_rust,
            udf_toml: self.udf_toml,
            runtime_config: self.runtime_config,
            runtime_secrets: self.runtime_secrets,
            program_config: self.program_config,
        };
        let (name, description, tags) = (Some(self.name), Some(self.description), Some(self.tags));
        let platform_version = Some(PLATFORM_VERSION.to_owned());
        Wanted { name, description, tags, change, is_given: [true; 6], platform_version }.events(state, at)
    }
}

impl Evolve<Pipeline> for MetadataEdited {
    fn evolve(self, state: &mut Pipeline) {
        state.description = self.description;
        state.tags = self.tags;
    }
}

impl Evolve<Pipeline> for PipelineEdited {
    fn evolve(self, state: &mut Pipeline) {
        state.version += 1;
        state.refresh_version += 1;
        let programs = [&self.program_code, &self.udf_rust, &self.udf_toml, &self.program_config];
        let is_program = programs.into_iter().any(Option::is_some);
        if is_program {
            state.program_version += 1;
        }
        if is_program || self.platform_version.is_some() {
            state.compile_anew(self.at);
        }
        let settings = &mut state.settings;
        for (place, new) in [
            (&mut state.name, self.name),
            (&mut state.platform_version, self.platform_version),
            (&mut settings.program_code, self.program_code),
            (&mut settings.udf_rust, self.udf_rust),
            (&mut settings.udf_toml, self.udf_toml),
            (&mut settings.runtime_config, self.runtime_config),
            (&mut settings.runtime_secrets, self.runtime_secrets),
            (&mut settings.program_config, self.program_config),
        ] {
            if let Some(new) = new {
                *place = new;
            }
        }
    }
}

impl Decide<Pipeline> for UpdateRuntime {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        if state.platform_version == PLATFORM_VERSION {
            return Ok(vec![]);
        }
        check_stopped(state)?;
        Ok(vec![RuntimeUpdated { platform_version: PLATFORM_VERSION.to_owned(), at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for RuntimeUpdated {
    fn evolve(self, state: &mut Pipeline) {
        state.platform_version = self.platform_version;
        state.refresh_version += 1;
        state.compile_anew(self.at);
    }
}

impl Decide<Pipeline> for SetPlatformVersion {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        if !(1..=PLATFORM_VERSION_CHARS_MAX).contains(&self.platform_version.chars().count()) {
            let reason = format!("`set_platform_version` takes 1 to {PLATFORM_VERSION_CHARS_MAX} characters.");
            return Err(error::invalid_param(&reason));
        }
        if state.platform_version == self.platform_version {
            return Ok(vec![]);
        }
        check_stopped(state)?;
        Ok(vec![PlatformVersionSet { platform_version: self.platform_version, at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for PlatformVersionSet {
    fn evolve(self, state: &mut Pipeline) {
        state.platform_version = self.platform_version;
    }
}

/// The name that events give a pipeline, where they give it another.
pub(crate) fn renamed(events: &[PipelineEvent]) -> Option<&str> {
    events.iter().find_map(|event| match event {
        PipelineEvent::PipelineEdited(edited) => edited.name.as_deref(),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
