//! The five stages that the older form of this surface shows, out of what happened to a pipeline.

use serde::Serialize;
use utoipa::ToSchema;

use super::moment;
use crate::model::{ProgramStatus, ResourcesStatus};

/// A stage of a program on its way to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Stage {
    /// `sql_parsing`, `dbsp_generation`, `rust_compilation`, `binary_packaging` or `deployment`.
    name: &'static str,
    /// When it began.
    start: Option<String>,
    /// When it ended.
    end: Option<String>,
    /// `pending`, `running`, `success` or `error`.
    outcome: &'static str,
    /// What went wrong.
    message: Option<String>,
}

/// How a pipeline was from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The moment.
    pub at: i64,
    /// How far the compiler was.
    pub program: ProgramStatus,
    /// Whether it had room.
    pub resources: ResourcesStatus,
}

/// From when to when something was so, and whether it ended well.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: Option<i64>,
    end: Option<(i64, bool)>,
}

impl Span {
    fn stage(self, name: &'static str, error: Option<&str>) -> Stage {
        let (outcome, message) = match (self.start, self.end) {
            (None, _) => ("pending", None),
            (Some(_), None) => ("running", None),
            (Some(_), Some((_, true))) => ("success", None),
            (Some(_), Some((_, false))) => ("error", error.map(str::to_owned)),
        };
        Stage { name, start: self.start.map(moment), end: self.end.map(|(at, _)| moment(at)), outcome, message }
    }

    fn begin(&mut self, at: i64) {
        *self = Self { start: Some(at), end: None };
    }

    fn finish(&mut self, at: i64, well: bool) {
        if self.start.is_some() && self.end.is_none() {
            self.end = Some((at, well));
        }
    }
}

/// The stages of the last compilation and the last deployment of it. `points` are oldest first; `errors` what the compilation and
/// the deployment ended with.
pub(crate) fn stages(points: &[Point], errors: [Option<&str>; 2]) -> Vec<Stage> {
    let (mut sql, mut rust, mut deployment) = (Span::default(), Span::default(), Span::default());
    let mut last: Option<Point> = None;
    for point in points {
        let is_new = last.is_none_or(|last| last.program != point.program);
        let moved = last.is_none_or(|last| last.resources != point.resources);
        last = Some(*point);
        match point.program {
            ProgramStatus::Pending if is_new => {
                (sql, rust, deployment) = (Span::default(), Span::default(), Span::default());
            }
            ProgramStatus::CompilingSql if is_new => sql.begin(point.at),
            ProgramStatus::SqlCompiled if is_new => sql.finish(point.at, true),
            ProgramStatus::CompilingRust if is_new => rust.begin(point.at),
            ProgramStatus::Success if is_new => rust.finish(point.at, true),
            ProgramStatus::SqlError | ProgramStatus::RustError | ProgramStatus::SystemError if is_new => {
                sql.finish(point.at, false);
                rust.finish(point.at, false);
            }
            _ => {}
        }
        match point.resources {
            ResourcesStatus::Provisioning if moved => deployment.begin(point.at),
            ResourcesStatus::Provisioned if moved => deployment.finish(point.at, true),
            ResourcesStatus::Stopping | ResourcesStatus::Stopped if moved => deployment.finish(point.at, false),
            _ => {}
        }
    }
    let [compilation, deployed] = errors;
    vec![
        sql.stage("sql_parsing", compilation),
        sql.stage("dbsp_generation", compilation),
        rust.stage("rust_compilation", compilation),
        rust.stage("binary_packaging", compilation),
        deployment.stage("deployment", deployed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProgramStatus as P;
    use ResourcesStatus as R;

    fn outcomes(points: &[(P, R)]) -> Vec<&'static str> {
        let points: Vec<Point> = (0..)
            .zip(points)
            .map(|(at, (program, resources))| Point { at, program: *program, resources: *resources })
            .collect();
        stages(&points, [Some("c"), Some("d")]).into_iter().map(|stage| stage.outcome).collect()
    }

    #[test]
    fn stages_follow_the_last_compilation() {
        let compiled = [
            (P::Pending, R::Stopped),
            (P::CompilingSql, R::Stopped),
            (P::SqlCompiled, R::Stopped),
            (P::CompilingRust, R::Stopped),
            (P::Success, R::Stopped),
        ];
        for (points, expected) in [
            (compiled[..0].to_vec(), ["pending"; 5]),
            (compiled[..1].to_vec(), ["pending"; 5]),
            (compiled[..2].to_vec(), ["running", "running", "pending", "pending", "pending"]),
            (compiled[..3].to_vec(), ["success", "success", "pending", "pending", "pending"]),
            (compiled[..4].to_vec(), ["success", "success", "running", "running", "pending"]),
            (compiled.to_vec(), ["success", "success", "success", "success", "pending"]),
            ([&compiled[..], &compiled[..2]].concat(), ["running", "running", "pending", "pending", "pending"]),
            (
                [&compiled[..2], &[(P::SqlError, R::Stopped)]].concat(),
                ["error", "error", "pending", "pending", "pending"],
            ),
            (
                [&compiled[..4], &[(P::RustError, R::Stopped)]].concat(),
                ["success", "success", "error", "error", "pending"],
            ),
            (
                [&compiled[..], &[(P::Success, R::Provisioning)]].concat(),
                ["success", "success", "success", "success", "running"],
            ),
            (
                [
                    &compiled[..],
                    &[(P::Success, R::Provisioning), (P::Success, R::Provisioned), (P::Success, R::Stopped)],
                ]
                .concat(),
                ["success"; 5],
            ),
            (
                [&compiled[..], &[(P::Success, R::Provisioning), (P::Success, R::Stopping)]].concat(),
                ["success", "success", "success", "success", "error"],
            ),
        ] {
            assert_eq!(outcomes(&points), expected, "{points:?}");
        }
    }

    #[test]
    fn a_failed_stage_says_what_went_wrong() {
        let point = |at, program| Point { at, program, resources: R::Stopped };
        let points = [point(1, P::Pending), point(2, P::CompilingSql), point(3, P::SqlError)];
        let shown = stages(&points, [Some("no such table"), None]);
        assert_eq!((shown[0].message.as_deref(), shown[2].message.as_deref()), (Some("no such table"), None));
        assert_eq!(shown[0].start.as_deref(), Some(moment(2).as_str()));
        assert_eq!(shown[0].end.as_deref(), Some(moment(3).as_str()));
    }
}
