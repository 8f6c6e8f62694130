//! The sets of a context: commands and events by aggregate, and all of them together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::names::camel;
use super::{GenerateError, Source};

/// The enums, and the dispatch to `Decide` and `Evolve` in the context's `model` room.
pub fn rust(sources: &[Source]) -> Result<String, GenerateError> {
    let mut aggregates: BTreeMap<&str, [Vec<&Source>; 2]> = BTreeMap::new();
    for source in sources {
        let side = match source.kind()? {
            "command" => 0,
            "event" => 1,
            "type" => continue,
            _ => return Err(source.wrong("`kind` is command, event or type")),
        };
        aggregates.entry(source.text("aggregate")?).or_default()[side].push(source);
    }
    let mut out = String::new();
    for (aggregate, [commands, events]) in &aggregates {
        out.push_str(&sets(aggregate, commands, events));
        out.push_str(&asked(aggregate, commands));
        out.push_str(&answered(aggregate, events)?);
    }
    if !aggregates.is_empty() {
        out.push_str(&union("Command", "Every command of this context.", aggregates.keys()));
        out.push_str(&union("Event", "Every event of this context.", aggregates.keys()));
        out.push_str(&requirements(sources)?);
    }
    Ok(out)
}

fn sets(aggregate: &str, commands: &[&Source], events: &[&Source]) -> String {
    let name = camel(aggregate);
    let mut out = String::new();
    for (side, members) in [("Command", commands), ("Event", events)] {
        let list: Vec<&str> = members.iter().map(|source| source.name.as_str()).collect();
        let variants: String = list.iter().map(|member| format!("    {member}({member}),\n")).collect();
        let _ = writeln!(
            out,
            "/// {side}s of the aggregate `{aggregate}`.\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\n\
             pub enum {name}{side} {{\n{variants}}}\n\nalluvium_messaging::contract_set!({name}{side} {{ {} }});\n",
            list.join(", ")
        );
        for member in &list {
            let _ = writeln!(
                out,
                "impl From<{member}> for {name}{side} {{\n    fn from(message: {member}) -> Self {{\n        Self::{member}(message)\n    }}\n}}\n"
            );
        }
    }
    let arms = |members: &[&Source], call: &str| -> String {
        members.iter().map(|source| format!("            {}Command::{}(c) => {call},\n", name, source.name)).collect()
    };
    let evolve: String = events
        .iter()
        .map(|source| format!("            {name}Event::{}(e) => Evolve::evolve(e, self),\n", source.name))
        .collect();
    let _ = writeln!(
        out,
        "impl cqrs_es::DomainEvent for {name}Event {{\n    fn event_type(&self) -> String {{\n        alluvium_messaging::ContractSet::name(self).to_owned()\n    }}\n    fn event_version(&self) -> String {{\n        \"1\".to_owned()\n    }}\n}}\n\n\
         impl cqrs_es::Aggregate for crate::model::{name} {{\n    const TYPE: &'static str = \"{aggregate}\";\n    type Command = {name}Command;\n    type Event = {name}Event;\n    type Error = alluvium_kernel::Problem;\n    type Services = alluvium_kernel::DecisionContext;\n\n    async fn handle(\n        &mut self,\n        command: {name}Command,\n        at: &alluvium_kernel::DecisionContext,\n        sink: &cqrs_es::event_sink::EventSink<Self>,\n    ) -> Result<(), alluvium_kernel::Problem> {{\n        use alluvium_kernel::Decide;\n        let events: Vec<{name}Event> = match command {{\n{}        }};\n        for event in events {{\n            sink.write(event, self).await;\n        }}\n        Ok(())\n    }}\n\n    fn apply(&mut self, event: {name}Event) {{\n        use alluvium_kernel::Evolve;\n        match event {{\n{evolve}        }}\n    }}\n}}\n",
        arms(commands, "Decide::decide(c, self, at)?")
    );
    out
}

/// What the commands of an aggregate have in common: a question for each text that two of them or more hold.
fn asked(aggregate: &str, commands: &[&Source]) -> String {
    let texts = |source: &Source| -> Vec<String> {
        let fields = source.schema["fields"].as_array().into_iter().flatten();
        let plain = fields.filter(|field| field["type"] == "string");
        plain.filter_map(|field| field["name"].as_str()).map(str::to_owned).collect()
    };
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in commands {
        for text in texts(source) {
            holders.entry(text).or_default().push(&source.name);
        }
    }
    let name = camel(aggregate);
    let mut questions = String::new();
    for (text, holders) in holders.iter().filter(|(_, holders)| holders.len() > 1) {
        let all = holders.len() == commands.len();
        let given = if all { format!("&c.{text}") } else { format!("Some(&c.{text})") };
        let arms: String = holders.iter().map(|holder| format!("Self::{holder}(c) => {given},\n")).collect();
        let (answer, rest) = if all { ("&str", "") } else { ("Option<&str>", "_ => None,\n") };
        let _ = writeln!(
            questions,
            "    /// `{text}` of the command.\n    pub fn {text}(&self) -> {answer} {{\n        match self {{\n{arms}{rest}        }}\n    }}\n"
        );
    }
    if questions.is_empty() { questions } else { format!("impl {name}Command {{\n{questions}}}\n\n") }
}

/// Which events are requests that another event answers: their schemas name the command behind them in `request_of`.
fn answered(aggregate: &str, events: &[&Source]) -> Result<String, GenerateError> {
    let mut arms = String::new();
    for source in events {
        let answer = match &source.schema["request_of"] {
            Value::Null => "None".to_owned(),
            Value::String(command) => format!("Some(\"{command}\")"),
            _ => return Err(source.wrong("`request_of` is the name of a command")),
        };
        let _ = writeln!(arms, "            Self::{}(_) => {answer},", source.name);
    }
    if !arms.contains("Some(") {
        return Ok(String::new());
    }
    let name = camel(aggregate);
    Ok(format!(
        "impl {name}Event {{\n    /// The command whose outcome waits until this request is answered.\n    pub fn request_of(&self) -> Option<&'static str> {{\n        match self {{\n{arms}        }}\n    }}\n}}\n\n"
    ))
}

fn union<'a>(side: &str, doc: &str, aggregates: impl Iterator<Item = &'a &'a str> + Clone) -> String {
    let names: Vec<String> = aggregates.map(|aggregate| camel(aggregate)).collect();
    let variants: String = names.iter().map(|name| format!("    {name}({name}{side}),\n")).collect();
    let parts: Vec<String> = names.iter().map(|name| format!("{name}({name}{side})")).collect();
    format!(
        "/// {doc}\n#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\npub enum {side} {{\n{variants}}}\n\n\
         alluvium_messaging::contract_union!({side} {{ {} }});\n\n",
        parts.join(", ")
    )
}

/// The fields that say of what a right is.
fn asks_of(right: &str) -> Option<&'static [&'static str]> {
    match right {
        "project_admin" | "project_write" | "project_read" | "project_member" | "key_admin" | "bucket_admin" => {
            Some(&["project"])
        }
        "branch_write" | "branch_read" | "file_write" | "file_export" => Some(&["project", "branch"]),
        "bucket_write" | "bucket_read" => Some(&["project", "branch", "bucket"]),
        "workspace_write" => Some(&["project", "branch", "holder"]),
        _ => None,
    }
}

fn requirements(sources: &[Source]) -> Result<String, GenerateError> {
    let mut arms = String::new();
    for source in sources {
        if source.kind()? != "command" {
            continue;
        }
        let has = |field: &str| {
            source.schema["fields"].as_array().is_some_and(|all| all.iter().any(|found| found["name"] == field))
        };
        let right = match source.text("requires")? {
            "admin" => "Requirement::Admin".to_owned(),
            "authenticated" => "Requirement::Authenticated".to_owned(),
            "system" => "Requirement::System".to_owned(),
            "pipeline_read" => "Requirement::PipelineRead".to_owned(),
            "pipeline_write" => "Requirement::PipelineWrite".to_owned(),
            "pipeline_admin" => "Requirement::PipelineAdmin".to_owned(),
            "pipeline_owner" => "Requirement::PipelineOwner".to_owned(),
            right => {
                let Some(fields) = asks_of(right).filter(|fields| fields.iter().all(|field| has(field))) else {
                    let reason = format!("`requires`: `{right}` is no right, or wants fields that say of what");
                    return Err(source.wrong(reason));
                };
                let args: Vec<String> = fields.iter().map(|field| format!("c.{field}.clone()")).collect();
                format!("Requirement::{}({})", camel(right), args.join(", "))
            }
        };
        let binding = if right.contains("c.project") { "c" } else { "_" };
        let set = camel(source.text("aggregate")?);
        let _ = writeln!(arms, "            Self::{set}({set}Command::{}({binding})) => {right},", source.name);
    }
    Ok(format!(
        "impl Command {{\n    /// The right this command needs, as its schema declares.\n    pub fn requirement(&self) -> alluvium_kernel::Requirement {{\n        use alluvium_kernel::Requirement;\n        match self {{\n{arms}        }}\n    }}\n}}\n"
    ))
}
