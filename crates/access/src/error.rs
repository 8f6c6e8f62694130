//! Everything this context may answer instead of doing it.

use alluvium_kernel::{ErrorInfo, Problem};

use crate::model::KEYS_PER_PROJECT_MAX;

/// How much of a text from outside is repeated.
const ECHO_CHARS_MAX: usize = 96;

/// The public error codes of this context.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new("access.empty_name", 400, "The name is empty", "Give it a name."),
    ErrorInfo::new("access.too_long_name", 400, "The name is too long", "The message says how long it may be."),
    ErrorInfo::new(
        "access.name_does_not_match_pattern",
        400,
        "The name holds what names may not",
        "The message says what they may hold.",
    ),
    ErrorInfo::new("access.duplicate_name", 409, "The name is taken", "Choose another one, or delete what has it."),
    ErrorInfo::new("access.too_many", 409, "There are as many as there may be", "Delete what is not used any more."),
    ErrorInfo::new("access.invalid_param", 400, "A value is wrong", "The message says which, and what it may be."),
    ErrorInfo::new("access.invalid_request_body", 400, "The body is not what this takes", "The message says why."),
    ErrorInfo::new(
        "access.unknown_tenant",
        404,
        "There is no such tenant",
        "`GET /v0/tenants` lists them; `/v0/config/session` lists your own.",
    ),
    ErrorInfo::new(
        "access.tenant_not_empty",
        409,
        "The tenant holds something",
        "Delete its pipelines, keys and trusts first.",
    ),
    ErrorInfo::new("access.unknown_user", 404, "The tenant has no such member", "`GET /v0/tenant/users` lists them."),
    ErrorInfo::new(
        "access.owner_role_not_assignable",
        403,
        "Nobody is made an owner here",
        "Owners are named in the configuration; members are read, write or admin.",
    ),
    ErrorInfo::new("access.unknown_oidc_trust", 404, "There is no such trust", "`GET /v0/oidc_trust` lists them."),
    ErrorInfo::new("access.empty_oidc_trust_field", 400, "A part of the trust is empty", "The message says which."),
    ErrorInfo::new(
        "access.invalid_oidc_issuer_url",
        400,
        "The issuer is no address of the public web",
        "Give the `iss` of its tokens, an https address; `FELDERA_ALLOW_INTERNAL_TENANT_TRUST_ISSUERS` lets others in.",
    ),
    ErrorInfo::new(
        "access.invalid_token",
        401,
        "The token lets nobody in",
        "The message says why; get a new one from who issues them.",
    ),
    ErrorInfo::new(
        "access.login_unavailable",
        503,
        "Who issues the tokens does not answer",
        "Try again; when it lasts, look whether the issuer can be reached from here.",
    ),
    ErrorInfo::new(
        "access.not_a_tenant_member",
        403,
        "There is no such tenant for you",
        "`/v0/config/session` lists the tenants that you are a member of.",
    ),
    ErrorInfo::new(
        "access.ambiguous_tenant_membership",
        400,
        "You are a member of several tenants",
        "Name one in the header `Feldera-Tenant`; `/v0/config/session` lists them.",
    ),
    ErrorInfo::new(
        "access.no_tenant_memberships",
        403,
        "You are a member of no tenant",
        "Ask the admin of a tenant to add you.",
    ),
    ErrorInfo::new(
        "access.oidc_tenant_not_trusted",
        403,
        "The tenant does not trust this token",
        "Its admin can add a trust with the token's issuer and subject.",
    ),
    ErrorInfo::new(
        "access.ambiguous_oidc_tenant",
        400,
        "Several tenants trust this token",
        "Name one in the header `Feldera-Tenant`.",
    ),
    ErrorInfo::new(
        "access.name_taken",
        409,
        "A live key of the tenant's pipelines has this name",
        "Choose another name, or delete the key that has it.",
    ),
    ErrorInfo::new(
        "access.forbidden",
        403,
        "The actor has no right to do this",
        "Use a key of that project whose scope allows it, or the admin key; a key makes none that opens more than itself. A message \
         without signature needs `GrantPublishers` for its tenant.",
    ),
    ErrorInfo::new(
        "access.admin_required",
        401,
        "Only the installation's admin may do this",
        "Send the admin key: the value the server was started with as `ADMIN_API_KEY`.",
    ),
    ErrorInfo::new(
        "access.admin_not_configured",
        401,
        "The server has no admin key",
        "Set `ADMIN_API_KEY` (or `admin_api_key` in the configuration) and restart the server.",
    ),
    ErrorInfo::new(
        "access.not_ready",
        503,
        "Keys are still being read from the log",
        "Try again in a moment; when it lasts, look at the server's log and at NATS.",
    ),
    ErrorInfo::new(
        "access.read_unavailable",
        503,
        "Keys cannot be read now",
        "Try again in a moment; when it lasts, look at the server's log and at Postgres. Keys go on working meanwhile.",
    ),
    ErrorInfo::new(
        "access.event_malformed",
        500,
        "A message of the access log cannot be used",
        "The message was not written by this software, or by a newer release. It opens nothing; look at it on `EV_ACCESS`.",
    ),
    ErrorInfo::new(
        "access.api_key_not_found",
        404,
        "No such key in this project",
        "`GET /projects/{project_id}/api-keys` lists the keys that are not revoked.",
    ),
    ErrorInfo::new(
        "access.project_not_found",
        404,
        "No such project",
        "Check the id in the path; `GET /projects` lists the projects there are.",
    ),
    ErrorInfo::new(
        "access.cannot_revoke_last_admin_key",
        400,
        "The last live key of a project cannot be revoked",
        "Issue another key first, then revoke this one.",
    ),
    ErrorInfo::new(
        "access.key_exists",
        409,
        "The key's id was used before",
        "Ids are never used again: issue a key under a new id.",
    ),
    ErrorInfo::new(
        "access.too_many_keys",
        409,
        "The project has as many live keys as it may have",
        "Revoke keys that are no longer used.",
    ),
    ErrorInfo::new(
        "access.invalid_key",
        400,
        "The command does not describe a key",
        "The detail names the field and what it must be.",
    ),
    ErrorInfo::new(
        "access.invalid_request",
        400,
        "The request asks for a key that cannot be",
        "A branch key names its branch, a project key names none; only keys of scope `custom` have permissions.",
    ),
    ErrorInfo::new(
        "access.unsupported_scope",
        400,
        "There are no keys of this scope",
        "`project_admin` and `registry` keys name no branch; `branch_admin` and `branch_read` keys name theirs; `custom` keys \
         have permissions.",
    ),
    ErrorInfo::new(
        "access.branch_not_found",
        404,
        "No such branch in this project",
        "`GET /projects/{project_id}/branches` lists the branches; `default` needs no key of its own.",
    ),
    ErrorInfo::new(
        "access.cannot_rotate_revoked_key",
        400,
        "The key is revoked, or was rotated before",
        "Rotate the key that took its place, or issue a new one.",
    ),
    ErrorInfo::new(
        "access.cannot_update_revoked_key",
        400,
        "The key is revoked",
        "A revoked key opens nothing, whatever is said of it. Issue a new one.",
    ),
    ErrorInfo::new(
        "access.bucket_not_found",
        404,
        "No such bucket, for this key",
        "`GET /projects/{project_id}/buckets` lists the buckets that the key reads. Its permissions say which those are.",
    ),
    ErrorInfo::new(
        "access.cannot_forget",
        400,
        "The request does not say whom to forget",
        "Name one person, one project or the tenant; on the log a person is 64 hex digits, which `POST /forget` finds by itself.",
    ),
    ErrorInfo::new("access.unknown_rights", 400, "Not a set of rights", "`rights` is `none` or `all`."),
];

pub(crate) fn name_taken() -> Problem {
    Problem::new("access.name_taken", 409, "A live key has this name already.")
}

pub(crate) fn key_exists(key: &str) -> Problem {
    Problem::new("access.key_exists", 409, format!("The key id `{key}` was used before in this project."))
}

pub(crate) fn too_many_keys(project: &str) -> Problem {
    let detail = format!("Project `{project}` has {KEYS_PER_PROJECT_MAX} live keys, the most there may be.");
    Problem::new("access.too_many_keys", 409, detail)
}

pub(crate) fn invalid_key(detail: impl Into<String>) -> Problem {
    Problem::new("access.invalid_key", 400, detail)
}

pub(crate) fn unknown_right(right: &str) -> Problem {
    let shown: String = right.chars().take(64).collect();
    invalid_key(format!(
        "`rights` has `{shown}`; a right is `subject:<pattern>:<read|write|admin>` or `config:<read|write>`."
    ))
}

pub(crate) fn unsupported_scope(scope: &str, branch: Option<&str>) -> Problem {
    // The value goes no further than its length allows: it comes from outside and ends up in answers and outcomes.
    let shown: String = scope.chars().take(64).collect();
    let detail = match branch {
        None => format!("There are no keys of scope `{shown}` without a branch."),
        Some(_) => format!("There are no keys of scope `{shown}` for one branch."),
    };
    Problem::new("access.unsupported_scope", 400, detail)
}

pub(crate) fn key_not_found(project: &str, key: &str) -> Problem {
    Problem::new("access.api_key_not_found", 404, format!("API key {key} not found in project {project}"))
}

pub(crate) fn no_key_of(project: &str) -> Problem {
    let detail = format!("This credential is no key of project {project}: it is the admin's.");
    Problem::new("access.api_key_not_found", 404, detail)
}

pub(crate) fn project_not_found(project: &str) -> Problem {
    Problem::new("access.project_not_found", 404, format!("Project {project} not found"))
}

pub(crate) fn access_denied(project: &str) -> Problem {
    Problem::new("access.forbidden", 403, format!("Access denied to project {project}"))
}

pub(crate) fn branch_denied(branch: &str) -> Problem {
    Problem::new("access.forbidden", 403, format!("Access denied to branch {branch}"))
}

pub(crate) fn bucket_denied(bucket: &str) -> Problem {
    Problem::new("access.forbidden", 403, format!("Access denied to bucket {}", shown(bucket)))
}

/// In the words for a bucket that is not there: a key learns nothing of buckets that it does not open.
pub(crate) fn bucket_not_found(bucket: &str) -> Problem {
    Problem::new("access.bucket_not_found", 404, format!("Bucket {} not found", shown(bucket)))
}

pub(crate) fn too_wide(scope: &str) -> Problem {
    Problem::new("access.forbidden", 403, format!("A key of scope {scope} like this opens more than yours does."))
}

pub(crate) fn cannot_update(key: &str) -> Problem {
    Problem::new("access.cannot_update_revoked_key", 400, format!("Cannot change {key}: it is revoked."))
}

pub(crate) fn without_permissions(scope: &str) -> Problem {
    invalid_request(&format!("permissions are for custom scope; this key is of {scope} scope"))
}

pub(crate) fn unknown_bucket_right(bucket: &str, right: &str) -> Problem {
    invalid_key(format!("The right on bucket `{}` is `{}`; it must be `read` or `write`.", shown(bucket), shown(right)))
}

/// Text from outside, as far as answers and outcomes repeat it.
fn shown(text: &str) -> String {
    text.chars().take(ECHO_CHARS_MAX).collect()
}

pub(crate) fn branch_not_found(branch: &str) -> Problem {
    Problem::new("access.branch_not_found", 404, format!("Branch {branch} not found"))
}

pub(crate) fn cannot_rotate(key: &str) -> Problem {
    let detail = format!("Cannot rotate {key}: it is revoked, or another key has taken its place before.");
    Problem::new("access.cannot_rotate_revoked_key", 400, detail)
}

pub(crate) fn invalid_request(detail: &str) -> Problem {
    Problem::new("access.invalid_request", 400, detail)
}

/// Postgres did not answer a read. The cause goes to the log: it may name tables and values.
pub(crate) fn database(cause: &sqlx::Error) -> Problem {
    tracing::error!(error = %cause, "keys could not be read from Postgres");
    Problem::unavailable("access.read_unavailable", "Keys cannot be read now; try again in a moment.")
}

pub(crate) fn last_admin_key(key: &str) -> Problem {
    let detail = format!("Cannot revoke {key}: it is the last live project admin key. Issue another one first.");
    Problem::new("access.cannot_revoke_last_admin_key", 400, detail)
}

pub(crate) fn unknown_rights(rights: &str) -> Problem {
    let shown: String = rights.chars().take(64).collect();
    Problem::new("access.unknown_rights", 400, format!("`rights` is `{shown}`; it must be `none` or `all`."))
}

pub(crate) fn cannot_forget(detail: &str) -> Problem {
    Problem::new("access.cannot_forget", 400, format!("Nobody is forgotten: {detail}."))
}

pub(crate) fn not_ready() -> Problem {
    Problem::unavailable("access.not_ready", "Keys are still being read from the log; try again in a moment.")
}

fn refusal(what: &str, status: u16, detail: impl Into<String>) -> Problem {
    Problem::new(format!("access.{what}"), status, detail)
}

pub(crate) fn empty_name() -> Problem {
    refusal("empty_name", 400, "Name cannot be empty")
}

pub(crate) fn too_long_name(chars: usize, chars_max: usize) -> Problem {
    refusal("too_long_name", 400, format!("The name is {chars} characters long; it may be {chars_max}"))
}

pub(crate) fn name_pattern(pattern: &str) -> Problem {
    refusal("name_does_not_match_pattern", 400, format!("The name does not match: {pattern}"))
}

pub(crate) fn duplicate_name(name: &str) -> Problem {
    refusal("duplicate_name", 409, format!("An entity with the name '{}' already exists", shown(name)))
}

pub(crate) fn too_many(what: &str, max: usize) -> Problem {
    refusal("too_many", 409, format!("There may be {max} {what}"))
}

pub(crate) fn invalid_param(what: &str) -> Problem {
    refusal("invalid_param", 400, what)
}

pub(crate) fn invalid_body(reason: &str) -> Problem {
    refusal("invalid_request_body", 400, format!("The body is not what this takes: {}", shown(reason)))
}

pub(crate) fn unknown_tenant(tenant: &str) -> Problem {
    refusal("unknown_tenant", 404, format!("Unknown tenant '{}'", shown(tenant)))
}

pub(crate) fn tenant_not_empty(reason: &str) -> Problem {
    refusal("tenant_not_empty", 409, format!("The tenant cannot be deleted: {reason}"))
}

pub(crate) fn unknown_user(user: &str) -> Problem {
    refusal("unknown_user", 404, format!("The tenant has no member '{}'", shown(user)))
}

pub(crate) fn owner_role_not_assignable() -> Problem {
    refusal("owner_role_not_assignable", 403, "Members are read, write or admin; owners are named in the configuration")
}

pub(crate) fn unknown_trust(name: &str) -> Problem {
    refusal("unknown_oidc_trust", 404, format!("Unknown trust '{}'", shown(name)))
}

pub(crate) fn empty_trust_field(field: &str) -> Problem {
    refusal("empty_oidc_trust_field", 400, format!("`{field}` is empty"))
}

pub(crate) fn invalid_issuer(reason: &str) -> Problem {
    refusal("invalid_oidc_issuer_url", 400, format!("The issuer is no address of the public web: {reason}"))
}

pub(crate) fn invalid_token(reason: &str) -> Problem {
    refusal("invalid_token", 401, reason)
}

/// Who issues tokens cannot be asked: that says nothing about the token.
pub(crate) fn login_unavailable(issuer: &str, reason: &str) -> Problem {
    tracing::warn!(issuer, reason, "the issuer of tokens cannot be asked");
    Problem::unavailable("access.login_unavailable", "Who issues these tokens does not answer now. Try again.")
}

pub(crate) fn not_a_member() -> Problem {
    refusal("not_a_tenant_member", 403, "You are no member of such a tenant")
}

pub(crate) fn ambiguous_membership() -> Problem {
    refusal("ambiguous_tenant_membership", 400, "You are a member of several tenants: name one in `Feldera-Tenant`")
}

pub(crate) fn no_memberships() -> Problem {
    refusal("no_tenant_memberships", 403, "You are a member of no tenant")
}

pub(crate) fn tenant_not_trusted() -> Problem {
    refusal("oidc_tenant_not_trusted", 403, "The tenant does not trust this token")
}

pub(crate) fn ambiguous_trust() -> Problem {
    refusal("ambiguous_oidc_tenant", 400, "Several tenants trust this token: name one in `Feldera-Tenant`")
}
