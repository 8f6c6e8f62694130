//! `generate` and `infer`: source code from schemas, and schemas from a program's types.

use std::io::Write as _;
use std::process::{Command, Stdio};

use alluvium_avro::Json;
use alluvium_messaging::generate::codegen::{self, Language};

use super::{Context, Operands};
use crate::cli::schema::{GenerateArgs, InferArgs};
use crate::failure::{Done, Failure};

/// The file's name, without its ending.
const FILE_STEM: &str = "messages";

pub async fn run(cx: &Context, operands: &Operands<'_>, args: &GenerateArgs) -> Done {
    let schemas = operands.schemas(&args.from).await?;
    let made = codegen::generate(args.lang, &schemas).map_err(|error| Failure::usage(error.to_string()))?;
    let text = if args.lang == Language::Rust { formatted(cx, made.text) } else { made.text };
    for note in &made.notes {
        cx.ui.warn(note);
    }
    let Some(directory) = &args.out else {
        cx.ui.text(&text);
        return Ok(());
    };
    let path = directory.join(format!("{FILE_STEM}.{}", args.lang.extension()));
    let same = std::fs::read_to_string(&path).is_ok_and(|known| known == text);
    if args.check {
        if same {
            cx.ui.ok(format!("{} is what the schemas say", path.display()));
            return Ok(());
        }
        let help = "run it again without --check";
        return Err(Failure::findings(1).note(format!("{} would change", path.display())).help(help));
    }
    std::fs::create_dir_all(directory)?;
    if !same {
        std::fs::write(&path, text)?;
    }
    cx.ui.ok(format!("{} holds the types of {} schemas", path.display(), schemas.len()));
    Ok(())
}

/// As rustfmt writes it, where there is one.
fn formatted(cx: &Context, text: String) -> String {
    let run = || -> std::io::Result<Option<String>> {
        let mut rustfmt = Command::new("rustfmt")
            .args(["--edition", "2024"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = rustfmt.stdin.take() {
            stdin.write_all(text.as_bytes())?;
        }
        let output = rustfmt.wait_with_output()?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    if let Ok(Some(text)) = run() {
        return text;
    }
    cx.ui.warn("there is no rustfmt here, so the code is not formatted");
    text
}

pub fn infer(cx: &Context, args: &InferArgs) -> Done {
    let models = super::validate::models(&args.models)?;
    std::fs::create_dir_all(&args.out)?;
    for model in &models {
        let json = Json::parse(&model.text).map_err(|error| Failure::usage(error.to_string()))?;
        let path = args.out.join(format!("{}.avsc", model.name));
        std::fs::write(&path, json.to_pretty() + "\n")?;
        cx.ui.say(path.display().to_string());
    }
    cx.ui.ok(format!("{} schemas", models.len()));
    Ok(())
}
