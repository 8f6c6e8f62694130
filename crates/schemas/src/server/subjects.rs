//! Registering, looking up and deleting.

use alluvium_kernel::{Access, Problem};
use serde_json::{Value, json};

use super::answer::Answer;
use super::ids::{Shape, described, wants_all};
use super::route::Call;
use super::{Dialect, body};
use crate::assess::{How, Identified, Refused, Scope, identify};
use crate::contract::{DeleteSubject, RegisterSchema, Submission};
use crate::error;
use crate::subject::Name;
use crate::world::World;

/// `POST /subjects/{s}/versions`
pub(super) async fn register(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let access = if call.params.flag(&["force"]) { Access::Admin } else { Access::Write };
    let name = call.name(segment, access)?;
    let body = call.body().await?;
    name.check()?;
    let sent = body::submission(body, &name)?;
    let mut submission = sent.submission;
    if sent.propagate {
        super::tags::propagate(call, &name, &mut submission);
    }
    if let Some(tags) = sent.tags {
        super::tags::retag(call, &name, &mut submission, &tags)?;
    }
    registered(call, &name, submission).await
}

/// Sends what is to be registered, and answers.
pub(super) async fn registered(call: &mut Call<'_>, name: &Name, submission: Submission) -> Result<Answer, Problem> {
    call.permit_references(&name.context, &submission.references)?;
    let karapace = call.server.listener.dialect == Dialect::Karapace;
    let command = RegisterSchema {
        context: name.context.clone(),
        schema: submission,
        normalize: call.params.flag(&["normalize"]),
        force: call.params.flag(&["force"]),
        keep_deleted: karapace,
        any_default: karapace,
    };
    let result = call.send(command).await?;
    let id = result["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| error::mistake("an outcome without id"))?;
    if !wants_all(call) {
        return Ok(Answer::Json(json!({"id": id})));
    }
    let version = result["version"].as_u64().and_then(|version| u32::try_from(version).ok());
    let entry = call.view.context(&name.context).and_then(|context| context.entry(id)).cloned();
    let entry = entry.ok_or_else(|| error::mistake("a registered schema is not in the index"))?;
    let mut shown = described(call, &name.context, &entry, Shape { subject: Some(name), version, full: true }).await?;
    shown.remove("subject");
    Ok(Answer::Json(Value::Object(shown)))
}

/// `POST /subjects/{s}`
pub(super) async fn look_up(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name_anywhere(segment)?;
    let body = call.body().await?;
    let hidden = call.params.flag(&["deleted"]);
    let subject = call.registry(&name.context).and_then(|registry| registry.subject(&name.subject));
    let there =
        subject.is_some_and(|subject| if hidden { !subject.versions.is_empty() } else { subject.latest().is_some() });
    if !there {
        return Err(error::subject_not_found(&name.qualified()));
    }
    let sent = body::submission(body, &name)?;
    let identified = identified(call, &name, &sent.submission, false).await.map_err(|refused| {
        match call.server.listener.dialect {
            Dialect::Karapace if matches!(refused, Refused::Invalid(..)) => {
                error::invalid_schema(format!("Error while looking up schema under subject {}", name.qualified()))
            }
            _ => refused.looking_up(),
        }
    })?;
    let found = call
        .registry(&name.context)
        .and_then(|registry| registry.matching(&name.subject, hidden, &identified.assessment));
    let found = found.ok_or_else(error::schema_not_found)?;
    let entry = call.view.context(&name.context).and_then(|context| context.entry(found.id)).cloned();
    let entry = entry.ok_or_else(error::schema_not_found)?;
    let full = wants_all(call);
    let shape = Shape { subject: Some(&name), version: Some(found.version), full };
    Ok(Answer::Json(Value::Object(described(call, &name.context, &entry, shape).await?)))
}

/// What a submitted schema is, by what is known here.
pub(super) async fn identified(
    call: &Call<'_>,
    name: &Name,
    submission: &Submission,
    strict: bool,
) -> Result<Identified, Refused> {
    call.permit_references(&name.context, &submission.references)?;
    let any_default = call.server.listener.dialect == Dialect::Karapace;
    let how = How { normalize: call.params.flag(&["normalize"]), force: false, strict, any_default };
    let mut world = World::reading(&call.server.library, call.view.clone());
    let scope = Scope::of(&mut world, name, call.server.settings).await?;
    identify(&mut world, name, submission, how, &scope).await
}

/// `DELETE /subjects/{s}`
pub(super) async fn delete(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let permanent = call.params.flag(&["permanent"]);
    let name = call.name(segment, if permanent { Access::Admin } else { Access::Write })?;
    let command = DeleteSubject { context: name.context, subject: name.subject, permanent };
    let mut result = call.send(command).await?;
    Ok(Answer::Json(result["versions"].take()))
}
