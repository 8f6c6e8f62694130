//! `CreatePipeline`: a pipeline is there, and its program waits for the compiler.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use sha2::{Digest as _, Sha256};

use super::config::{ProgramConfig, RuntimeConfig};
use super::names::{check_description, check_name, check_tags};
use super::{PLATFORM_VERSION, Pipeline, Settings};
use crate::contract::{CreatePipeline, PipelineCreated, PipelineEvent, PutPipeline};
use crate::error;

/// The id of the pipeline that a command creates: by time, so that ids order pipelines by their creation (UUID version 7).
pub(crate) fn new_id(at: &DecisionContext) -> String {
    let digest = Sha256::new()
        .chain_update(at.tenant.as_str())
        .chain_update([0])
        .chain_update(&at.command_id)
        .chain_update([0])
        .chain_update(at.time.micros().to_be_bytes())
        .finalize();
    uuid_v7(at.time.micros(), &digest)
}

/// A UUID of version 7 for a moment, with chance taken from a digest of at least 10 bytes.
pub(crate) fn uuid_v7(micros: i64, digest: &[u8]) -> String {
    let mut chance = [0; 10];
    for (to, from) in chance.iter_mut().zip(digest) {
        *to = *from;
    }
    let millis = micros.div_euclid(1_000).max(0).cast_unsigned();
    uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid().to_string()
}

impl Decide<Pipeline> for CreatePipeline {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        if !state.id.is_empty() {
            return Err(error::duplicate_name(&self.name));
        }
        check_name(&self.name)?;
        check_tags(&self.tags)?;
        check_description(&self.description)?;
        let created = PipelineCreated {
            id: new_id(at),
            runtime_config: RuntimeConfig::canonical(&self.runtime_config)?,
            program_config: ProgramConfig::canonical(&self.program_config)?,
            name: self.name,
            description: self.description,
            tags: self.tags,
            program_code: self.program_code,
            udf_rust: self.udf_rust,
            udf_toml: self.udf_toml,
            runtime_secrets: self.runtime_secrets,
            program_id: self.program_id,
            program_of_version: self.program_of_version,
            platform_version: PLATFORM_VERSION.to_owned(),
            at: at.time.micros(),
        };
        Ok(vec![created.into()])
    }
}

impl From<PutPipeline> for CreatePipeline {
    fn from(put: PutPipeline) -> Self {
        let PutPipeline { pipeline: _, name, description, tags, program_code, udf_rust, udf_toml, .. } = put;
        let (runtime_config, runtime_secrets, program_config) =
            (put.runtime_config, put.runtime_secrets, put.program_config);
        Self {
            name,
            description,
            tags,
            program_code,
            udf_rust,
            udf_toml,
            runtime_config,
            runtime_secrets,
            program_config,
            program_id: None,
            program_of_version: None,
        }
    }
}

impl Evolve<Pipeline> for PipelineCreated {
    fn evolve(self, state: &mut Pipeline) {
        let settings = Settings {
            program_code: self.program_code,
            udf_rust: self.udf_rust,
            udf_toml: self.udf_toml,
            runtime_config: self.runtime_config,
            runtime_secrets: self.runtime_secrets,
            program_config: self.program_config,
        };
        *state = Pipeline {
            id: self.id,
            name: self.name,
            description: self.description,
            tags: self.tags,
            created_at: self.at,
            settings,
            program_id: self.program_id,
            program_of_version: self.program_of_version,
            platform_version: self.platform_version,
            version: 1,
            program_version: 1,
            refresh_version: 1,
            ..Pipeline::default()
        };
        state.compile_anew(self.at);
        state.deployment.resources_since = self.at;
        state.deployment.resources_desired_since = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{NOW, at, created, fold, given, nothing, refused};
    use crate::model::{ProgramStatus, StorageStatus};

    pub(crate) fn create() -> CreatePipeline {
        CreatePipeline {
            name: "p".into(),
            description: String::new(),
            tags: vec![],
            program_code: "CREATE TABLE t (a INT);".into(),
            udf_rust: String::new(),
            udf_toml: String::new(),
            runtime_config: "{}".into(),
            runtime_secrets: String::new(),
            program_config: "{}".into(),
            program_id: None,
            program_of_version: None,
        }
    }

    #[test]
    fn a_pipeline_is_created_with_its_configuration_completed() {
        let PipelineEvent::PipelineCreated(event) = created() else { unreachable!() };
        let expected = PipelineCreated { id: new_id(&at()), at: NOW, ..event };
        given::<Pipeline>(nothing()).when(create().into()).then_expect_events(vec![expected.into()]);
    }

    #[test]
    fn all_counts_begin_at_one() {
        let pipeline = fold(vec![created()]);
        assert_eq!((pipeline.version, pipeline.program_version, pipeline.refresh_version), (1, 1, 1));
        assert_eq!((pipeline.program.status, pipeline.storage), (ProgramStatus::Pending, StorageStatus::Cleared));
        assert_eq!((pipeline.deployment.status(), pipeline.deployment.desired_status()), ("Stopped", "Stopped"));
        assert!(pipeline.is_stopped() && pipeline.is_live());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let when = |command: CreatePipeline| given::<Pipeline>(nothing()).when(command.into()).inspect_result();
        for (command, code) in [
            (CreatePipeline { name: String::new(), ..create() }, "pipelines.empty_name"),
            (CreatePipeline { name: "a b".into(), ..create() }, "pipelines.name_does_not_match_pattern"),
            (CreatePipeline { tags: vec!["?".into()], ..create() }, "pipelines.invalid_tag"),
            (CreatePipeline { description: "x".repeat(301), ..create() }, "pipelines.too_long_description"),
            (
                CreatePipeline { runtime_config: r#"{"hosts":2}"#.into(), ..create() },
                "pipelines.invalid_runtime_config",
            ),
            (CreatePipeline { program_config: "7".into(), ..create() }, "pipelines.invalid_program_config"),
        ] {
            refused(when(command), 400, code);
        }
        let again = given::<Pipeline>(vec![created()]).when(create().into()).inspect_result();
        refused(again, 409, "pipelines.duplicate_name");
    }

    #[test]
    fn ids_order_pipelines_by_their_creation() {
        let id = |micros, command: &str| {
            let time = alluvium_kernel::Timestamp::from_micros(micros);
            new_id(&DecisionContext { time, command_id: command.into(), ..at() })
        };
        assert!(id(NOW, "a") < id(NOW + 1_000, "b"));
        assert_eq!(id(NOW, "a"), id(NOW, "a"));
        assert_ne!(id(NOW, "a"), id(NOW, "b"));
        assert_eq!(id(NOW, "a").as_bytes()[14], b'7');
    }
}
