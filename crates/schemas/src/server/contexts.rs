//! Contexts.

use std::collections::BTreeSet;

use alluvium_kernel::{Access, Problem};
use serde_json::json;

use super::answer::Answer;
use super::route::Call;
use crate::contract::DeleteContext;
use crate::model::Registry;
use crate::subject::{DEFAULT_CONTEXT, Name, context_of};

/// `GET /contexts`
pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let seen = |name: &str, registry: &Registry| {
        call.rights.on_config(Access::Read)
            || registry.subjects().any(|(subject, _)| call.reads(&Name::of(name, subject)))
    };
    let listed = call.view.contexts().filter(|(_, context)| context.registry.is_listed());
    let listed = listed.filter(|(name, context)| seen(name, &context.registry));
    let mut names: BTreeSet<String> = listed.map(|(name, _)| name.clone()).collect();
    names.insert(DEFAULT_CONTEXT.to_owned());
    if let Some(prefix) = call.params.text(&["contextPrefix"]) {
        names.retain(|name| name.starts_with(prefix));
    }
    Ok(Answer::Json(json!(call.params.page(names.into_iter().collect(), usize::MAX)?)))
}

/// `DELETE /contexts/{c}`
pub(super) async fn delete(call: &mut Call<'_>, context: &str) -> Result<Answer, Problem> {
    let name = Name::of(&context_of(context), "");
    call.permit_scope(&name, Access::Write)?;
    call.send(DeleteContext { context: name.context }).await?;
    Ok(Answer::Nothing)
}
