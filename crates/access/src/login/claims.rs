//! What tokens say, and what of it must be so.

use alluvium_kernel::Problem;
use serde_json::{Map, Value};

use super::settings::LoginSettings;
use crate::error;

/// How far clocks may differ, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// Tenants that one token may name.
const TENANTS_MAX: usize = 32;

/// What a token says whose signature is right.
#[derive(Clone, Debug)]
pub(super) struct Claims(pub Map<String, Value>);

impl Claims {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Words of a list, or of a text with commas.
    fn words(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::trim).collect(),
            Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
            _ => Vec::new(),
        }
    }

    /// Whom it is about.
    pub fn subject(&self) -> Result<&str, Problem> {
        self.text("sub").ok_or_else(|| error::invalid_token("the token names no subject"))
    }

    /// Whom it is for.
    pub fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one],
            _ => Vec::new(),
        }
    }

    /// The address of whom it is about.
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Whether its issuer vouches for the address.
    pub fn is_email_verified(&self) -> bool {
        match self.0.get("email_verified") {
            Some(Value::Bool(is)) => *is,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// The tenants that it names.
    pub fn tenants(&self) -> Vec<String> {
        let several = self.words("tenants");
        let named = if several.is_empty() { self.text("tenant").into_iter().collect() } else { several };
        let mut names: Vec<String> = named.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect();
        names.dedup();
        names.truncate(TENANTS_MAX);
        names
    }

    /// Refuses what has ended, or has not begun.
    pub fn check_time(&self, now_seconds: i64) -> Result<(), Problem> {
        let seconds =
            |name: &str| self.0.get(name).and_then(|value| value.as_i64().or(value.as_f64().map(|it| it as i64)));
        let Some(ends) = seconds("exp") else { return Err(error::invalid_token("the token never ends")) };
        if ends.saturating_add(LEEWAY_SECONDS) <= now_seconds {
            return Err(error::invalid_token("the token has ended"));
        }
        match (self.0.contains_key("nbf"), seconds("nbf")) {
            (true, Some(begins)) if begins.saturating_sub(LEEWAY_SECONDS) <= now_seconds => Ok(()),
            (true, _) => Err(error::invalid_token("the token has not begun")),
            (false, _) => Ok(()),
        }
    }

    /// Refuses what was not made for logging in here.
    pub fn check_login(&self, settings: &LoginSettings) -> Result<(), Problem> {
        let audiences = self.audiences();
        let is_for_us = audiences.iter().any(|audience| *audience == settings.audience);
        // Some providers put nothing but the client into access tokens.
        if !audiences.is_empty() && !is_for_us || audiences.is_empty() && !self.0.contains_key("client_id") {
            return Err(error::invalid_token("the token is for somebody else"));
        }
        if self.0.contains_key("client_id") && self.text("client_id") != Some(settings.client_id.as_str()) {
            return Err(error::invalid_token("the token is of another client"));
        }
        if self.0.contains_key("token_use") && self.text("token_use") != Some("access") {
            return Err(error::invalid_token("the token is no access token"));
        }
        let groups = self.words("groups");
        let wanted = &settings.authorized_groups;
        if !wanted.is_empty() && !wanted.iter().any(|group| groups.contains(&group.as_str())) {
            return Err(error::invalid_token("the token is of none of the groups that may log in"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(object) = value else { unreachable!("an object") };
        Claims(object)
    }

    #[test]
    fn a_token_is_good_from_when_it_begins_until_it_ends() {
        for (value, reason) in [
            (json!({"exp": 1_000}), None),
            (json!({"exp": 1_000.5, "nbf": 1_000}), None),
            (json!({"exp": 940}), Some("has ended")),
            (json!({"exp": 941}), None),
            (json!({}), Some("never ends")),
            (json!({"exp": "x"}), Some("never ends")),
            (json!({"exp": 2_000, "nbf": 1_061}), Some("has not begun")),
            (json!({"exp": 2_000, "nbf": "x"}), Some("has not begun")),
            (json!({"exp": i64::MAX, "nbf": i64::MIN}), None),
        ] {
            let refused = claims(value.clone()).check_time(1_000).err();
            assert_eq!(refused.is_none(), reason.is_none(), "{value}");
            assert!(refused.is_none_or(|problem| problem.detail.contains(reason.unwrap())), "{value}");
        }
    }

    #[test]
    fn a_login_is_for_us_by_our_client_and_of_our_groups() {
        let settings = LoginSettings {
            client_id: "c".into(),
            authorized_groups: vec!["g".into(), "h".into()],
            ..LoginSettings::default()
        };
        let good = json!({"aud": ["x", "feldera-api"], "groups": ["a", "h"]});
        assert!(claims(good.clone()).check_login(&settings).is_ok());
        for (name, value, is_good) in [
            ("aud", json!("feldera-api"), true),
            ("aud", json!("x"), false),
            ("client_id", json!("c"), true),
            ("client_id", json!("d"), false),
            ("client_id", json!(1), false),
            ("token_use", json!("access"), true),
            ("token_use", json!("id"), false),
            ("groups", json!("a, g"), true),
            ("groups", json!(["a"]), false),
            ("groups", json!(null), false),
        ] {
            let mut changed = good.clone();
            changed[name] = value.clone();
            let found = claims(changed).check_login(&settings);
            assert_eq!(found.is_ok(), is_good, "{name} {value}");
            assert!(found.is_ok() || found.unwrap_err().code == "access.invalid_token");
        }
        let open = LoginSettings { client_id: "c".into(), ..LoginSettings::default() };
        assert!(claims(json!({"client_id": "c"})).check_login(&open).is_ok());
        assert!(claims(json!({})).check_login(&open).is_err());
    }

    #[test]
    fn tenants_are_named_in_a_list_or_in_a_text() {
        for (value, names) in [
            (json!({"tenants": ["a", " b ", "", 1]}), vec!["a", "b"]),
            (json!({"tenants": "a,b"}), vec!["a", "b"]),
            (json!({"tenant": "a,b"}), vec!["a,b"]),
            (json!({"tenants": [], "tenant": "c"}), vec!["c"]),
            (json!({"tenant": 1}), vec![]),
        ] {
            assert_eq!(claims(value.clone()).tenants(), names, "{value}");
        }
        assert_eq!(
            claims(json!({"tenants": (0..99).map(|n| n.to_string()).collect::<Vec<_>>()})).tenants().len(),
            TENANTS_MAX
        );
        let vouched = |value: Value| claims(json!({"email_verified": value})).is_email_verified();
        assert!(vouched(json!(true)) && vouched(json!("true")) && !vouched(json!(1)) && !vouched(json!(null)));
    }
}
