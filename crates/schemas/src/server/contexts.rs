//! Contexts.

use std::collections::BTreeSet;

use alluvium_kernel::Problem;
use serde_json::json;

use super::answer::Answer;
use super::route::Call;
use crate::contract::DeleteContext;
use crate::subject::{DEFAULT_CONTEXT, context_of};

/// `GET /contexts`
pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let listed = call.view.contexts().filter(|(_, context)| context.registry.is_listed());
    let mut names: BTreeSet<String> = listed.map(|(name, _)| name.clone()).collect();
    names.insert(DEFAULT_CONTEXT.to_owned());
    if let Some(prefix) = call.params.text(&["contextPrefix"]) {
        names.retain(|name| name.starts_with(prefix));
    }
    Ok(Answer::Json(json!(call.params.page(names.into_iter().collect(), usize::MAX)?)))
}

/// `DELETE /contexts/{c}`
pub(super) async fn delete(call: &mut Call<'_>, context: &str) -> Result<Answer, Problem> {
    call.send(DeleteContext { context: context_of(context) }).await?;
    Ok(Answer::Nothing)
}
