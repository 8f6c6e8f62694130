//! Who may do what, by the role table of the surface.

use alluvium_http::PathParams;
use alluvium_kernel::Requirement;

use super::list::list;

#[test]
fn every_route_asks_what_the_table_says() {
    use Requirement::{Nothing, PipelineAdmin, PipelineOwner};

    let known: [(&str, &str, Requirement); 16] = [
        ("GET", "/config/authentication", Nothing),
        ("GET", "/v0/config/session", Nothing),
        ("GET", "/v0/config/owners", PipelineOwner),
        ("GET", "/v0/tenants", PipelineOwner),
        ("POST", "/v0/tenants", PipelineOwner),
        ("GET", "/v0/tenants/{tenant_id}", PipelineOwner),
        ("PATCH", "/v0/tenants/{tenant_id}", PipelineOwner),
        ("DELETE", "/v0/tenants/{tenant_id}", PipelineOwner),
        ("GET", "/v0/tenant/users", PipelineAdmin),
        ("POST", "/v0/tenant/users", PipelineAdmin),
        ("PUT", "/v0/tenant/users/{user_id}", PipelineAdmin),
        ("DELETE", "/v0/tenant/users/{user_id}", PipelineAdmin),
        ("GET", "/v0/oidc_trust", PipelineAdmin),
        ("POST", "/v0/oidc_trust", PipelineAdmin),
        ("GET", "/v0/oidc_trust/{name}", PipelineAdmin),
        ("DELETE", "/v0/oidc_trust/{name}", PipelineAdmin),
    ];
    let routes = list();
    assert_eq!(routes.len(), known.len());
    for (method, path, requirement) in known {
        let route = routes.iter().find(|it| it.info().method().as_str() == method && it.info().template() == path);
        let info = route.unwrap_or_else(|| panic!("{method} {path}")).info();
        assert_eq!(info.requirement(&PathParams::default()), requirement, "{method} {path}");
    }
}
