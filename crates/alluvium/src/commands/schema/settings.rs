//! `config` and `mode`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, Registry};
use crate::cli::schema::{ConfigArgs, ModeArgs};
use crate::failure::{Done, Failure};

pub async fn config(cx: &Context, registry: &Registry, args: &ConfigArgs) -> Done {
    let set = args.set.map(|level| json!({ "compatibility": level.as_str() }));
    let asked =
        Setting { kind: "config", subject: args.subject.as_deref(), unset: args.unset, effective: args.effective };
    asked.run(cx, registry, set, &[]).await
}

pub async fn mode(cx: &Context, registry: &Registry, args: &ModeArgs) -> Done {
    let set = args.set.as_ref().map(|mode| json!({ "mode": mode.to_uppercase() }));
    let asked =
        Setting { kind: "mode", subject: args.subject.as_deref(), unset: args.unset, effective: args.effective };
    asked.run(cx, registry, set, if args.force { &[("force", "true")] } else { &[] }).await
}

struct Setting<'a> {
    kind: &'static str,
    subject: Option<&'a str>,
    unset: bool,
    effective: bool,
}

impl Setting<'_> {
    async fn run(self, cx: &Context, registry: &Registry, set: Option<Value>, query: &[(&str, &str)]) -> Done {
        let parts: Vec<&str> = [self.kind].into_iter().chain(self.subject).collect();
        let answer = if let Some(body) = set {
            registry.call(Method::PUT, &parts, query, Some(&body)).await?
        } else if self.unset {
            registry.call(Method::DELETE, &parts, &[], None).await?
        } else {
            let query: &[(&str, &str)] = if self.effective { &[("defaultToGlobal", "true")] } else { &[] };
            registry.ask(Method::GET, &parts, query, None).await?.map_err(|refusal| {
                let unset = matches!(refusal.code, 40408 | 40409);
                let failure = Failure::from(refusal);
                if unset { failure.help("`--effective` shows what holds for it") } else { failure }
            })?
        };
        match answer {
            Value::Object(_) => cx.ui.record(&answer),
            other => cx.ui.record(&json!({ self.kind: other })),
        }
        Ok(())
    }
}
