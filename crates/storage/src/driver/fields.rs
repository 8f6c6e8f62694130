//! Fields of a command, as protobuf's JSON writes them: in camel case or snake case, numbers also as text, enums by name or number.

use alluvium_kernel::Problem;
use serde_json::{Map, Value};

use super::commands::COMMANDS;
use super::wrong;

/// An object's fields.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub fn of(object: &'a Map<String, Value>) -> Self {
        Self(object)
    }

    /// The name of the command; its type may be written with the path that protobuf gives it.
    pub fn kind(&self) -> Result<&'static str, Problem> {
        let given = self.0.get("type").or_else(|| self.0.get("@type")).and_then(Value::as_str);
        let given = given.ok_or_else(|| wrong("The command has no `type`."))?;
        let name = given.rsplit(['.', '/']).next().unwrap_or(given);
        let known = COMMANDS.iter().find(|command| command.name == name);
        known.map(|command| command.name).ok_or_else(|| {
            let name: String = name.chars().take(100).collect();
            wrong(format!("Unknown command type {name:?}."))
        })
    }

    /// A field by its camel-case name, in either spelling; null is as good as absent.
    fn value(&self, name: &str) -> Option<&'a Value> {
        let found = self.0.get(name).or_else(|| self.0.get(&snake(name)));
        found.filter(|value| !value.is_null())
    }

    /// A text; empty is as good as absent.
    pub fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.value(name) {
            None => Ok(None),
            // Nothing here has a name with it, and Postgres takes no text with it.
            Some(Value::String(text)) if text.contains('\0') => Err(wrong(format!("`{name}` holds a NUL."))),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong(format!("`{name}` is no text."))),
        }
    }

    pub fn required(&self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| wrong(format!("`{name}` is missing.")))
    }

    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(_) => Err(wrong(format!("`{name}` is neither true nor false."))),
        }
    }

    pub fn number(&self, name: &str) -> Result<i64, Problem> {
        let read = match self.value(name) {
            None => return Ok(0),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) if text.is_empty() => return Ok(0),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        read.ok_or_else(|| wrong(format!("`{name}` is no whole number.")))
    }

    /// Which of `names` a field has: by number, or by name as protobuf writes it, with or without what all names share.
    pub fn choice(&self, name: &str, names: &[&'static str]) -> Result<&'static str, Problem> {
        let by_number = |number: usize| names.get(number).copied();
        let found = match self.value(name) {
            None => by_number(0),
            Some(Value::Number(number)) => number.as_u64().and_then(|number| by_number(usize::try_from(number).ok()?)),
            Some(Value::String(text)) => {
                let folded = text.to_ascii_lowercase();
                let by_name =
                    names.iter().copied().find(|known| folded == *known || folded.ends_with(&format!("_{known}")));
                by_name.or_else(|| text.parse().ok().and_then(by_number))
            }
            Some(_) => None,
        };
        found.ok_or_else(|| wrong(format!("`{name}` is none of {}.", names.join(", "))))
    }

    /// Texts; absent is none.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let no_texts = || wrong(format!("`{name}` is no list of texts."));
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(no_texts)?;
        let text = |item: &Value| item.as_str().filter(|text| !text.contains('\0')).map(ToOwned::to_owned);
        items.iter().map(|item| text(item).ok_or_else(no_texts)).collect()
    }

    /// An object; absent is an empty one.
    pub fn object(&self, name: &str) -> Result<Fields<'a>, Problem> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self.value(name) {
            None => Ok(Fields(&EMPTY)),
            Some(Value::Object(object)) => Ok(Fields(object)),
            Some(_) => Err(wrong(format!("`{name}` is no object."))),
        }
    }

    /// Objects; absent is none.
    pub fn objects(&self, name: &str) -> Result<Vec<Fields<'a>>, Problem> {
        let no_objects = || wrong(format!("`{name}` is no list of objects."));
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(no_objects)?;
        items.iter().map(|item| item.as_object().map(Fields).ok_or_else(no_objects)).collect()
    }

    /// Refuses fields that say something which nothing here would do.
    pub fn unsupported(&self, names: &[&str]) -> Result<(), Problem> {
        for name in names {
            if self.value(name).is_some_and(|value| !super::is_default(value)) {
                return Err(wrong(format!("`{name}` is not supported here.")));
            }
        }
        Ok(())
    }
}

/// `bucketId` as `bucket_id`.
fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &Value) -> Fields<'_> {
        Fields::of(value.as_object().unwrap())
    }

    #[test]
    fn either_spelling_of_a_name_and_a_type_is_taken() {
        let command = json!({
            "@type": "type.googleapis.com/keboola.storageDriver.command.bucket.CreateBucketCommand",
            "bucket_id": "in.c-x", "isCascade": "true", "limit": "12", "op": "OPERATOR_NE", "kind": 1,
        });
        let fields = of(&command);
        assert_eq!(fields.kind().unwrap(), "CreateBucketCommand");
        assert_eq!(fields.required("bucketId").unwrap(), "in.c-x");
        assert!(fields.flag("isCascade").unwrap());
        assert_eq!(fields.number("limit").unwrap(), 12);
        assert_eq!(fields.choice("op", &["eq", "ne"]).unwrap(), "ne");
        assert_eq!(fields.choice("kind", &["eq", "ne"]).unwrap(), "ne");
        assert_eq!(fields.choice("absent", &["eq", "ne"]).unwrap(), "eq");
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let command = json!({"type": "NoCommand", "limit": "x", "names": [1], "after": "now"});
        let fields = of(&command);
        let problems = [
            fields.kind().map(drop),
            fields.required("missing").map(drop),
            fields.number("limit").map(drop),
            fields.texts("names").map(drop),
            fields.choice("limit", &["a"]).map(drop),
            fields.unsupported(&["after"]),
        ];
        for problem in problems {
            assert_eq!(problem.unwrap_err().status, 400);
        }
    }
}
