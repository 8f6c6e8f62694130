//! What a program can `SET`.

use crate::message::{Message, warning};
use crate::statement::SetStatement;

/// With what the names of settings begin that silence a warning.
const IGNORE: &str = "feldera_ignore_warning_";

/// The settings of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether warnings are errors.
    pub are_warnings_errors: bool,
    /// The titles of warnings that are not given.
    pub ignored_warnings: Vec<&'static str>,
    /// Whether inputs must never have fewer than no copies of a row.
    pub enforce_positive_inputs: bool,
    /// Whether joins of many tables with one are spread out.
    pub avoid_star_joins: bool,
    /// Whether VARIANT values are laid out flat.
    pub flat_variant: bool,
}

impl Settings {
    /// Takes over what the statement sets, or says that there is nothing of that name or value.
    pub(crate) fn set(&mut self, statement: &SetStatement) -> Result<(), Message> {
        let name = statement.option.identifier.name.to_lowercase();
        let unknown = |message: String| Message::warning(warning::UNKNOWN_SETTING, statement.option.range, message);
        let value = match statement.value.to_lowercase().as_str() {
            "true" | "on" | "1" => true,
            "false" | "off" | "0" => false,
            _ => return Err(unknown(format!("'{}' is no value for '{name}': it is true or false", statement.value))),
        };
        match name.as_str() {
            "feldera_warnings_are_errors" => self.are_warnings_errors = value,
            "enforce_positive_inputs" => self.enforce_positive_inputs = value,
            "feldera_avoid_star_joins" => self.avoid_star_joins = value,
            "feldera_flat_variant" => self.flat_variant = value,
            _ => {
                let Some(title) = name.strip_prefix(IGNORE).and_then(titled) else {
                    return Err(unknown(format!("there is no setting '{name}'")));
                };
                self.ignored_warnings.retain(|ignored| *ignored != title);
                if value {
                    self.ignored_warnings.push(title);
                }
            }
        }
        Ok(())
    }
}

/// The title of a warning, whose letters and digits are those of the name.
fn titled(name: &str) -> Option<&'static str> {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let name = letters(name);
    warning::ALL.iter().copied().find(|title| letters(title) == name)
}
