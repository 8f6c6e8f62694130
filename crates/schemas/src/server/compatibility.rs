//! Whether a schema could follow, without registering it.

use alluvium_kernel::{Access, Problem};
use serde_json::{Value, json};

use super::answer::Answer;
use super::params::Wanted;
use super::route::Call;
use super::subjects::identified;
use super::{Dialect, body};
use crate::assess::{Against, Refused, Scope, check, history, messages};
use crate::error;
use crate::model::{Level, Version};
use crate::subject::Name;
use crate::world::World;

/// Which versions are asked.
enum Asked {
    /// Those that registering would ask.
    All,
    /// These alone, newest first; `stop` at the first that does not fit.
    These { versions: Vec<Version>, level: Level, stop: bool },
}

/// `POST /compatibility/subjects/{s}/versions`
pub(super) async fn with_all(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name(segment, Access::Read)?;
    answer(call, &name, Asked::All).await
}

/// `POST /compatibility/subjects/{s}/versions/{v}`
pub(super) async fn with_one(call: &mut Call<'_>, segment: &str, version: &str) -> Result<Answer, Problem> {
    let wanted = Wanted::parse(version)?;
    let name = call.name(segment, Access::Read)?;
    let scope = scope(call, &name).await?;
    let subject = scope.own.subject(&name.subject);
    let found = match wanted {
        Wanted::Latest => subject.and_then(|subject| subject.latest()),
        Wanted::Number(number) => subject.and_then(|subject| subject.version(number)),
    };
    let karapace = call.server.listener.dialect == Dialect::Karapace;
    let versions = match (found, wanted) {
        (Some(found), _) => vec![*found],
        (None, Wanted::Latest) if !karapace => vec![],
        (None, Wanted::Latest) => return Err(error::version_not_found("latest")),
        (None, Wanted::Number(number)) => return Err(error::version_not_found(number)),
    };
    let level = scope.level();
    let mut asked = Asked::These { versions, level, stop: false };
    if karapace && level.is_transitive() {
        // Oldest first there, and no further than the first that does not fit.
        let mut all = history(&scope.own, &name, level);
        all.reverse();
        asked = Asked::These { versions: all, level, stop: true };
    }
    answer(call, &name, asked).await
}

async fn scope(call: &Call<'_>, name: &Name) -> Result<Scope, Problem> {
    Scope::of(&mut World::reading(&call.server.library, call.view.clone()), name, call.server.settings).await
}

async fn answer(call: &mut Call<'_>, name: &Name, asked: Asked) -> Result<Answer, Problem> {
    let body = call.body().await?;
    let verbose = call.params.flag(&["verbose"]);
    let sent = body::submission(body, name)?;
    let new = match identified(call, name, &sent.submission, true).await {
        Ok(new) => new,
        Err(refused @ Refused::Invalid(..)) if verbose => {
            let problem = refused.registering();
            return Ok(Answer::Json(json!({"is_compatible": false, "messages": [problem.detail]})));
        }
        Err(refused) => return Err(refused.registering()),
    };
    let scope = scope(call, name).await?;
    let mut world = World::reading(&call.server.library, call.view.clone());
    let (level, found) = match asked {
        Asked::All => {
            let level = scope.level();
            (level, check(&mut world, name, &new, &history(&scope.own, name, level), level).await?)
        }
        Asked::These { level: Level::None, .. } => (Level::None, vec![]),
        Asked::These { versions, level, stop } => {
            let mut found = Vec::new();
            for version in &versions {
                found.extend(check(&mut world, name, &new, std::slice::from_ref(version), level).await?);
                if stop && !found.is_empty() {
                    break;
                }
            }
            (level, found)
        }
    };
    Ok(Answer::Json(told(&found, level, verbose)))
}

fn told(found: &[Against], level: Level, verbose: bool) -> Value {
    match (found.is_empty(), verbose) {
        (true, false) => json!({"is_compatible": true}),
        (false, false) => {
            let short: Vec<&String> = found.iter().flat_map(|against| &against.short).collect();
            json!({"is_compatible": false, "messages": short})
        }
        (compatible, true) => json!({"is_compatible": compatible, "messages": messages(found, level)}),
    }
}
