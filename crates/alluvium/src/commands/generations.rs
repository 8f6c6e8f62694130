//! `alluvium projections generations` and `drop`

use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, projections};
use crate::cli::DropArgs;
use crate::client::path;
use crate::failure::Done;

pub async fn list(cx: &Context, name: Option<&str>) -> Done {
    let (client, _) = cx.client()?;
    let mut rows = Vec::new();
    for name in projections::named(&client, name).await? {
        let body = client.get(&path(&["projections", &name, "generations"])).await?;
        for generation in body.get("generations").and_then(Value::as_array).into_iter().flatten() {
            let mut row = json!({ "projection": name });
            for column in ["generation", "state", "watermark", "bytes"] {
                row[column] = generation.get(column).cloned().unwrap_or_default();
            }
            rows.push(row);
        }
    }
    cx.ui.rows(&["projection", "generation", "state", "watermark", "bytes"], &rows);
    Ok(())
}

pub async fn drop(cx: &Context, args: &DropArgs) -> Done {
    let (client, _) = cx.client()?;
    let (name, number) = (&args.name, args.generation);
    if args.dry_run {
        cx.ui.record(&json!({ "projection": name, "generation": number, "would": "drop" }));
        return Ok(());
    }
    cx.ui.confirm(&format!("Remove generation {number} of `{name}`, for ever?"))?;
    let place = path(&["projections", name, "generations", &number.to_string()]);
    client.send(client.request(Method::DELETE, &place)).await?;
    cx.ui.record(&json!({ "projection": name, "generation": number, "result": "dropped" }));
    Ok(())
}
