//! Who may log in, as the installation is configured.

use serde::{Deserialize, Serialize};

use crate::model::Role;

/// The audience of tokens where nobody says another.
const AUDIENCE: &str = "feldera-api";
/// What names of settings begin with: as clients' deployments write them, and ours.
const PREFIXES: [&str; 2] = ["ALLUVIUM_", "FELDERA_"];

/// Who people log in with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// Nobody: keys are all there is, and what tenants trust.
    #[default]
    None,
    /// A user pool of AWS, with the addresses of its pages.
    AwsCognito {
        /// Where people log in.
        login_url: String,
        /// Where they log out.
        logout_url: String,
    },
    /// Any provider that speaks OIDC, with further scopes that clients ask it for.
    GenericOidc {
        /// These scopes.
        extra_scopes: Vec<String>,
    },
}

/// Who may log in, and what they find then.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginSettings {
    /// Who people log in with.
    pub provider: Provider,
    /// The provider's tokens say that they are from here.
    pub issuer: String,
    /// What the provider calls clients of this installation.
    pub client_id: String,
    /// Whom its tokens are for.
    pub audience: String,
    /// Whether a tenant is that of the issuer's host, where tokens name none.
    pub issuer_tenant: bool,
    /// Whether everybody has a tenant of their own, where tokens name none.
    pub individual_tenant: bool,
    /// Groups of which people must be in one; none lets everybody in.
    pub authorized_groups: Vec<String>,
    /// What members may whom a login adds.
    pub default_role: Role,
    /// What the first of them may.
    pub first_user_role: Role,
    /// Whether a login adds tenants and members.
    pub provision_on_login: bool,
    /// Who owns the installation: addresses that the provider vouches for, subjects, or issuers and subjects with a space between.
    pub owners: Vec<String>,
    /// Workloads that own it.
    pub owner_trusts: Vec<OwnerTrust>,
    /// Whether tenants may trust issuers that are not of the public web.
    pub allow_internal_issuers: bool,
}

/// A workload that owns the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerTrust {
    /// Who signs its tokens.
    pub issuer: String,
    /// What their subject must be; `*` stands for anything.
    pub subject: String,
    /// What their audience must be.
    #[serde(default)]
    pub audience: Option<String>,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self {
            provider: Provider::None,
            issuer: String::new(),
            client_id: String::new(),
            audience: AUDIENCE.to_owned(),
            issuer_tenant: false,
            individual_tenant: true,
            authorized_groups: Vec::new(),
            default_role: Role::Read,
            first_user_role: Role::Admin,
            provision_on_login: true,
            owners: Vec::new(),
            owner_trusts: Vec::new(),
            allow_internal_issuers: false,
        }
    }
}

impl LoginSettings {
    /// From variables: `AUTH_PROVIDER` is none, aws-cognito or generic-oidc; the rest begins with `FELDERA_` or `ALLUVIUM_`, which
    /// counts more. Says what is wrong.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| {
            let own = PREFIXES.iter().map(|prefix| format!("{prefix}{name}"));
            own.into_iter().find_map(|name| get(&name)).or_else(|| get(name)).filter(|text| !text.trim().is_empty())
        };
        let list = |name: &str, by: char| -> Vec<String> {
            let text = get(name).unwrap_or_default();
            text.split(by).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        let flag = |name: &str, default: bool| match get(name).as_deref().map(str::trim) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(format!("{name} is `{other}`; it must be true or false")),
        };
        let role = |name: &str, default: Role| match get(name) {
            None => Ok(default),
            Some(text) => {
                Role::parse(text.trim()).ok_or_else(|| format!("{name} is `{text}`; it must be read, write or admin"))
            }
        };
        let needed = |name: &str| get(name).ok_or_else(|| format!("{name} is missing: AUTH_PROVIDER needs it"));
        let provider = match get("AUTH_PROVIDER").as_deref() {
            None | Some("none") => Provider::None,
            Some("generic-oidc") => Provider::GenericOidc { extra_scopes: list("AUTH_EXTRA_OIDC_SCOPES", ',') },
            Some("aws-cognito") => Provider::AwsCognito {
                login_url: needed("AUTH_COGNITO_LOGIN_URL")?,
                logout_url: needed("AUTH_COGNITO_LOGOUT_URL")?,
            },
            Some(other) => {
                return Err(format!("AUTH_PROVIDER is `{other}`; it must be none, aws-cognito or generic-oidc"));
            }
        };
        let (issuer, client_id) = match provider {
            Provider::None => Default::default(),
            Provider::AwsCognito { .. } | Provider::GenericOidc { .. } => {
                (needed("AUTH_ISSUER")?, needed("AUTH_CLIENT_ID")?)
            }
        };
        let owner_trusts = match get("OWNER_TRUSTS") {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(&text).map_err(|cause| format!("OWNER_TRUSTS cannot be read: {cause}"))?
            }
        };
        Ok(Self {
            provider,
            issuer,
            client_id,
            audience: get("AUTH_AUDIENCE").unwrap_or_else(|| AUDIENCE.to_owned()),
            issuer_tenant: flag("AUTH_ISSUER_TENANT", false)?,
            individual_tenant: flag("AUTH_INDIVIDUAL_TENANT", true)?,
            authorized_groups: list("AUTH_AUTHORIZED_GROUPS", ','),
            default_role: role("AUTH_DEFAULT_ROLE", Role::Read)?,
            first_user_role: role("AUTH_FIRST_USER_ROLE", Role::Admin)?,
            provision_on_login: flag("AUTH_PROVISION_ON_LOGIN", true)?,
            owners: list("OWNERS", ','),
            owner_trusts,
            allow_internal_issuers: flag("ALLOW_INTERNAL_TENANT_TRUST_ISSUERS", false)?,
        })
    }

    /// Whether people can log in by tokens of this issuer.
    pub(super) fn is_login(&self, issuer: &str) -> bool {
        self.provider != Provider::None && self.issuer == issuer
    }

    /// Whether somebody owns the installation. An address counts only where the provider vouches for it.
    pub(super) fn is_owner(&self, issuer: &str, subject: &str, verified_email: Option<&str>) -> bool {
        let both = format!("{issuer} {subject}");
        self.owners.iter().any(|owner| {
            *owner == both || owner == subject || verified_email.is_some_and(|email| owner.eq_ignore_ascii_case(email))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<LoginSettings, String> {
        let get = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        LoginSettings::from_variables(get)
    }

    #[test]
    fn what_is_not_said_is_as_clients_expect() {
        assert_eq!(of(&[]), Ok(LoginSettings::default()));
        assert_eq!(of(&[("AUTH_PROVIDER", "none"), ("FELDERA_AUTH_AUDIENCE", " ")]), Ok(LoginSettings::default()));
    }

    #[test]
    fn variables_have_two_names_and_ours_count_more() {
        let settings = of(&[
            ("AUTH_PROVIDER", "generic-oidc"),
            ("FELDERA_AUTH_ISSUER", "https://theirs"),
            ("ALLUVIUM_AUTH_ISSUER", "https://ours"),
            ("FELDERA_AUTH_CLIENT_ID", "c"),
            ("FELDERA_AUTH_AUTHORIZED_GROUPS", "a, b,"),
            ("FELDERA_AUTH_DEFAULT_ROLE", "write"),
            ("FELDERA_AUTH_INDIVIDUAL_TENANT", "false"),
            ("FELDERA_OWNERS", "a@b.c, https://ours s"),
            ("FELDERA_OWNER_TRUSTS", r#"[{"issuer": "i", "subject": "s*"}]"#),
        ]);
        let settings = settings.unwrap();
        assert_eq!((settings.issuer.as_str(), settings.client_id.as_str()), ("https://ours", "c"));
        assert_eq!(
            (settings.authorized_groups.len(), settings.default_role, settings.individual_tenant),
            (2, Role::Write, false)
        );
        assert_eq!(settings.owner_trusts[0].audience, None);
        assert!(settings.is_login("https://ours") && !settings.is_login("https://theirs"));
        assert!(settings.is_owner("https://ours", "s", None) && !settings.is_owner("https://x", "s", None));
        assert!(settings.is_owner("x", "x", Some("A@b.c")) && !settings.is_owner("x", "x", None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (name, value, reason) in [
            ("AUTH_PROVIDER", "ldap", "must be none"),
            ("AUTH_PROVIDER", "generic-oidc", "AUTH_ISSUER is missing"),
            ("AUTH_PROVIDER", "aws-cognito", "LOGIN_URL is missing"),
            ("FELDERA_AUTH_PROVISION_ON_LOGIN", "perhaps", "true or false"),
            ("FELDERA_AUTH_DEFAULT_ROLE", "owner", "read, write or admin"),
            ("FELDERA_OWNER_TRUSTS", "[{}]", "cannot be read"),
        ] {
            let refused = of(&[(name, value)]).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        assert!(!LoginSettings::default().is_login(""), "who has no provider has no issuer either");
    }
}
