//! `alluvium tables load` and `export`: files through the server's file store.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::cli::{ExportArgs, FileFormat, LoadArgs};
use crate::client::{Client, TableName, path};
use crate::commands::Context;
use crate::failure::{Done, Failure};
use crate::ui::Progress;

pub async fn load(cx: &Context, args: LoadArgs) -> Done {
    let (client, session) = cx.client()?;
    let table = TableName::parse(&args.table, &session)?;
    let format = format_of(args.format, &args.file)?;
    let size = tokio::fs::metadata(&args.file)
        .await
        .map_err(|error| Failure::from(error).note(format!("reading `{}`", args.file.display())))?
        .len();
    let mode = if args.incremental { "incremental" } else { "full" };
    if args.dry_run {
        // The server's answer on the table shows that it exists and may be read, which is what can be known before a load.
        client.get(&table.path(&[])).await?;
        cx.ui.record(&json!({
            "would_load": args.file.display().to_string(), "bytes": size, "format": format, "mode": mode,
            "table": table.to_string(),
        }));
        return Ok(());
    }
    let file_id = upload(cx, &client, &table.project, &args.file, size).await?;
    let mut body = json!({
        "file_id": file_id, "format": format, "import_options": { "incremental": args.incremental },
    });
    if format == "csv" {
        body["csv_options"] = json!({ "delimiter": args.delimiter, "null_string": args.null });
    }
    let progress = Progress::new(cx.ui, "loading into the table", None);
    let answer = client.json(client.request(Method::POST, &table.path(&["import", "file"])).json(&body)).await;
    progress.finish();
    let answer = answer?;
    for warning in answer.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        cx.ui.warn(warning.as_str().unwrap_or_default());
    }
    cx.ui.record(&answer);
    Ok(())
}

/// Uploads a file in the three steps of the storage surface; gives its id.
async fn upload(cx: &Context, client: &Client, project: &str, file: &Path, size: u64) -> Result<String, Failure> {
    let name = file.file_name().map_or_else(|| "rows".to_owned(), |name| name.to_string_lossy().into_owned());
    let prepare = json!({ "filename": name, "size_bytes": size });
    let request = client.request(Method::POST, &path(&["projects", project, "files", "prepare"])).json(&prepare);
    let session = client.json(request).await?;
    let key = text(&session, "upload_key")?;

    let progress = Progress::new(cx.ui, "uploading", Some(size));
    let counter = std::sync::Arc::new(progress);
    let counting = counter.clone();
    let chunks = tokio_util::io::ReaderStream::new(tokio::fs::File::open(file).await?)
        .inspect_ok(move |chunk| counting.inc(chunk.len() as u64));
    let part = Part::stream_with_length(Body::wrap_stream(chunks), size).file_name(name.clone());
    let at = path(&["projects", project, "files", "upload", &key]);
    let sent = client.json(client.request(Method::POST, &at).multipart(Form::new().part("file", part))).await;
    counter.finish();
    sent?;

    let register = json!({ "upload_key": key, "name": name });
    let request = client.request(Method::POST, &path(&["projects", project, "files"])).json(&register);
    text(&client.json(request).await?, "id")
}

pub async fn export(cx: &Context, args: ExportArgs) -> Done {
    let (client, session) = cx.client()?;
    let table = TableName::parse(&args.table, &session)?;
    let to_stdout = args.file.as_os_str() == "-";
    let format = if to_stdout && args.format.is_none() { "csv" } else { format_of(args.format, &args.file)? };
    if args.dry_run {
        let query: Vec<(&str, &String)> = args.at.iter().map(|at| ("as_of", at)).collect();
        let about = client.json(client.request(Method::GET, &table.path(&[])).query(&query)).await?;
        cx.ui.record(&json!({
            "would_export": table.to_string(), "rows": about["row_count"], "format": format,
            "to": args.file.display().to_string(),
        }));
        return Ok(());
    }
    if !to_stdout && args.file.exists() {
        cx.ui.confirm(&format!("`{}` exists. Replace it?", args.file.display()))?;
    }
    let mut body = json!({ "format": format });
    if !args.columns.is_empty() {
        body["columns"] = json!(args.columns);
    }
    if let Some(limit) = args.limit {
        body["limit"] = json!(limit);
    }
    if let Some(at) = args.at {
        body["as_of"] = json!(at);
    }
    let answer = client.json(client.request(Method::POST, &table.path(&["export"])).json(&body)).await?;
    let at = path(&["projects", &table.project, "files", &text(&answer, "file_id")?, "download"]);
    let response = client.send(client.request(Method::GET, &at)).await?;
    let progress = Progress::new(cx.ui, "downloading", response.content_length());
    let written = write(response, &args.file, to_stdout, &progress).await;
    progress.finish();
    written?;
    cx.ui.ok(format!("{} rows of {table} written to {}", answer["rows_exported"], args.file.display()));
    Ok(())
}

/// Writes beside the target and renames, so that no half file takes its name.
async fn write(response: reqwest::Response, target: &Path, to_stdout: bool, progress: &Progress) -> Done {
    let broken = |error: reqwest::Error| {
        Failure::unavailable("cli.server_unreachable", "The download broke off.").because(&error)
    };
    let mut chunks = response.bytes_stream();
    if to_stdout {
        let mut out = tokio::io::stdout();
        while let Some(chunk) = chunks.next().await {
            out.write_all(&chunk.map_err(broken)?).await?;
        }
        return Ok(out.flush().await?);
    }
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = target.with_file_name(format!(".{name}.part"));
    let mut file = tokio::fs::File::create(&beside).await?;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        progress.inc(chunk.len() as u64);
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    Ok(tokio::fs::rename(&beside, target).await?)
}

fn format_of(given: Option<FileFormat>, file: &Path) -> Result<&'static str, Failure> {
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let ends = |end: &str| Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    match given {
        Some(FileFormat::Csv) => Ok("csv"),
        Some(FileFormat::Parquet) => Ok("parquet"),
        None if ends("csv") || ends("tsv") => Ok("csv"),
        None if ends("parquet") => Ok("parquet"),
        None => Err(Failure::usage(format!("The name `{}` does not tell the kind of file.", file.display()))
            .help("add `--format csv` or `--format parquet`")),
    }
}

fn text(body: &Value, name: &str) -> Result<String, Failure> {
    let value = body.get(name).and_then(Value::as_str);
    value
        .map(str::to_owned)
        .ok_or_else(|| Failure::unavailable("cli.not_alluvium", format!("The answer has no `{name}`.")))
}
