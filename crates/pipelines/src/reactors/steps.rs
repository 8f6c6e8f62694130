//! How each thing that is due is done.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use alluvium_eventlog::CommandRequest;
use alluvium_kernel::{Actor, Position, Problem, Verdict};
use alluvium_messaging::ContractSet as _;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::due::Step;
use super::{CompileOutcome, Deployed, DeploymentError, Driver, Place, Source, Understood};
use crate::contract::{
    Command, FailDeployment, ObserveRuntime, PipelineCommand, RecordCompileFailed, RecordCompiled, RecordProvisioned,
    RecordSqlCompiled, RecordStopped, RecordStorageCleared, StartCompile, StartPackaging, StartProvisioning,
    StartStopping,
};
use crate::model::config::{Model, RuntimeConfig, merge};
use crate::model::{BootstrapPolicy, Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus, RuntimeStatus};
use crate::queries::sealed_fields;

/// How long an outcome is waited for, in seconds.
const OUTCOME_WAIT_SECONDS: u64 = 30;
/// How long making room may take where nobody says, in seconds.
const PROVISIONING_SECONDS_DEFAULT: u64 = 20;
/// The longest that somebody may say, in seconds.
const PROVISIONING_SECONDS_MAX: u64 = 86_400;
/// How often somebody who makes room or compiles looks whether that is still wanted, in milliseconds.
const WANTED_LOOK_MS: u64 = 50;
/// At most this often changes of details are noted, in seconds.
const DETAILS_EVERY_SECONDS: u64 = 10;
/// Pause after something could not be done, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// The role under which this context acts by itself.
const ROLE: &str = "pipelines";

impl Driver {
    /// Does what is due with a pipeline. What cannot be done now is due again. Whether there was more to do than to look.
    pub(super) async fn take(&self, step: Step, place: &Place, pipeline: &Pipeline) -> bool {
        let done = match step {
            Step::Compile => self.compile(place, pipeline).await.map(|()| true),
            Step::Begin => self.send(place, StartProvisioning { id: pipeline.id.clone() }).await.map(|()| true),
            Step::Provision => self.provision(place, pipeline).await.map(|()| true),
            Step::Attend => self.attend(place, pipeline).await,
            Step::Stop => self.stop(place, pipeline).await.map(|()| true),
            Step::Clear => self.clear(place, pipeline).await.map(|()| true),
        };
        match done {
            Ok(did) => did,
            Err(problem) => {
                tracing::warn!(pipeline.id = pipeline.id, ?step, %problem, "what is due with a pipeline waits");
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
                true
            }
        }
    }

    async fn compile(&self, place: &Place, pipeline: &Pipeline) -> Result<(), Problem> {
        let (id, program_version) = (pipeline.id.clone(), pipeline.program_version);
        let _place = self.compiling.acquire().await.map_err(|_| Problem::internal())?;
        self.send(place, StartCompile { id: id.clone(), program_version }).await?;
        let source = self.opened(place, pipeline).await?.0;
        let began = Instant::now();
        let outcome = tokio::select! {
            outcome = self.parts.compiler.compile(&source) => outcome,
            // It is cancelled, or another by now.
            () = self.uncompiled(place, program_version) => return Ok(()),
        };
        let duration_ms = began.elapsed().as_millis() as u64;
        tracing::info!(pipeline.id = id, program_version, duration_ms, "a program was compiled");
        let failed = |status: ProgramStatus| RecordCompileFailed {
            id: id.clone(),
            program_version,
            status: status.to_string(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: None,
        };
        let system_error =
            |message: String| RecordCompileFailed { system_error: Some(message), ..failed(ProgramStatus::SystemError) };
        let done = match outcome {
            CompileOutcome::SystemError(message) => self.send(place, system_error(message)).await,
            CompileOutcome::SqlError(sql) => {
                let sql_compilation = Some(text(&sql));
                self.send(place, RecordCompileFailed { sql_compilation, ..failed(ProgramStatus::SqlError) }).await
            }
            CompileOutcome::PackagingError(understood, packaging) => {
                self.packaging(place, pipeline, &understood).await?;
                let rust_compilation = Some(text(&packaging));
                self.send(place, RecordCompileFailed { rust_compilation, ..failed(ProgramStatus::RustError) }).await
            }
            CompileOutcome::Compiled(understood, packaging) => {
                self.packaging(place, pipeline, &understood).await?;
                let (id, rust_compilation) = (id.clone(), text(&packaging));
                self.send(place, RecordCompiled { id, program_version, rust_compilation }).await
            }
        };
        match done {
            // What cannot be told, because it is too long, would be compiled for ever.
            Err(problem) if !problem.is_transient() => self.send(place, system_error(problem.detail)).await,
            done => done,
        }
    }

    /// The SQL is understood; what follows is packaging.
    async fn packaging(&self, place: &Place, pipeline: &Pipeline, understood: &Understood) -> Result<(), Problem> {
        let (id, program_version) = (pipeline.id.clone(), pipeline.program_version);
        let record = RecordSqlCompiled {
            id: id.clone(),
            program_version,
            program_info: understood.program_info.to_string(),
            sql_compilation: text(&understood.sql),
        };
        self.send(place, record).await?;
        self.send(place, StartPackaging { id, program_version }).await
    }

    async fn provision(&self, place: &Place, pipeline: &Pipeline) -> Result<(), Problem> {
        let Some(deployment_id) = pipeline.deployment.id.clone() else { return Err(Problem::internal()) };
        let deployed = self.deployed(place, pipeline, false).await?;
        let config = RuntimeConfig::parse(&pipeline.settings.runtime_config)?;
        let seconds = config.provisioning_timeout_secs.unwrap_or(PROVISIONING_SECONDS_DEFAULT);
        let seconds = seconds.min(PROVISIONING_SECONDS_MAX);
        let made = tokio::time::timeout(Duration::from_secs(seconds), self.parts.runner.provision(&deployed));
        let made = tokio::select! {
            made = made => made,
            // What follows is due then.
            () = self.unwanted(place) => return Ok(()),
        };
        let id = pipeline.id.clone();
        match made {
            Ok(Ok(())) => self.send(place, RecordProvisioned { id, deployment_id }).await,
            Ok(Err(error)) => self.fail(place, pipeline, &error).await,
            Err(_) => {
                let message = format!("The pipeline had no room to run in after {seconds} s.");
                self.fail(place, pipeline, &DeploymentError::new("ProvisioningTimeout", message)).await
            }
        }
    }

    /// Ends when nobody wants the pipeline to run any more.
    async fn unwanted(&self, place: &Place) {
        loop {
            let known = self.parts.pipelines.known().get(place);
            let desired = known.map_or(ResourcesDesired::Stopped, |now| now.deployment.resources_desired);
            if desired == ResourcesDesired::Stopped {
                return;
            }
            tokio::time::sleep(Duration::from_millis(WANTED_LOOK_MS)).await;
        }
    }

    /// Ends when nobody waits for this version of a program any more.
    async fn uncompiled(&self, place: &Place, program_version: i64) {
        loop {
            let known = self.parts.pipelines.known().get(place);
            let waits = |now: &Pipeline| now.program_version == program_version && now.program.status.is_open();
            if !known.is_some_and(|now| waits(&now)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(WANTED_LOOK_MS)).await;
        }
    }

    /// Looks at one that runs; whether there was more to do.
    async fn attend(&self, place: &Place, pipeline: &Pipeline) -> Result<bool, Problem> {
        let (runner, deployment) = (&self.parts.runner, &pipeline.deployment);
        let Some(seen) = runner.observe(place) else {
            // It ran in a process that ended.
            let deployed = self.deployed(place, pipeline, true).await?;
            return match runner.provision(&deployed).await {
                Ok(()) => Ok(true),
                Err(error) => self.fail(place, pipeline, &error).await.map(|()| true),
            };
        };
        if let Some(failure) = seen.failure {
            return self.fail(place, pipeline, &failure).await.map(|()| true);
        }
        let details = seen.details.as_ref().map(Value::to_string);
        let is_new = deployment.runtime != Some(seen.status);
        let is_noted = is_new || deployment.runtime_details != details && self.may_note(place);
        if is_noted {
            let (id, deployment_id) = (pipeline.id.clone(), deployment.id.clone().unwrap_or_default());
            let status = seen.status.to_string();
            self.send(place, ObserveRuntime { id, deployment_id, status, details }).await?;
        }
        let told = match (deployment.approved, deployment.runtime_desired) {
            (Some((silent, concurrent)), _) if seen.status == RuntimeStatus::AwaitingApproval => {
                runner.approve(place, silent, concurrent).await
            }
            (_, Some(desired)) if desired != seen.desired => runner.desire(place, desired).await,
            _ => Ok(()),
        };
        if let Err(error) = told {
            self.fail(place, pipeline, &error).await?;
        }
        Ok(is_noted)
    }

    /// Whether enough time has passed since details were noted; it is noted that they are now.
    fn may_note(&self, place: &Place) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let every = Duration::from_secs(DETAILS_EVERY_SECONDS);
        let may = noted.get(place).is_none_or(|at| at.elapsed() >= every);
        if may {
            noted.insert(place.clone(), Instant::now());
        }
        may
    }

    async fn stop(&self, place: &Place, pipeline: &Pipeline) -> Result<(), Problem> {
        if pipeline.deployment.resources != ResourcesStatus::Stopping {
            self.send(place, StartStopping { id: pipeline.id.clone() }).await?;
        }
        self.parts.runner.take_down(place, forgets(pipeline)).await;
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
        self.send(place, RecordStopped { id: pipeline.id.clone() }).await
    }

    async fn clear(&self, place: &Place, pipeline: &Pipeline) -> Result<(), Problem> {
        if let Err(error) = self.parts.runner.clear(place).await {
            return Err(Problem::unavailable("pipelines.unavailable", error.to_string()));
        }
        self.send(place, RecordStorageCleared { id: pipeline.id.clone() }).await
    }

    async fn fail(&self, place: &Place, pipeline: &Pipeline, error: &DeploymentError) -> Result<(), Problem> {
        tracing::warn!(pipeline.id = pipeline.id, %error, "a pipeline cannot go on");
        let (id, deployment_id) = (pipeline.id.clone(), pipeline.deployment.id.clone().unwrap_or_default());
        self.send(place, FailDeployment { id, deployment_id, error: error.text() }).await
    }

    async fn deployed(&self, place: &Place, pipeline: &Pipeline, is_again: bool) -> Result<Deployed, Problem> {
        let (source, runtime_config) = self.opened(place, pipeline).await?;
        let deployment = &pipeline.deployment;
        let initial = deployment.initial.unwrap_or_default().desired();
        Ok(Deployed {
            place: place.clone(),
            name: pipeline.name.clone(),
            deployment_id: deployment.id.clone().unwrap_or_default(),
            source,
            runtime_config,
            desired: deployment.runtime_desired.unwrap_or(initial),
            bootstrap_policy: deployment.bootstrap_policy.unwrap_or(BootstrapPolicy::AwaitApproval),
            silent_bootstrap: deployment.silent_bootstrap.unwrap_or_default(),
            concurrent_bootstrap: deployment.concurrent_bootstrap.unwrap_or_default(),
            is_again,
        })
    }

    /// The program and how it runs, in clear.
    async fn opened(&self, place: &Place, pipeline: &Pipeline) -> Result<(Source, Value), Problem> {
        let mut pipeline = pipeline.clone();
        self.parts.client.seals().open(&place.tenant, sealed_fields(&mut pipeline)).await?;
        let settings = &pipeline.settings;
        let mut runtime_config = serde_json::from_str(&settings.runtime_config).unwrap_or_default();
        merge(&mut runtime_config, &settings.runtime_secrets);
        Ok((Source::of(&place.tenant, &pipeline)?, runtime_config))
    }

    /// Sends a report and waits until it is known here, so that what is due next is seen on what it changed.
    async fn send(&self, place: &Place, command: impl Into<PipelineCommand>) -> Result<(), Problem> {
        let command = Command::Pipeline(command.into());
        let request = CommandRequest {
            tenant: place.tenant.clone(),
            context: "pipelines".to_owned(),
            command: command.name().to_owned(),
            // Each report is a new one: what it says is known already, or comes too late, changes nothing.
            command_id: format!("pipelines-{}", Uuid::new_v4()),
            actor: Actor::System(ROLE.to_owned()),
            payload: command.to_avro().into(),
            trace_parent: None,
        };
        let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS);
        let position: Position = match self.parts.client.send(&request, wait).await?.verdict {
            Verdict::Accepted { position, .. } => position,
            Verdict::Rejected { problem } => return Err(problem),
        };
        self.parts.pipelines.wait(&position, wait).await
    }
}

/// Whether it begins anew after it was stopped: somebody said that it should stop at once, and nothing was promised to be kept. A
/// failure ends a pipeline at once, too, and takes nothing away.
fn forgets(pipeline: &Pipeline) -> bool {
    let deployment = &pipeline.deployment;
    let promised = RuntimeConfig::parse(&pipeline.settings.runtime_config).map(|config| config.fault_tolerance.model);
    deployment.is_forced && deployment.error.is_none() && promised.is_ok_and(|model| model == Model::None)
}

/// What the compiler says, as the log has it.
fn text(said: &impl Serialize) -> String {
    serde_json::to_string(said).unwrap_or_default()
}
