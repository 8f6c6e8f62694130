//! Workloads: tokens of issuers that tenants trust, and the addresses that such issuers may have.

use std::net::IpAddr;

use alluvium_kernel::{Problem, Token};

use super::claims::Claims;
use super::pattern::fits;
use crate::error;
use crate::tenancy::Trust;

/// Whether a token is one of those that a trust is about.
pub(super) fn lets_in(subject: &str, audience: Option<&str>, claims: &Claims) -> bool {
    let is_subject = claims.subject().is_ok_and(|given| fits(subject, given));
    is_subject && audience.is_none_or(|pattern| claims.audiences().iter().any(|given| fits(pattern, given)))
}

/// The trust that lets a token into the one tenant that is meant: of several, the one that opens the most.
pub(super) fn choose(trusts: Vec<(Token, Trust)>, tenant: Option<&Token>) -> Result<(Token, Trust), Problem> {
    let mut found: Vec<(Token, Trust)> =
        trusts.into_iter().filter(|(of, _)| tenant.is_none_or(|tenant| tenant == of)).collect();
    found.sort_by(|(a, one), (b, other)| {
        let key = |token: &Token, trust: &Trust| {
            (token.as_str().to_owned(), std::cmp::Reverse(trust.role), trust.added.id.clone())
        };
        key(a, one).cmp(&key(b, other))
    });
    let is_ambiguous = found.iter().any(|(of, _)| *of != found[0].0);
    if is_ambiguous {
        return Err(error::ambiguous_trust());
    }
    found.into_iter().next().ok_or_else(error::tenant_not_trusted)
}

/// Refuses issuers that are not of the public web: this process would be made to look into its own network.
pub(crate) fn check_issuer(issuer: &str, allow_internal: bool) -> Result<(), Problem> {
    let url = url::Url::parse(issuer).map_err(|cause| error::invalid_issuer(&cause.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(error::invalid_issuer("it has a user, a query or a fragment"));
    }
    if allow_internal && url.scheme() == "http" {
        return Ok(());
    }
    if url.scheme() != "https" {
        return Err(error::invalid_issuer("it must begin with https://"));
    }
    if allow_internal {
        return Ok(());
    }
    match url.host() {
        Some(url::Host::Domain(name)) if is_public_name(name) => Ok(()),
        Some(url::Host::Ipv4(address)) if is_public(IpAddr::V4(address)) => Ok(()),
        Some(url::Host::Ipv6(address)) if is_public(IpAddr::V6(address)) => Ok(()),
        _ => Err(error::invalid_issuer("its host is not of the public web")),
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let inner = ["localhost", "local", "internal", "lan", "home.arpa", "test", "example", "invalid"];
    name.contains('.') && !inner.iter().any(|suffix| name == *suffix || name.ends_with(&format!(".{suffix}")))
}

/// Whether an address is one that anybody can reach, and nobody's own.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            // Shared by carriers, for protocols, for benchmarks, and what nobody has.
            let is_reserved = matches!((a, b, c), (0 | 240.., ..) | (100, 64..128, _) | (192, 0, 0) | (198, 18..20, _));
            let is_special = v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast();
            !is_special && !is_reserved
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            match v6.to_ipv4() {
                Some(v4) => is_public(IpAddr::V4(v4)),
                // 2000::/3 is what is given out; documentation and translated addresses are not.
                None => first & 0xe000 == 0x2000 && !(first == 0x2001 && v6.segments()[1] == 0x0db8) && first != 0x2002,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::TrustAdded;
    use crate::model::Role;

    fn trust(id: &str, role: &str) -> Trust {
        let added = TrustAdded {
            id: id.into(),
            name: id.into(),
            issuer: "i".into(),
            subject: "s".into(),
            audience: None,
            role: role.into(),
            description: None,
            at: 0,
        };
        Trust { added, role: Role::parse(role).unwrap() }
    }

    #[test]
    fn subject_and_audience_must_fit() {
        let claims = |value: serde_json::Value| Claims(value.as_object().unwrap().clone());
        let given = claims(json!({"sub": "repo:a/b", "aud": ["x", "https://y"]}));
        for (subject, audience, expected) in [
            ("repo:a/*", None, true),
            ("repo:b/*", None, false),
            ("repo:a/b", Some("https://*"), true),
            ("repo:a/b", Some("z"), false),
        ] {
            assert_eq!(lets_in(subject, audience, &given), expected, "{subject} {audience:?}");
        }
        assert!(!lets_in("*", None, &claims(json!({}))));
        assert!(!lets_in("*", Some("*"), &claims(json!({"sub": "s"}))));
    }

    #[test]
    fn one_tenant_is_meant_and_the_widest_trust_counts() {
        let [a, b] = ["a", "b"].map(|name| Token::encode(name).unwrap());
        let in_a = || {
            vec![(a.clone(), trust("1", "read")), (a.clone(), trust("2", "admin")), (a.clone(), trust("3", "write"))]
        };
        assert_eq!(choose(in_a(), None).unwrap().1.added.id, "2");
        let mut both = in_a();
        both.push((b.clone(), trust("4", "read")));
        assert_eq!(choose(both.clone(), None).unwrap_err().code, "access.ambiguous_oidc_tenant");
        assert_eq!(choose(both.clone(), Some(&b)).unwrap().1.added.id, "4");
        assert_eq!(choose(in_a(), Some(&b)).unwrap_err().code, "access.oidc_tenant_not_trusted");
        assert_eq!(choose(vec![], None).unwrap_err().code, "access.oidc_tenant_not_trusted");
    }

    #[test]
    fn issuers_are_of_the_public_web() {
        for issuer in [
            "https://token.actions.githubusercontent.com",
            "https://accounts.example.com/realms/x",
            "https://8.8.8.8",
            "https://192.0.32.8",
            "https://[2606:4700::1111]",
        ] {
            assert_eq!(check_issuer(issuer, false), Ok(()), "{issuer}");
        }
        for issuer in [
            "http://accounts.example.com",
            "https://localhost",
            "https://idp",
            "https://idp.internal",
            "https://idp.local.",
            "https://127.0.0.1",
            "https://10.1.2.3",
            "https://192.168.0.1",
            "https://169.254.169.254",
            "https://100.64.0.1",
            "https://0.0.0.0",
            "https://192.0.0.8",
            "https://192.0.2.1",
            "https://198.19.0.1",
            "https://240.0.0.1",
            "https://2130706433",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "https://user@idp.example.com",
            "https://idp.example.com?x=1",
            "ftp://idp.example.com",
            "x",
            "",
        ] {
            let refused = check_issuer(issuer, false).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.status), ("access.invalid_oidc_issuer_url", 400), "{issuer}");
        }
        for issuer in ["http://localhost:8080", "https://10.1.2.3"] {
            assert_eq!(check_issuer(issuer, true), Ok(()), "{issuer}");
        }
        assert!(check_issuer("ftp://idp", true).is_err());
    }
}
