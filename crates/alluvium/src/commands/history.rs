//! `alluvium state`, `diff` and `why`

use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{AggregateArgs, DiffArgs, StateArgs, WhyArgs};
use crate::client::{Session, path};
use crate::failure::{Done, Failure};
use crate::node::CONTEXTS;
use crate::ui::{Format, dim, green, red, safe, yellow};

/// Characters of a value in a line for people.
const VALUE_CHARS_MAX: usize = 100;

pub async fn state(cx: &Context, args: &StateArgs) -> Done {
    let (client, session) = cx.client()?;
    let at = Named::read(&args.which, &session)?.path(&[]);
    let query: Vec<(&str, &String)> = args.at.iter().map(|at| ("at", at)).collect();
    let found = client.json(client.request(Method::GET, &at).query(&query)).await?;
    if cx.ui.format != Format::Table {
        cx.ui.record(&found);
        return Ok(());
    }
    cx.ui.say(format!(
        "{} at {}: {} events, the last at {} ({})",
        text(&found["aggregate"]),
        place(&found["at"]),
        found["events"],
        found["commit"]["seq"],
        text(&found["commit"]["time"])
    ));
    cx.ui.text(&safe(&pretty(&found["state"])));
    Ok(())
}

pub async fn diff(cx: &Context, args: &DiffArgs) -> Done {
    let (client, session) = cx.client()?;
    let at = Named::read(&args.which, &session)?.path(&["diff"]);
    let points = [("from", &args.from), ("to", &args.to)];
    let query: Vec<(&str, &String)> = points.iter().filter_map(|(name, at)| Some((*name, at.as_ref()?))).collect();
    let found = client.json(client.request(Method::GET, &at).query(&query)).await?;
    match cx.ui.format {
        Format::Json | Format::Ndjson => cx.ui.record(&found),
        Format::Csv => cx.ui.rows(&["field", "change", "before", "after"], list(&found["changes"])),
        Format::Table => show_diff(cx, &found),
    }
    Ok(())
}

fn show_diff(cx: &Context, found: &Value) {
    let heading = format!("{}  {} .. {}", text(&found["aggregate"]), place(&found["from"]), place(&found["to"]));
    cx.ui.drawn(&dim(&safe(&heading)));
    for change in list(&found["changes"]) {
        let field = safe(text(&change["field"]));
        let (before, after) = (value(&change["before"]), value(&change["after"]));
        let line = match text(&change["change"]) {
            "added" => green(&format!("+ {field}: {after}")),
            "removed" => red(&format!("- {field}: {before}")),
            _ => yellow(&format!("~ {field}: {before} → {after}")),
        };
        cx.ui.drawn(&line);
    }
    if list(&found["changes"]).is_empty() {
        cx.ui.drawn("nothing changed");
    }
    for event in list(&found["events"]) {
        cx.ui.drawn(&event_line(event));
    }
    if found["more"] == true {
        cx.ui.say("more events lie between; `alluvium events replay` lists them all");
    }
}

pub async fn why(cx: &Context, args: &WhyArgs) -> Done {
    let (client, _) = cx.client()?;
    let found = client.get(&path(&["events", &args.event, "why"])).await?;
    if cx.ui.format != Format::Table {
        cx.ui.record(&found);
        return Ok(());
    }
    match &found["event"] {
        Value::Array(events) => events.iter().for_each(|event| cx.ui.drawn(&event_line(event))),
        event => cx.ui.drawn(&event_line(event)),
    }
    if let Some(cause) = found.get("caused_by") {
        cx.ui.drawn(&format!("because of {}", event_line(cause)));
    }
    for command in list(&found["commands"]) {
        show_command(cx, command);
    }
    if let Some(refused) = found.get("refused").filter(|refused| !refused.is_null()) {
        cx.ui.drawn(&red(&format!("refused: {} ({})", safe(text(&refused["detail"])), text(&refused["code"]))));
    }
    for fold in list(&found["projections"]) {
        let state = match (&fold["parked"], &fold["applied"]) {
            (Value::Null, Value::Bool(true)) => green("applied"),
            (Value::Null, _) => yellow(&format!("not yet applied, it is at {}", fold["watermark"])),
            (parked, _) => red(&format!("parked: {}", value(parked))),
        };
        cx.ui.drawn(&format!("{:<10}{state}", safe(text(&fold["name"]))));
    }
    Ok(())
}

fn show_command(cx: &Context, command: &Value) {
    let (actor, time) = (text(&command["actor"]), text(&command["time"]));
    let name = command["name"].as_str().unwrap_or(match actor.split_once(':') {
        Some(("system", _)) => "(decided by Alluvium itself)",
        _ => "(its outcome is no longer kept)",
    });
    cx.ui.drawn(&safe(&format!("command  {name}  {}  by {actor}  at {time}", text(&command["id"]))));
    cx.ui.drawn(&safe(&format!("  body   {}", text(&command["body_hash"]))));
    let outcome = &command["outcome"];
    match outcome["status"].as_str() {
        Some("accepted") => cx.ui.drawn(&format!("  {} {}", green("accepted"), value(&outcome["result"]))),
        Some(_) => cx.ui.drawn(&format!("  {} {}", red("rejected"), value(&outcome["problem"]))),
        None => {}
    }
    for event in list(&command["events"]) {
        cx.ui.drawn(&format!("  led to {}", event_line(event)));
    }
    for event in list(&command["followed"]) {
        cx.ui.drawn(&format!("  then   {}", event_line(event)));
    }
}

fn event_line(event: &Value) -> String {
    let kind = text(&event["type"]);
    let at = format!("{}:{}/{}", text(&event["stream"]), event["seq"], event["index"].as_u64().unwrap_or(0));
    let line = format!("{at}  {}  {kind}  {}", text(&event["time"]), value(&event["event"]));
    safe(&line)
}

/// An aggregate as it is named in paths.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    context: String,
    kind: String,
    id: String,
}

impl Named {
    fn read(args: &AggregateArgs, session: &Session) -> Result<Self, Failure> {
        match args.aggregate.as_slice() {
            [one] => match one.split_once(' ') {
                Some((kind, name)) => Self::of_type(kind, name.trim(), || session.project()),
                None => Self::of_text(one),
            },
            [kind, name] => Self::of_type(kind, name, || session.project()),
            _ => Err(unnamed(&args.aggregate.join(" "))),
        }
    }

    /// `context.type.id`, or a whole subject.
    fn of_text(text: &str) -> Result<Self, Failure> {
        if let Some(alluvium_kernel::subject::Parsed::Event { context, aggregate, id, .. }) =
            alluvium_kernel::subject::parse(text)
        {
            return Ok(Self { context, kind: aggregate, id: id.decode() });
        }
        let mut parts = text.splitn(3, '.').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(context), Some(kind), Some(id)) if !id.is_empty() => Ok(Self { context, kind, id }),
            _ => Err(unnamed(text)),
        }
    }

    /// A type that only one context has, and a name; `bucket/table` is a table of the session's project.
    fn of_type<'a>(kind: &str, name: &str, project: impl Fn() -> Result<&'a str, Failure>) -> Result<Self, Failure> {
        let has = |context: &&crate::node::ContextInfo| context.aggregates.iter().any(|known| known.name == kind);
        let context = CONTEXTS.iter().find(has).ok_or_else(|| unnamed(&format!("{kind} {name}")))?;
        let within = kind == "table" && name.matches('/').count() == 1;
        let id = if within { format!("{}/{name}", project()?) } else { name.to_owned() };
        Ok(Self { context: context.name.to_owned(), kind: kind.to_owned(), id })
    }

    fn path(&self, more: &[&str]) -> String {
        path(&[&["aggregates", &self.context, &self.kind, &self.id], more].concat())
    }
}

fn unnamed(given: &str) -> Failure {
    let kinds: Vec<&str> =
        CONTEXTS.iter().flat_map(|context| context.aggregates.iter().map(|kind| kind.name)).collect();
    Failure::usage(format!("`{given}` names no aggregate."))
        .help(format!("write CONTEXT.TYPE.ID, a subject, or a type ({}) and a name", kinds.join(", ")))
}

fn place(at: &Value) -> String {
    format!("{}:{}", text(&at["stream"]), at["seq"])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value in one line.
fn value(value: &Value) -> String {
    let all = match value {
        Value::String(text) => json!(text).to_string(),
        other => other.to_string(),
    };
    let all = safe(&all);
    if all.chars().count() <= VALUE_CHARS_MAX {
        return all;
    }
    all.chars().take(VALUE_CHARS_MAX - 1).chain(['…']).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(context: &str, kind: &str, id: &str) -> Named {
        Named { context: context.into(), kind: kind.into(), id: id.into() }
    }

    #[test]
    fn aggregates_are_named_in_the_ways_people_see_them() {
        let project = || Ok("demo");
        assert_eq!(Named::of_text("storage.project.my.shop").unwrap(), named("storage", "project", "my.shop"));
        let tenant = alluvium_kernel::Token::encode("default").unwrap();
        let id = alluvium_kernel::Token::encode("my.shop").unwrap();
        let subject = alluvium_kernel::subject::event(&tenant, "storage", "project", &id);
        assert_eq!(Named::of_text(&subject).unwrap(), named("storage", "project", "my.shop"));
        assert_eq!(Named::of_type("project", "demo", project).unwrap(), named("storage", "project", "demo"));
        assert_eq!(Named::of_type("table", "a/b", project).unwrap(), named("storage", "table", "demo/a/b"));
        assert_eq!(Named::of_type("keyring", "demo", project).unwrap(), named("access", "keyring", "demo"));
        assert!(Named::of_type("planet", "mars", project).is_err());
        assert!(Named::of_text("storage").is_err());
    }
}
