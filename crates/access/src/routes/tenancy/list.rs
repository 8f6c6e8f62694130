//! The routes, as data.

use alluvium_http::{CodedRenderer, Op, PathParams, Route, RouteGroup};
use alluvium_kernel::Requirement;

use super::wire::{
    AddMemberRequest, AddMemberResponse, AuthProvider, ConfiguredOwners, NewOidcTrustRequest, NewOidcTrustResponse,
    NewTenantRequest, OidcTrustDescr, RenameTenantRequest, RenameTenantResponse, SessionInfo, SetMemberRoleRequest,
    TenantInfo, TenantMember,
};
use super::{TenancyRoutes, members, session, tenants, trusts};

const TENANTS: &str = "/v0/tenants";
const TENANT: &str = "/v0/tenants/{tenant_id}";
const MEMBERS: &str = "/v0/tenant/users";
const MEMBER: &str = "/v0/tenant/users/{user_id}";
const TRUSTS: &str = "/v0/oidc_trust";
const TRUST: &str = "/v0/oidc_trust/{name}";

/// What names may be wrong in.
const NAMED: [&str; 5] = [
    "access.empty_name",
    "access.too_long_name",
    "access.name_does_not_match_pattern",
    "access.invalid_request_body",
    "access.too_many",
];

/// The routes, with their shape of errors.
pub fn routes(state: TenancyRoutes) -> RouteGroup {
    let logins = state.logins.clone();
    RouteGroup::new("tenancy", state, list()).compressed().credentials(logins).errors_as(CodedRenderer, &[])
}

fn anyone(_: &PathParams) -> Requirement {
    Requirement::Nothing
}

fn admin(_: &PathParams) -> Requirement {
    Requirement::PipelineAdmin
}

fn owner(_: &PathParams) -> Requirement {
    Requirement::PipelineOwner
}

fn op(id: &str, summary: &str) -> Op {
    Op::new(id, "tenants", summary)
}

pub(super) fn list() -> Vec<Route<TenancyRoutes>> {
    [of_sessions(), of_tenants(), of_members(), of_trusts()].into_iter().flatten().collect()
}

fn of_sessions() -> Vec<Route<TenancyRoutes>> {
    vec![
        Route::get(
            "/config/authentication",
            anyone,
            session::authentication,
            op("getConfigAuthentication", "How people log in; an empty object when keys are all there is")
                .json::<AuthProvider>(200, "The provider"),
        ),
        Route::get(
            "/v0/config/session",
            anyone,
            session::session,
            op("getConfigSession", "Who asks, where they act, and what they may")
                .description("Needs a live credential. Answers also who is a member of several tenants and names none.")
                .json::<SessionInfo>(200, "The session")
                .errors(&["http.not_authenticated", "access.invalid_token", "access.login_unavailable"])
                .errors(&["access.not_a_tenant_member", "access.unknown_tenant", "access.oidc_tenant_not_trusted"]),
        ),
        Route::get(
            "/v0/config/owners",
            owner,
            session::owners,
            op("getConfigOwners", "Who owns the installation").json::<ConfiguredOwners>(200, "As it is configured"),
        ),
    ]
}

fn of_tenants() -> Vec<Route<TenancyRoutes>> {
    vec![
        Route::get(
            TENANTS,
            owner,
            tenants::list,
            op("listTenants", "List tenants by name").json_list::<TenantInfo>(200, "All of them"),
        ),
        Route::post(
            TENANTS,
            owner,
            tenants::create,
            op("createTenant", "Create a tenant, unless there is one of this name")
                .body::<NewTenantRequest>()
                .json::<TenantInfo>(200, "There is one")
                .json::<TenantInfo>(201, "It is created")
                .errors(&NAMED),
        ),
        Route::get(
            TENANT,
            owner,
            tenants::get,
            op("getTenant", "Show a tenant, by name or id")
                .json::<TenantInfo>(200, "The tenant")
                .errors(&["access.unknown_tenant"]),
        ),
        Route::patch(
            TENANT,
            owner,
            tenants::rename,
            op("renameTenant", "Give a tenant another name")
                .body::<RenameTenantRequest>()
                .json::<RenameTenantResponse>(200, "It has it")
                .errors(&NAMED)
                .errors(&["access.unknown_tenant", "access.duplicate_name"]),
        ),
        Route::delete(
            TENANT,
            owner,
            tenants::delete,
            op("deleteTenant", "Delete a tenant that holds nothing")
                .empty(200, "Gone")
                .errors(&["access.unknown_tenant", "access.tenant_not_empty"]),
        ),
    ]
}

fn of_members() -> Vec<Route<TenancyRoutes>> {
    let roles = ["access.owner_role_not_assignable", "access.invalid_param", "access.invalid_request_body"];
    vec![
        Route::get(
            MEMBERS,
            admin,
            members::list,
            op("listTenantUsers", "List the members of your tenant").json_list::<TenantMember>(200, "All of them"),
        ),
        Route::post(
            MEMBERS,
            admin,
            members::add,
            op("addTenantUser", "Make a person a member of your tenant, before they log in")
                .body::<AddMemberRequest>()
                .json::<AddMemberResponse>(200, "They are")
                .errors(&roles)
                .errors(&["access.too_many"]),
        ),
        Route::put(
            MEMBER,
            admin,
            members::set_role,
            op("putTenantUser", "Give a member another role")
                .body::<SetMemberRoleRequest>()
                .empty(200, "They have it")
                .errors(&roles)
                .errors(&["access.unknown_user"]),
        ),
        Route::delete(
            MEMBER,
            admin,
            members::remove,
            op("deleteTenantUser", "End a membership").empty(200, "It has ended").errors(&["access.unknown_user"]),
        ),
    ]
}

fn of_trusts() -> Vec<Route<TenancyRoutes>> {
    vec![
        Route::get(
            TRUSTS,
            admin,
            trusts::list,
            op("listOidcTrust", "List whom your tenant trusts").json_list::<OidcTrustDescr>(200, "All of them"),
        ),
        Route::post(
            TRUSTS,
            admin,
            trusts::create,
            op("postOidcTrust", "Let workloads in whose tokens somebody else signs")
                .body::<NewOidcTrustRequest>()
                .json::<NewOidcTrustResponse>(201, "They are let in")
                .errors(&NAMED)
                .errors(&[
                    "access.empty_oidc_trust_field",
                    "access.invalid_oidc_issuer_url",
                    "access.owner_role_not_assignable",
                    "access.invalid_param",
                    "access.duplicate_name",
                ]),
        ),
        Route::get(
            TRUST,
            admin,
            trusts::get,
            op("getOidcTrust", "Show a trust")
                .json::<OidcTrustDescr>(200, "The trust")
                .errors(&["access.unknown_oidc_trust"]),
        ),
        Route::delete(
            TRUST,
            admin,
            trusts::delete,
            op("deleteOidcTrust", "End a trust").empty(200, "It has ended").errors(&["access.unknown_oidc_trust"]),
        ),
    ]
}
