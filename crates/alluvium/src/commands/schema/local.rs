//! `diff`, `fingerprint`, `normalize` and `lint`: questions about schemas that need no registry.

use alluvium_avro::{Algorithm, Json, Rule};
use serde_json::{Value, json};

use super::{Context, Operands, end};
use crate::cli::schema::{DiffArgs, FingerprintArgs, LintArgs, NormalizeArgs};
use crate::failure::Done;

pub async fn diff(cx: &Context, operands: &Operands<'_>, args: &DiffArgs) -> Done {
    let (before, after) = (operands.schema(&args.a).await?, operands.schema(&args.b).await?);
    let changes: Vec<Value> = alluvium_avro::diff(&before, &after)
        .iter()
        .map(|change| {
            json!({
                "pointer": change.pointer,
                "kind": change.kind.as_str(),
                "before": change.before.as_ref().map(Json::to_value),
                "after": change.after.as_ref().map(Json::to_value),
                "backward": change.backward,
                "forward": change.forward,
            })
        })
        .collect();
    end(cx, &["pointer", "kind", "before", "after", "backward", "forward"], &changes, "the schemas do not differ")
}

pub async fn fingerprint(cx: &Context, operands: &Operands<'_>, args: &FingerprintArgs) -> Done {
    let schema = operands.schema(&args.schema).await?;
    if let Some(algorithm) = args.alg {
        cx.ui.text(&schema.fingerprint(algorithm));
        return Ok(());
    }
    cx.ui.record(&json!({
        "crc64": schema.fingerprint(Algorithm::Crc64Avro),
        "sha256": schema.fingerprint(Algorithm::Sha256),
        "md5": schema.fingerprint(Algorithm::Md5),
        "identity": hex::encode(schema.identity()),
    }));
    Ok(())
}

pub async fn normalize(cx: &Context, operands: &Operands<'_>, args: &NormalizeArgs) -> Done {
    let schema = operands.schema(&args.schema).await?;
    cx.ui.text(&if args.canonical { schema.canonical_form() } else { schema.normalized_text() });
    Ok(())
}

pub async fn lint(cx: &Context, operands: &Operands<'_>, args: &LintArgs) -> Done {
    let schema = operands.schema(&args.schema).await?;
    let before = match &args.before {
        Some(before) => Some(operands.schema(before).await?),
        None => None,
    };
    let rules = if args.rules.is_empty() { &Rule::ALL[..] } else { &args.rules };
    let advice: Vec<Value> = alluvium_avro::lint(&schema, before.as_ref(), rules)
        .iter()
        .map(|advice| json!({ "pointer": advice.pointer, "rule": advice.rule.as_str(), "message": advice.message }))
        .collect();
    end(cx, &["pointer", "rule", "message"], &advice, "nothing to advise")
}
