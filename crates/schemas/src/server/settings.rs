//! Settings and modes of the whole, of contexts and of subjects.

use alluvium_kernel::{Access, Problem};
use serde_json::{Map, Value, json};

use super::Dialect;
use super::answer::Answer;
use super::route::Call;
use crate::contract::{ClearConfig, ClearMode, SetConfig, SetMode};
use crate::error;
use crate::model::{Config, effective, effective_mode};
use crate::subject::{DEFAULT_CONTEXT, GLOBAL_CONTEXT, Name};

/// The scope that a path names: a subject, or a context for `:.ctx:` and for no name at all.
fn scope(call: &Call<'_>, segment: Option<&str>) -> Result<Name, Problem> {
    let name = segment.map_or_else(|| Name::of(&call.within, ""), |segment| Name::parse(segment, &call.within));
    name.check_scope()?;
    Ok(name)
}

/// The same, for who may change it: the settings of a subject are the rules that its writers are held to.
fn own_scope(call: &Call<'_>, segment: Option<&str>, force: bool) -> Result<Name, Problem> {
    let name = scope(call, segment)?;
    let of_all = if force { Access::Admin } else { Access::Write };
    call.permit_scope(&name, if name.subject.is_empty() { of_all } else { Access::Admin })?;
    Ok(name)
}

/// Whether a scope may be read at all; a subject that may not is as one without settings.
fn seen(call: &Call<'_>, name: &Name) -> Result<bool, Problem> {
    if name.subject.is_empty() {
        call.permit_scope(name, Access::Read)?;
    }
    Ok(name.subject.is_empty() || call.reads(name))
}

/// Whether a scope answers with what applies when it has nothing of its own.
fn has_always(name: &Name) -> bool {
    name.subject.is_empty() && name.context == DEFAULT_CONTEXT
}

fn effective_of(call: &Call<'_>, name: &Name) -> Config {
    let (own, global) = (call.registry(&name.context), call.registry(GLOBAL_CONTEXT));
    effective(own, global, &name.subject, call.server.settings.default_level)
}

/// `GET /config`, `GET /config/{s}`
pub(super) fn get_config(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let name = scope(call, segment)?;
    let karapace = call.server.listener.dialect == Dialect::Karapace;
    if !seen(call, &name)? {
        let name = name.qualified();
        return Err(if karapace { error::subject_not_found(&name) } else { error::config_not_found(&name) });
    }
    let own = call.registry(&name.context).and_then(|registry| registry.config_of(&name.subject));
    let level = call.server.settings.default_level;
    if call.params.flag(&["defaultToGlobal"]) {
        return Ok(Answer::Json(Value::Object(effective_of(call, &name).0)));
    }
    if has_always(&name) {
        let mut config = effective(call.registry(&name.context), call.registry(GLOBAL_CONTEXT), "", level);
        // Only what is set; the level is always told.
        config.0.retain(|key, _| key == "compatibilityLevel" || own.is_some_and(|own| own.0.contains_key(key)));
        return Ok(Answer::Json(Value::Object(config.0)));
    }
    if let Some(own) = own {
        return Ok(Answer::Json(Value::Object(own.0.clone())));
    }
    let unknown = !name.subject.is_empty() && !call.has_versions(&name);
    if karapace && unknown {
        return Err(error::subject_not_found(&name.qualified()));
    }
    Err(error::config_not_found(&name.qualified()))
}

/// Settings as answers to changes name them: `compatibility`, not `compatibilityLevel`.
fn changed(mut config: Map<String, Value>) -> Map<String, Value> {
    if let Some(level) = config.remove("compatibilityLevel") {
        config.insert("compatibility".to_owned(), level);
    }
    config
}

/// `PUT /config`, `PUT /config/{s}`
pub(super) async fn put_config(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let name = own_scope(call, segment, false)?;
    let body = call.body().await?;
    // Refused here already, in the same words, when it could not be taken anyway.
    let config = Value::Object(body).to_string();
    Config::default().patched(&config)?;
    let mut result = call.send(SetConfig { context: name.context, scope: name.subject, config }).await?;
    let own = match result["own"].take() {
        Value::Object(own) => own,
        _ => Map::new(),
    };
    Ok(Answer::Json(Value::Object(changed(own))))
}

/// `DELETE /config`, `DELETE /config/{s}`
pub(super) async fn delete_config(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let name = own_scope(call, segment, false)?;
    let karapace = call.server.listener.dialect == Dialect::Karapace;
    let whole = name.subject.is_empty();
    let sent = call.send(ClearConfig { context: name.context.clone(), scope: name.subject.clone() }).await;
    let result = match sent {
        Err(problem) if karapace && problem.code == "schemas.subject_not_found" => {
            let now = effective_of(call, &name);
            return Ok(Answer::Json(json!({"compatibility": now.level().unwrap_or_default().as_str()})));
        }
        sent => sent?,
    };
    let default = call.server.settings.default_level.as_str();
    let level = |config: &Value| config["compatibilityLevel"].as_str().unwrap_or(default).to_owned();
    let (before, now) = (level(&result["before"]), level(&result["effective"]));
    Ok(Answer::Json(match (karapace, whole) {
        (true, false) => json!({"compatibility": now}),
        (_, true) => json!({"compatibilityLevel": before}),
        (false, false) => json!({"compatibilityLevel": before, "compatibility": now}),
    }))
}

/// `GET /mode`, `GET /mode/{s}`
pub(super) fn get_mode(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let name = scope(call, segment)?;
    let karapace = call.server.listener.dialect == Dialect::Karapace;
    if !seen(call, &name)? {
        let name = name.qualified();
        return Err(if karapace { error::subject_not_found(&name) } else { error::mode_not_found(&name) });
    }
    let (registry, global) = (call.registry(&name.context), call.registry(GLOBAL_CONTEXT));
    let own = registry.and_then(|registry| registry.mode_of(&name.subject));
    let applies = || effective_mode(registry, global, &name.subject);
    let mode = match own {
        _ if call.params.flag(&["defaultToGlobal"]) => applies(),
        Some(own) => own,
        None if has_always(&name) => applies(),
        None if karapace && name.subject.is_empty() => applies(),
        None if karapace && call.has_versions(&name) => applies(),
        None if karapace => return Err(error::subject_not_found(&name.qualified())),
        None => return Err(error::mode_not_found(&name.qualified())),
    };
    Ok(Answer::Json(json!({"mode": mode.as_str()})))
}

/// `PUT /mode`, `PUT /mode/{s}`
pub(super) async fn put_mode(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let force = call.params.flag(&["force"]);
    let name = own_scope(call, segment, force)?;
    let body = call.body().await?;
    let mode = match body.get("mode") {
        Some(Value::String(mode)) => mode.clone(),
        Some(Value::Null) => {
            let command = ClearMode { context: name.context.clone(), scope: name.subject.clone(), recursive: false };
            return match call.send(command).await {
                Err(problem) if problem.code != "schemas.subject_not_found" => Err(problem),
                _ => Ok(Answer::Json(json!({}))),
            };
        }
        None | Some(_) => return Err(error::invalid_mode()),
    };
    call.send(SetMode { context: name.context, scope: name.subject, mode: mode.clone(), force }).await?;
    Ok(Answer::Json(json!({"mode": mode.to_ascii_uppercase()})))
}

/// `DELETE /mode`, `DELETE /mode/{s}`
pub(super) async fn delete_mode(call: &mut Call<'_>, segment: Option<&str>) -> Result<Answer, Problem> {
    let name = own_scope(call, segment, false)?;
    let recursive = call.params.flag(&["recursive"]);
    let result = call.send(ClearMode { context: name.context, scope: name.subject, recursive }).await?;
    let before = result["before"].as_str().unwrap_or("READWRITE");
    Ok(Answer::Json(json!({"mode": before})))
}
