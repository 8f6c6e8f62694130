//! What the compiler reports. What comes too late, for a program that is another by now, changes nothing.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde_json::json;

use super::{Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus};
use crate::contract::{
    CancelCompile, CompileFailed, CompileStarted, CompileSucceeded, PackagingStarted, PipelineEvent,
    RecordCompileFailed, RecordCompiled, RecordSqlCompiled, SqlCompiled, StartCompile, StartPackaging, Stopped,
};
use crate::error;

/// Code of the error of a deployment that waited for a program which turned out to be wrong.
const FAILED_COMPILATION: &str = "StartFailedDueToFailedCompilation";
/// What is told of a program whose compilation was cancelled.
const CANCELLED: &str =
    "The compilation was cancelled. Change the program, or let it be compiled anew by `update_runtime`.";

impl Pipeline {
    /// Whether the compiler is at this version of the program, and where it says.
    fn is_at(&self, version: i64, status: ProgramStatus) -> bool {
        self.is_live() && self.program_version == version && self.program.status == status
    }
}

impl Decide<Pipeline> for StartCompile {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { program_version, .. } = self;
        let begins = state.is_at(program_version, ProgramStatus::Pending);
        let started = CompileStarted { program_version, at: at.time.micros() };
        Ok(if begins { vec![started.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for CompileStarted {
    fn evolve(self, state: &mut Pipeline) {
        state.set_program(ProgramStatus::CompilingSql, self.at);
    }
}

impl Decide<Pipeline> for RecordSqlCompiled {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { program_version, program_info, sql_compilation, .. } = self;
        if !state.is_at(program_version, ProgramStatus::CompilingSql) {
            return Ok(vec![]);
        }
        Ok(vec![SqlCompiled { program_version, program_info, sql_compilation, at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for SqlCompiled {
    fn evolve(self, state: &mut Pipeline) {
        state.set_program(ProgramStatus::SqlCompiled, self.at);
        state.program.info = Some(self.program_info);
        state.program.sql_compilation = Some(self.sql_compilation);
        state.refresh_version += 1;
    }
}

impl Decide<Pipeline> for StartPackaging {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { program_version, .. } = self;
        let begins = state.is_at(program_version, ProgramStatus::SqlCompiled);
        let started = PackagingStarted { program_version, at: at.time.micros() };
        Ok(if begins { vec![started.into()] } else { vec![] })
    }
}

impl Evolve<Pipeline> for PackagingStarted {
    fn evolve(self, state: &mut Pipeline) {
        state.set_program(ProgramStatus::CompilingRust, self.at);
    }
}

impl Decide<Pipeline> for RecordCompiled {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { program_version, rust_compilation, .. } = self;
        if !state.is_at(program_version, ProgramStatus::CompilingRust) {
            return Ok(vec![]);
        }
        Ok(vec![CompileSucceeded { program_version, rust_compilation, at: at.time.micros() }.into()])
    }
}

impl Evolve<Pipeline> for CompileSucceeded {
    fn evolve(self, state: &mut Pipeline) {
        state.set_program(ProgramStatus::Success, self.at);
        state.program.rust_compilation = Some(self.rust_compilation);
        state.refresh_version += 1;
    }
}

impl Decide<Pipeline> for RecordCompileFailed {
    type Event = PipelineEvent;

    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        let Self { program_version, status, sql_compilation, rust_compilation, system_error, .. } = self;
        if !ProgramStatus::parse(&status).is_some_and(ProgramStatus::is_failed) {
            return Err(error::unknown_status(&status));
        }
        if !(state.is_live() && state.program_version == program_version && state.program.status.is_open()) {
            return Ok(vec![]);
        }
        let moment = at.time.micros();
        let failed =
            CompileFailed { program_version, status, sql_compilation, rust_compilation, system_error, at: moment };
        Ok(state.failed(failed))
    }
}

impl Pipeline {
    /// What follows when its program cannot run: neither can it, if it waits for that.
    fn failed(&self, failed: CompileFailed) -> Vec<PipelineEvent> {
        let at = failed.at;
        let mut events = vec![failed.into()];
        let deployment = &self.deployment;
        let waits = deployment.resources == ResourcesStatus::Stopped
            && deployment.resources_desired == ResourcesDesired::Provisioned;
        if waits {
            let message = "The pipeline could not be started: its program does not compile. Look at `program_error`.";
            let error = json!({"message": message, "error_code": FAILED_COMPILATION, "details": {}}).to_string();
            events.push(Stopped { error: Some(error), at }.into());
        }
        events
    }
}

impl Decide<Pipeline> for CancelCompile {
    type Event = PipelineEvent;

    /// Whoever compiles sees that nobody wants it any more. What is compiled already stays so.
    fn decide(self, state: &Pipeline, at: &DecisionContext) -> Result<Vec<PipelineEvent>, Problem> {
        state.named(&self.pipeline)?;
        if !state.program.status.is_open() {
            return Ok(vec![]);
        }
        Ok(state.failed(CompileFailed {
            program_version: state.program_version,
            status: ProgramStatus::SystemError.to_string(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: Some(CANCELLED.to_owned()),
            at: at.time.micros(),
        }))
    }
}

impl Evolve<Pipeline> for CompileFailed {
    fn evolve(self, state: &mut Pipeline) {
        // Whatever a newer release calls it, the program cannot run.
        let status = ProgramStatus::parse(&self.status).unwrap_or(ProgramStatus::SystemError);
        state.set_program(status, self.at);
        if self.sql_compilation.is_some() {
            state.program.sql_compilation = self.sql_compilation;
        }
        state.program.rust_compilation = self.rust_compilation;
        state.program.system_error = self.system_error;
        state.refresh_version += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{
        BEFORE, ID, NOW, compiled, created, fold, given, nothing, refused, start_requested, then,
    };

    fn failed(status: &str) -> RecordCompileFailed {
        RecordCompileFailed {
            id: ID.into(),
            program_version: 1,
            status: status.into(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: Some("disk".into()),
        }
    }

    #[test]
    fn a_program_goes_through_all_states() {
        let (id, program_version) = (ID.to_owned(), 1);
        let PipelineEvent::SqlCompiled(sql) = compiled()[2].clone() else { unreachable!() };
        let steps: [(crate::contract::PipelineCommand, PipelineEvent); 4] = [
            (
                StartCompile { id: id.clone(), program_version }.into(),
                CompileStarted { program_version, at: NOW }.into(),
            ),
            (
                RecordSqlCompiled {
                    id: id.clone(),
                    program_version,
                    program_info: sql.program_info.clone(),
                    sql_compilation: sql.sql_compilation.clone(),
                }
                .into(),
                SqlCompiled { at: NOW, ..sql }.into(),
            ),
            (
                StartPackaging { id: id.clone(), program_version }.into(),
                PackagingStarted { program_version, at: NOW }.into(),
            ),
            (
                RecordCompiled { id, program_version, rust_compilation: "{}".into() }.into(),
                CompileSucceeded { program_version, rust_compilation: "{}".into(), at: NOW }.into(),
            ),
        ];
        for (n, (command, event)) in steps.into_iter().enumerate() {
            let before = compiled()[..=n].to_vec();
            given::<Pipeline>(before).when(command.clone()).then_expect_events(vec![event]);
            // Where it is already, or not yet.
            given::<Pipeline>(compiled()[..=n + 1].to_vec()).when(command.clone()).then_expect_events(nothing());
            given::<Pipeline>(nothing()).when(command).then_expect_events(nothing());
        }
    }

    #[test]
    fn what_is_of_another_version_changes_nothing() {
        let stale = StartCompile { id: ID.into(), program_version: 2 }.into();
        given::<Pipeline>(vec![created()]).when(stale).then_expect_events(nothing());
        let stale = RecordCompileFailed { program_version: 2, ..failed("SqlError") }.into();
        given::<Pipeline>(vec![created()]).when(stale).then_expect_events(nothing());
        given::<Pipeline>(compiled()).when(failed("SqlError").into()).then_expect_events(nothing());
    }

    #[test]
    fn a_failure_is_kept_and_ends_an_early_start() {
        for status in ["SqlError", "RustError", "SystemError"] {
            let event = CompileFailed {
                program_version: 1,
                status: status.into(),
                sql_compilation: None,
                rust_compilation: None,
                system_error: Some("disk".into()),
                at: NOW,
            };
            let before = compiled()[..2].to_vec();
            given::<Pipeline>(before.clone()).when(failed(status).into()).then_expect_events(vec![event.into()]);
            let waiting = then(before, vec![start_requested()]);
            let result = given::<Pipeline>(waiting.clone()).when(failed(status).into()).inspect_result().unwrap();
            assert_eq!(result.len(), 2);
            let after = fold(then(waiting, result));
            assert!(after.is_stopped() && after.program.status.is_failed());
            assert!(after.deployment.error.unwrap().contains("StartFailedDueToFailedCompilation"));
            assert_eq!(after.deployment.initial, None);
        }
        let wrong = given::<Pipeline>(vec![created()]).when(failed("Success").into()).inspect_result();
        refused(wrong, 422, "pipelines.unknown_status");
    }

    #[test]
    fn the_refresh_count_follows_results_and_not_beginnings() {
        let counts: Vec<i64> = (1..=5).map(|n| fold(compiled()[..n].to_vec()).refresh_version).collect();
        assert_eq!(counts, [1, 1, 2, 2, 3]);
        let pipeline = fold(compiled());
        assert_eq!((pipeline.program.status, pipeline.program.since), (ProgramStatus::Success, BEFORE));
        assert!(pipeline.program.info.is_some() && pipeline.program.sql_compilation.is_some());
    }

    #[test]
    fn what_is_compiled_now_can_be_cancelled() {
        let cancel = || -> crate::contract::PipelineCommand { CancelCompile { pipeline: "p".into() }.into() };
        let failed: PipelineEvent = CompileFailed {
            program_version: 1,
            status: "SystemError".into(),
            sql_compilation: None,
            rust_compilation: None,
            system_error: Some(CANCELLED.into()),
            at: NOW,
        }
        .into();
        for before in [vec![created()], compiled()[..2].to_vec(), compiled()[..3].to_vec(), compiled()[..4].to_vec()] {
            given::<Pipeline>(before).when(cancel()).then_expect_events(vec![failed.clone()]);
        }
        given::<Pipeline>(compiled()).when(cancel()).then_expect_events(nothing());
        given::<Pipeline>(vec![created(), failed]).when(cancel()).then_expect_events(nothing());
        let early = given::<Pipeline>(vec![created(), start_requested()]).when(cancel()).inspect_result().unwrap();
        assert!(matches!(&early[..], [PipelineEvent::CompileFailed(_), PipelineEvent::Stopped(_)]), "{early:?}");
        refused(given::<Pipeline>(vec![]).when(cancel()).inspect_result(), 404, "pipelines.unknown_pipeline_name");
    }
}
