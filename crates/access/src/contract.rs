//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// Makes a person a member of the tenant, or gives a member another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
    /// Who vouches for the person.
    pub issuer: String,
    /// What the issuer calls the person.
    pub subject: String,
    /// Address of the person.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the issuer vouches for the address.
    #[serde(default)]
    pub email_verified: bool,
    /// read, write or admin.
    pub role: String,
    /// claim or derived, when a login made the membership; api, when somebody else did.
    #[serde(default = "default_AddMember_origin")]
    pub origin: String,
}

#[allow(non_snake_case)]
fn default_AddMember_origin() -> String {
    "api".to_owned()
}

alluvium_messaging::contract!(AddMember, "AddMember", r####"{"aggregate":"membership","doc":"Makes a person a member of the tenant, or gives a member another role.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"},{"doc":"Who vouches for the person.","name":"issuer","type":"string"},{"doc":"What the issuer calls the person.","name":"subject","sealed":"tenant","type":"string"},{"default":null,"doc":"Address of the person.","name":"email","sealed":"tenant","type":["null","string"]},{"default":false,"doc":"Whether the issuer vouches for the address.","name":"email_verified","type":"boolean"},{"doc":"read, write or admin.","name":"role","type":"string"},{"default":"api","doc":"claim or derived, when a login made the membership; api, when somebody else did.","name":"origin","type":"string"}],"kind":"command","name":"AddMember","namespace":"alluvium.access","requires":"pipeline_admin","type":"record"}"####, &[], sealed by tenant { "membership.subject": subject, "membership.email": email });

/// Lets workloads act in the tenant whose tokens somebody else signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddTrust {
    /// Its name, which no other trust of the tenant has.
    pub name: String,
    /// Who signs its tokens, as they say it.
    pub issuer: String,
    /// What the subject of its tokens must be; * stands for anything.
    pub subject: String,
    /// What the audience of its tokens must be; * stands for anything.
    #[serde(default)]
    pub audience: Option<String>,
    /// read, write or admin.
    pub role: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

alluvium_messaging::contract!(
    AddTrust,
    "AddTrust",
    r####"{"aggregate":"membership","doc":"Lets workloads act in the tenant whose tokens somebody else signs.","fields":[{"doc":"Its name, which no other trust of the tenant has.","name":"name","type":"string"},{"doc":"Who signs its tokens, as they say it.","name":"issuer","type":"string"},{"doc":"What the subject of its tokens must be; * stands for anything.","name":"subject","type":"string"},{"default":null,"doc":"What the audience of its tokens must be; * stands for anything.","name":"audience","type":["null","string"]},{"doc":"read, write or admin.","name":"role","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]}],"kind":"command","name":"AddTrust","namespace":"alluvium.access","requires":"pipeline_admin","type":"record"}"####,
    &[]
);

/// Creates a tenant, unless there is one of this name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// Its name, which no other tenant has.
    pub name: String,
    /// Issuer of the login that it was first wanted for; empty where an owner made it.
    #[serde(default)]
    pub provider: String,
}

alluvium_messaging::contract!(
    CreateTenant,
    "CreateTenant",
    r####"{"aggregate":"installation","doc":"Creates a tenant, unless there is one of this name.","fields":[{"doc":"Its name, which no other tenant has.","name":"name","type":"string"},{"default":"","doc":"Issuer of the login that it was first wanted for; empty where an owner made it.","name":"provider","type":"string"}],"kind":"command","name":"CreateTenant","namespace":"alluvium.access","requires":"pipeline_owner","type":"record"}"####,
    &[]
);

/// Deletes a tenant that holds nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteTenant {
    /// Id of the tenant, a UUID; its commands and events are on subjects of this name.
    pub id: String,
}

alluvium_messaging::contract!(
    DeleteTenant,
    "DeleteTenant",
    r####"{"aggregate":"installation","doc":"Deletes a tenant that holds nothing.","fields":[{"doc":"Id of the tenant, a UUID; its commands and events are on subjects of this name.","name":"id","type":"string"}],"kind":"command","name":"DeleteTenant","namespace":"alluvium.access","requires":"pipeline_owner","type":"record"}"####,
    &[]
);

/// Makes everything unreadable that was sealed for a project which nobody can bring back any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetDeletedProject {
    /// Id that the project had.
    pub project: String,
    /// When its time to be brought back ended: a key made later is of another project.
    pub until: i64,
}

alluvium_messaging::contract!(
    ForgetDeletedProject,
    "ForgetDeletedProject",
    r####"{"aggregate":"tenant","doc":"Makes everything unreadable that was sealed for a project which nobody can bring back any more.","fields":[{"doc":"Id that the project had.","name":"project","type":"string"},{"doc":"When its time to be brought back ended: a key made later is of another project.","name":"until","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"command","name":"ForgetDeletedProject","namespace":"alluvium.access","requires":"system","type":"record"}"####,
    &[]
);

/// Makes everything that is sealed under a person's key unreadable for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetPerson {
    /// HMAC-SHA256 of whom it is about under the server's pepper, 64 hex digits: `POST /forget` takes the person's name in its place.
    pub person: String,
}

alluvium_messaging::contract!(
    ForgetPerson,
    "ForgetPerson",
    r####"{"aggregate":"tenant","doc":"Makes everything that is sealed under a person's key unreadable for ever.","fields":[{"doc":"HMAC-SHA256 of whom it is about under the server's pepper, 64 hex digits: `POST /forget` takes the person's name in its place.","name":"person","type":"string"}],"kind":"command","name":"ForgetPerson","namespace":"alluvium.access","requires":"admin","type":"record"}"####,
    &[]
);

/// Makes everything unreadable that was sealed under a project's key until now; what is sealed later gets a new key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetProject {
    /// Id of the project, as in URLs.
    pub project: String,
}

alluvium_messaging::contract!(
    ForgetProject,
    "ForgetProject",
    r####"{"aggregate":"tenant","doc":"Makes everything unreadable that was sealed under a project's key until now; what is sealed later gets a new key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"}],"kind":"command","name":"ForgetProject","namespace":"alluvium.access","requires":"admin","type":"record"}"####,
    &[]
);

/// Makes everything that is sealed under any key of the tenant unreadable for ever, and ends sealing for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetTenant {
    /// Id of the tenant, once more, so that it is not done by mistake.
    pub tenant: String,
}

alluvium_messaging::contract!(
    ForgetTenant,
    "ForgetTenant",
    r####"{"aggregate":"tenant","doc":"Makes everything that is sealed under any key of the tenant unreadable for ever, and ends sealing for it.","fields":[{"doc":"Id of the tenant, once more, so that it is not done by mistake.","name":"tenant","type":"string"}],"kind":"command","name":"ForgetTenant","namespace":"alluvium.access","requires":"admin","type":"record"}"####,
    &[]
);

/// Sets what unsigned NATS messages of a tenant may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantPublishers {
    /// none (only what anyone may) or all (whatever the tenant's admin may).
    pub rights: String,
}

alluvium_messaging::contract!(
    GrantPublishers,
    "GrantPublishers",
    r####"{"aggregate":"tenant","doc":"Sets what unsigned NATS messages of a tenant may do.","fields":[{"doc":"none (only what anyone may) or all (whatever the tenant's admin may).","name":"rights","type":"string"}],"kind":"command","name":"GrantPublishers","namespace":"alluvium.access","requires":"admin","type":"record"}"####,
    &[]
);

/// Issues a key of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key, key_ and hex.
    pub key: String,
    /// HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.
    pub digest: String,
    /// What may be shown of it.
    pub prefix: String,
    /// project_admin opens the project, branch_admin and branch_read open one branch of it; custom opens what permissions say; registry opens nothing of it, only what rights say.
    #[serde(default = "default_IssueKey_scope")]
    pub scope: String,
    /// What it is for.
    pub description: String,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// What the key may do in the schema registry: subject:<pattern>:<read|write|admin>, config:<read|write>. Giving any is for admins.
    #[serde(default)]
    pub rights: Vec<String>,
    /// The one branch that branch_admin and branch_read open.
    #[serde(default)]
    pub branch: Option<String>,
    /// What a key of scope custom may; null for others.
    #[serde(default)]
    pub permissions: Option<KeyPermissions>,
    /// Who holds it, if anybody was named: an address, a name or an id.
    #[serde(default)]
    pub person: Option<String>,
}

#[allow(non_snake_case)]
fn default_IssueKey_scope() -> String {
    "project_admin".to_owned()
}

alluvium_messaging::contract!(IssueKey, "IssueKey", r####"{"aggregate":"keyring","doc":"Issues a key of a project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key, key_ and hex.","name":"key","type":"string"},{"doc":"HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.","name":"digest","type":"string"},{"doc":"What may be shown of it.","name":"prefix","type":"string"},{"default":"project_admin","doc":"project_admin opens the project, branch_admin and branch_read open one branch of it; custom opens what permissions say; registry opens nothing of it, only what rights say.","name":"scope","type":"string"},{"doc":"What it is for.","name":"description","sealed":"project","type":"string"},{"default":null,"doc":"When it stops working.","name":"expires_at","type":["null",{"logicalType":"timestamp-micros","type":"long"}]},{"default":[],"doc":"What the key may do in the schema registry: subject:<pattern>:<read|write|admin>, config:<read|write>. Giving any is for admins.","name":"rights","type":{"items":"string","type":"array"}},{"default":null,"doc":"The one branch that branch_admin and branch_read open.","name":"branch","type":["null","string"]},{"default":null,"doc":"What a key of scope custom may; null for others.","name":"permissions","type":["null",{"doc":"What a key of scope custom may in the main branch of its project.","fields":[{"default":{},"doc":"Names of buckets and what the key may do with their tables: read or write, which includes read.","name":"buckets","type":{"type":"map","values":"string"}},{"default":false,"doc":"Whether it may create, delete, share and link buckets, which opens all of them.","name":"manage_buckets","type":"boolean"},{"default":false,"doc":"Whether it may issue, change, rotate and revoke keys that are no wider than itself.","name":"manage_tokens","type":"boolean"},{"default":false,"doc":"Whether it may read all files of the project, not just its own.","name":"read_all_files","type":"boolean"}],"kind":"type","name":"KeyPermissions","namespace":"alluvium.access","type":"record"}]},{"default":null,"doc":"Who holds it, if anybody was named: an address, a name or an id.","name":"person","sealed":"person","type":["null","string"]}],"kind":"command","name":"IssueKey","namespace":"alluvium.access","requires":"key_admin","type":"record"}"####, &[r####"{"aggregate":"keyring","doc":"Issues a key of a project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key, key_ and hex.","name":"key","type":"string"},{"doc":"HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.","name":"digest","type":"string"},{"doc":"What may be shown of it.","name":"prefix","type":"string"},{"default":"project_admin","doc":"project_admin; narrower ones come with branches.","name":"scope","type":"string"},{"doc":"What it is for.","name":"description","type":"string"},{"default":null,"doc":"When it stops working.","name":"expires_at","type":["null",{"logicalType":"timestamp-micros","type":"long"}]}],"kind":"command","name":"IssueKey","namespace":"alluvium.access","requires":"project_admin","type":"record"}"####], sealed { "keyring.description": description by Project, "keyring.person": person by Person });

/// A key works from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyIssued {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key, key_ and hex.
    pub key: String,
    /// HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.
    pub digest: String,
    /// What may be shown of it.
    pub prefix: String,
    /// project_admin opens the project, branch_admin and branch_read open one branch of it; custom opens what permissions say; registry opens nothing of it, only what rights say.
    #[serde(default = "default_KeyIssued_scope")]
    pub scope: String,
    /// What it is for.
    pub description: String,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// When it was issued.
    pub issued_at: i64,
    /// Who issued it: admin, key:<id>, nats:<tenant> or system:<role>; keys issued by a dead project's keys die with it.
    pub issued_by: String,
    /// What the key may do in the schema registry: subject:<pattern>:<read|write|admin>, config:<read|write>.
    #[serde(default)]
    pub rights: Vec<String>,
    /// The one branch that branch_admin and branch_read open.
    #[serde(default)]
    pub branch: Option<String>,
    /// What a key of scope custom may; null for others.
    #[serde(default)]
    pub permissions: Option<KeyPermissions>,
    /// Who holds it, if anybody was named: an address, a name or an id.
    #[serde(default)]
    pub person: Option<String>,
}

#[allow(non_snake_case)]
fn default_KeyIssued_scope() -> String {
    "project_admin".to_owned()
}

alluvium_messaging::contract!(KeyIssued, "KeyIssued", r####"{"aggregate":"keyring","doc":"A key works from now on.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key, key_ and hex.","name":"key","type":"string"},{"doc":"HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.","name":"digest","type":"string"},{"doc":"What may be shown of it.","name":"prefix","type":"string"},{"default":"project_admin","doc":"project_admin opens the project, branch_admin and branch_read open one branch of it; custom opens what permissions say; registry opens nothing of it, only what rights say.","name":"scope","type":"string"},{"doc":"What it is for.","name":"description","sealed":"project","type":"string"},{"default":null,"doc":"When it stops working.","name":"expires_at","type":["null",{"logicalType":"timestamp-micros","type":"long"}]},{"doc":"When it was issued.","name":"issued_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Who issued it: admin, key:<id>, nats:<tenant> or system:<role>; keys issued by a dead project's keys die with it.","name":"issued_by","type":"string"},{"default":[],"doc":"What the key may do in the schema registry: subject:<pattern>:<read|write|admin>, config:<read|write>.","name":"rights","type":{"items":"string","type":"array"}},{"default":null,"doc":"The one branch that branch_admin and branch_read open.","name":"branch","type":["null","string"]},{"default":null,"doc":"What a key of scope custom may; null for others.","name":"permissions","type":["null",{"doc":"What a key of scope custom may in the main branch of its project.","fields":[{"default":{},"doc":"Names of buckets and what the key may do with their tables: read or write, which includes read.","name":"buckets","type":{"type":"map","values":"string"}},{"default":false,"doc":"Whether it may create, delete, share and link buckets, which opens all of them.","name":"manage_buckets","type":"boolean"},{"default":false,"doc":"Whether it may issue, change, rotate and revoke keys that are no wider than itself.","name":"manage_tokens","type":"boolean"},{"default":false,"doc":"Whether it may read all files of the project, not just its own.","name":"read_all_files","type":"boolean"}],"kind":"type","name":"KeyPermissions","namespace":"alluvium.access","type":"record"}]},{"default":null,"doc":"Who holds it, if anybody was named: an address, a name or an id.","name":"person","sealed":"person","type":["null","string"]}],"kind":"event","name":"KeyIssued","namespace":"alluvium.access","type":"record"}"####, &[r####"{"aggregate":"keyring","doc":"A key works from now on.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key, key_ and hex.","name":"key","type":"string"},{"doc":"HMAC-SHA256 of the whole key under the server's pepper; the key itself is shown once and kept nowhere.","name":"digest","type":"string"},{"doc":"What may be shown of it.","name":"prefix","type":"string"},{"default":"project_admin","doc":"project_admin; narrower ones come with branches.","name":"scope","type":"string"},{"doc":"What it is for.","name":"description","type":"string"},{"default":null,"doc":"When it stops working.","name":"expires_at","type":["null",{"logicalType":"timestamp-micros","type":"long"}]},{"doc":"When it was issued.","name":"issued_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Who issued it: admin, key:<id>, nats:<tenant> or system:<role>; keys issued by a dead project's keys die with it.","name":"issued_by","type":"string"}],"kind":"event","name":"KeyIssued","namespace":"alluvium.access","type":"record"}"####], sealed { "keyring.description": description by Project, "keyring.person": person by Person });

/// What a key of scope custom may in the main branch of its project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPermissions {
    /// Names of buckets and what the key may do with their tables: read or write, which includes read.
    #[serde(default)]
    pub buckets: std::collections::BTreeMap<String, String>,
    /// Whether it may create, delete, share and link buckets, which opens all of them.
    #[serde(default)]
    pub manage_buckets: bool,
    /// Whether it may issue, change, rotate and revoke keys that are no wider than itself.
    #[serde(default)]
    pub manage_tokens: bool,
    /// Whether it may read all files of the project, not just its own.
    #[serde(default)]
    pub read_all_files: bool,
}

alluvium_messaging::contract!(
    KeyPermissions,
    "KeyPermissions",
    r####"{"doc":"What a key of scope custom may in the main branch of its project.","fields":[{"default":{},"doc":"Names of buckets and what the key may do with their tables: read or write, which includes read.","name":"buckets","type":{"type":"map","values":"string"}},{"default":false,"doc":"Whether it may create, delete, share and link buckets, which opens all of them.","name":"manage_buckets","type":"boolean"},{"default":false,"doc":"Whether it may issue, change, rotate and revoke keys that are no wider than itself.","name":"manage_tokens","type":"boolean"},{"default":false,"doc":"Whether it may read all files of the project, not just its own.","name":"read_all_files","type":"boolean"}],"kind":"type","name":"KeyPermissions","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A key is dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key.
    pub key: String,
}

alluvium_messaging::contract!(
    KeyRevoked,
    "KeyRevoked",
    r####"{"aggregate":"keyring","doc":"A key is dead.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key.","name":"key","type":"string"}],"kind":"event","name":"KeyRevoked","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// Another key has taken a key's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRotated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key that was rotated.
    pub key: String,
    /// Id of the key that follows.
    pub successor: String,
    /// Until when the old key works on; null when it is dead at once.
    #[serde(default)]
    pub works_until: Option<i64>,
}

alluvium_messaging::contract!(
    KeyRotated,
    "KeyRotated",
    r####"{"aggregate":"keyring","doc":"Another key has taken a key's place.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key that was rotated.","name":"key","type":"string"},{"doc":"Id of the key that follows.","name":"successor","type":"string"},{"default":null,"doc":"Until when the old key works on; null when it is dead at once.","name":"works_until","type":["null",{"logicalType":"timestamp-micros","type":"long"}]}],"kind":"event","name":"KeyRotated","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A key is described otherwise, or may something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyUpdated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key.
    pub key: String,
    /// What it is for from now on.
    pub description: String,
    /// What a key of scope custom may from now on; null for others.
    #[serde(default)]
    pub permissions: Option<KeyPermissions>,
}

alluvium_messaging::contract!(KeyUpdated, "KeyUpdated", r####"{"aggregate":"keyring","doc":"A key is described otherwise, or may something else.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key.","name":"key","type":"string"},{"doc":"What it is for from now on.","name":"description","sealed":"project","type":"string"},{"default":null,"doc":"What a key of scope custom may from now on; null for others.","name":"permissions","type":["null",{"doc":"What a key of scope custom may in the main branch of its project.","fields":[{"default":{},"doc":"Names of buckets and what the key may do with their tables: read or write, which includes read.","name":"buckets","type":{"type":"map","values":"string"}},{"default":false,"doc":"Whether it may create, delete, share and link buckets, which opens all of them.","name":"manage_buckets","type":"boolean"},{"default":false,"doc":"Whether it may issue, change, rotate and revoke keys that are no wider than itself.","name":"manage_tokens","type":"boolean"},{"default":false,"doc":"Whether it may read all files of the project, not just its own.","name":"read_all_files","type":"boolean"}],"kind":"type","name":"KeyPermissions","namespace":"alluvium.access","type":"record"}]}],"kind":"event","name":"KeyUpdated","namespace":"alluvium.access","type":"record"}"####, &[], sealed { "keyring.description": description by Project });

/// A person is a member of the tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
    /// Who vouches for the person.
    pub issuer: String,
    /// What the issuer calls the person.
    pub subject: String,
    /// Address of the person.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether the issuer vouches for the address.
    #[serde(default)]
    pub email_verified: bool,
    /// read, write or admin.
    pub role: String,
    /// claim or derived, when a login made the membership; api, when somebody else did.
    #[serde(default = "default_MemberAdded_origin")]
    pub origin: String,
    /// When it happened.
    pub at: i64,
}

#[allow(non_snake_case)]
fn default_MemberAdded_origin() -> String {
    "api".to_owned()
}

alluvium_messaging::contract!(MemberAdded, "MemberAdded", r####"{"aggregate":"membership","doc":"A person is a member of the tenant.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"},{"doc":"Who vouches for the person.","name":"issuer","type":"string"},{"doc":"What the issuer calls the person.","name":"subject","sealed":"tenant","type":"string"},{"default":null,"doc":"Address of the person.","name":"email","sealed":"tenant","type":["null","string"]},{"default":false,"doc":"Whether the issuer vouches for the address.","name":"email_verified","type":"boolean"},{"doc":"read, write or admin.","name":"role","type":"string"},{"default":"api","doc":"claim or derived, when a login made the membership; api, when somebody else did.","name":"origin","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"MemberAdded","namespace":"alluvium.access","type":"record"}"####, &[], sealed by tenant { "membership.subject": subject, "membership.email": email });

/// A person is no member any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRemoved {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    MemberRemoved,
    "MemberRemoved",
    r####"{"aggregate":"membership","doc":"A person is no member any more.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"MemberRemoved","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A member has another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRoleSet {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
    /// read, write or admin.
    pub role: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    MemberRoleSet,
    "MemberRoleSet",
    r####"{"aggregate":"membership","doc":"A member has another role.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"},{"doc":"read, write or admin.","name":"role","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"MemberRoleSet","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A person's key is to be destroyed, and never made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonForgotten {
    /// HMAC-SHA256 of whom it is about under the server's pepper, 64 hex digits: `POST /forget` takes the person's name in its place.
    pub person: String,
}

alluvium_messaging::contract!(
    PersonForgotten,
    "PersonForgotten",
    r####"{"aggregate":"tenant","doc":"A person's key is to be destroyed, and never made again.","fields":[{"doc":"HMAC-SHA256 of whom it is about under the server's pepper, 64 hex digits: `POST /forget` takes the person's name in its place.","name":"person","type":"string"}],"kind":"event","name":"PersonForgotten","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A project's key is to be destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectForgotten {
    /// Id of the project, as in URLs.
    pub project: String,
    /// A key made later than this stays; null for the moment of the event.
    #[serde(default)]
    pub until: Option<i64>,
}

alluvium_messaging::contract!(
    ProjectForgotten,
    "ProjectForgotten",
    r####"{"aggregate":"tenant","doc":"A project's key is to be destroyed.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"A key made later than this stays; null for the moment of the event.","name":"until","type":["null",{"logicalType":"timestamp-micros","type":"long"}]}],"kind":"event","name":"ProjectForgotten","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// What unsigned NATS messages of a tenant may do from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublishersGranted {
    /// none (only what anyone may) or all (whatever the tenant's admin may).
    pub rights: String,
}

alluvium_messaging::contract!(
    PublishersGranted,
    "PublishersGranted",
    r####"{"aggregate":"tenant","doc":"What unsigned NATS messages of a tenant may do from now on.","fields":[{"doc":"none (only what anyone may) or all (whatever the tenant's admin may).","name":"rights","type":"string"}],"kind":"event","name":"PublishersGranted","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// Ends a membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
}

alluvium_messaging::contract!(
    RemoveMember,
    "RemoveMember",
    r####"{"aggregate":"membership","doc":"Ends a membership.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"}],"kind":"command","name":"RemoveMember","namespace":"alluvium.access","requires":"pipeline_admin","type":"record"}"####,
    &[]
);

/// Ends a trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveTrust {
    /// Its name, which no other trust of the tenant has.
    pub name: String,
}

alluvium_messaging::contract!(
    RemoveTrust,
    "RemoveTrust",
    r####"{"aggregate":"membership","doc":"Ends a trust.","fields":[{"doc":"Its name, which no other trust of the tenant has.","name":"name","type":"string"}],"kind":"command","name":"RemoveTrust","namespace":"alluvium.access","requires":"pipeline_admin","type":"record"}"####,
    &[]
);

/// Gives a tenant another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameTenant {
    /// Id of the tenant, a UUID; its commands and events are on subjects of this name.
    pub id: String,
    /// Its name, which no other tenant has.
    pub name: String,
    /// Whether the tenant that has the name gets another one, instead of the command being refused.
    #[serde(default)]
    pub displace_existing: bool,
}

alluvium_messaging::contract!(
    RenameTenant,
    "RenameTenant",
    r####"{"aggregate":"installation","doc":"Gives a tenant another name.","fields":[{"doc":"Id of the tenant, a UUID; its commands and events are on subjects of this name.","name":"id","type":"string"},{"doc":"Its name, which no other tenant has.","name":"name","type":"string"},{"default":false,"doc":"Whether the tenant that has the name gets another one, instead of the command being refused.","name":"displace_existing","type":"boolean"}],"kind":"command","name":"RenameTenant","namespace":"alluvium.access","requires":"pipeline_owner","type":"record"}"####,
    &[]
);

/// Revokes every key of a branch: follows the branch's deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeBranchKeys {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch.
    pub branch: String,
}

alluvium_messaging::contract!(
    RevokeBranchKeys,
    "RevokeBranchKeys",
    r####"{"aggregate":"keyring","doc":"Revokes every key of a branch: follows the branch's deletion.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch.","name":"branch","type":"string"}],"kind":"command","name":"RevokeBranchKeys","namespace":"alluvium.access","requires":"system","type":"record"}"####,
    &[]
);

/// Revokes a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key.
    pub key: String,
}

alluvium_messaging::contract!(
    RevokeKey,
    "RevokeKey",
    r####"{"aggregate":"keyring","doc":"Revokes a key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key.","name":"key","type":"string"}],"kind":"command","name":"RevokeKey","namespace":"alluvium.access","requires":"key_admin","type":"record"}"####,
    &[
        r####"{"aggregate":"keyring","doc":"Revokes a key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key.","name":"key","type":"string"}],"kind":"command","name":"RevokeKey","namespace":"alluvium.access","requires":"project_admin","type":"record"}"####
    ]
);

/// Revokes every key of a project that was issued before a moment: follows the project's deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeProjectKeys {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The moment of the deletion.
    pub issued_before: i64,
}

alluvium_messaging::contract!(
    RevokeProjectKeys,
    "RevokeProjectKeys",
    r####"{"aggregate":"keyring","doc":"Revokes every key of a project that was issued before a moment: follows the project's deletion.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"The moment of the deletion.","name":"issued_before","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"command","name":"RevokeProjectKeys","namespace":"alluvium.access","requires":"system","type":"record"}"####,
    &[]
);

/// Issues a key of the same scope and lifetime in a key's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key that is rotated.
    pub key: String,
    /// Id of the key that follows, key_ and hex.
    pub successor: String,
    /// HMAC-SHA256 of the whole new key under the server's pepper; the key itself is shown once and kept nowhere.
    pub digest: String,
    /// What may be shown of the new key.
    pub prefix: String,
    /// What the rotated key may do in the schema registry. Rotating a key that has any is for admins.
    #[serde(default)]
    pub rights: Vec<String>,
    /// How long the old key works on, in seconds; 0 for not at all.
    #[serde(default)]
    pub grace_seconds: i64,
}

alluvium_messaging::contract!(
    RotateKey,
    "RotateKey",
    r####"{"aggregate":"keyring","doc":"Issues a key of the same scope and lifetime in a key's place.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key that is rotated.","name":"key","type":"string"},{"doc":"Id of the key that follows, key_ and hex.","name":"successor","type":"string"},{"doc":"HMAC-SHA256 of the whole new key under the server's pepper; the key itself is shown once and kept nowhere.","name":"digest","type":"string"},{"doc":"What may be shown of the new key.","name":"prefix","type":"string"},{"default":[],"doc":"What the rotated key may do in the schema registry. Rotating a key that has any is for admins.","name":"rights","type":{"items":"string","type":"array"}},{"default":0,"doc":"How long the old key works on, in seconds; 0 for not at all.","name":"grace_seconds","type":"long"}],"kind":"command","name":"RotateKey","namespace":"alluvium.access","requires":"key_admin","type":"record"}"####,
    &[]
);

/// Gives a member another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMemberRole {
    /// Id of the person, a UUID made of issuer and subject.
    pub user: String,
    /// read, write or admin.
    pub role: String,
}

alluvium_messaging::contract!(
    SetMemberRole,
    "SetMemberRole",
    r####"{"aggregate":"membership","doc":"Gives a member another role.","fields":[{"doc":"Id of the person, a UUID made of issuer and subject.","name":"user","type":"string"},{"doc":"read, write or admin.","name":"role","type":"string"}],"kind":"command","name":"SetMemberRole","namespace":"alluvium.access","requires":"pipeline_admin","type":"record"}"####,
    &[]
);

/// A tenant is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantCreated {
    /// Id of the tenant, a UUID; its commands and events are on subjects of this name.
    pub id: String,
    /// Its name, which no other tenant has.
    pub name: String,
    /// Issuer of the login that it was first wanted for; empty where an owner made it.
    #[serde(default)]
    pub provider: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    TenantCreated,
    "TenantCreated",
    r####"{"aggregate":"installation","doc":"A tenant is there.","fields":[{"doc":"Id of the tenant, a UUID; its commands and events are on subjects of this name.","name":"id","type":"string"},{"doc":"Its name, which no other tenant has.","name":"name","type":"string"},{"default":"","doc":"Issuer of the login that it was first wanted for; empty where an owner made it.","name":"provider","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"TenantCreated","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A tenant is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantDeleted {
    /// Id of the tenant, a UUID; its commands and events are on subjects of this name.
    pub id: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    TenantDeleted,
    "TenantDeleted",
    r####"{"aggregate":"installation","doc":"A tenant is gone.","fields":[{"doc":"Id of the tenant, a UUID; its commands and events are on subjects of this name.","name":"id","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"TenantDeleted","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// All keys of the tenant are to be destroyed, and none made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantForgotten {
    /// Id of the tenant, once more, so that it is not done by mistake.
    pub tenant: String,
}

alluvium_messaging::contract!(
    TenantForgotten,
    "TenantForgotten",
    r####"{"aggregate":"tenant","doc":"All keys of the tenant are to be destroyed, and none made again.","fields":[{"doc":"Id of the tenant, once more, so that it is not done by mistake.","name":"tenant","type":"string"}],"kind":"event","name":"TenantForgotten","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A tenant has another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantRenamed {
    /// Id of the tenant, a UUID; its commands and events are on subjects of this name.
    pub id: String,
    /// Its name, which no other tenant has.
    pub name: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    TenantRenamed,
    "TenantRenamed",
    r####"{"aggregate":"installation","doc":"A tenant has another name.","fields":[{"doc":"Id of the tenant, a UUID; its commands and events are on subjects of this name.","name":"id","type":"string"},{"doc":"Its name, which no other tenant has.","name":"name","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"TenantRenamed","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// Workloads may act in the tenant whose tokens somebody else signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustAdded {
    /// Id of the trust, a UUID.
    pub id: String,
    /// Its name, which no other trust of the tenant has.
    pub name: String,
    /// Who signs its tokens, as they say it.
    pub issuer: String,
    /// What the subject of its tokens must be; * stands for anything.
    pub subject: String,
    /// What the audience of its tokens must be; * stands for anything.
    #[serde(default)]
    pub audience: Option<String>,
    /// read, write or admin.
    pub role: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    TrustAdded,
    "TrustAdded",
    r####"{"aggregate":"membership","doc":"Workloads may act in the tenant whose tokens somebody else signs.","fields":[{"doc":"Id of the trust, a UUID.","name":"id","type":"string"},{"doc":"Its name, which no other trust of the tenant has.","name":"name","type":"string"},{"doc":"Who signs its tokens, as they say it.","name":"issuer","type":"string"},{"doc":"What the subject of its tokens must be; * stands for anything.","name":"subject","type":"string"},{"default":null,"doc":"What the audience of its tokens must be; * stands for anything.","name":"audience","type":["null","string"]},{"doc":"read, write or admin.","name":"role","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"TrustAdded","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// A trust has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustRemoved {
    /// Id of the trust, a UUID.
    pub id: String,
    /// Its name, which no other trust of the tenant has.
    pub name: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    TrustRemoved,
    "TrustRemoved",
    r####"{"aggregate":"membership","doc":"A trust has ended.","fields":[{"doc":"Id of the trust, a UUID.","name":"id","type":"string"},{"doc":"Its name, which no other trust of the tenant has.","name":"name","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"TrustRemoved","namespace":"alluvium.access","type":"record"}"####,
    &[]
);

/// Changes what is said of a key, or what a key of scope custom may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the key.
    pub key: String,
    /// What it is for; null for what it was.
    #[serde(default)]
    pub description: Option<String>,
    /// All buckets that a key of scope custom opens from now on, and for what: read or write; null for what they were.
    #[serde(default)]
    pub buckets: Option<std::collections::BTreeMap<String, String>>,
    /// Whether a key of scope custom may manage buckets from now on; null for what it was.
    #[serde(default)]
    pub manage_buckets: Option<bool>,
    /// Whether a key of scope custom may manage keys from now on; null for what it was.
    #[serde(default)]
    pub manage_tokens: Option<bool>,
    /// Whether a key of scope custom may read all files from now on; null for what it was.
    #[serde(default)]
    pub read_all_files: Option<bool>,
}

alluvium_messaging::contract!(UpdateKey, "UpdateKey", r####"{"aggregate":"keyring","doc":"Changes what is said of a key, or what a key of scope custom may.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the key.","name":"key","type":"string"},{"default":null,"doc":"What it is for; null for what it was.","name":"description","sealed":"project","type":["null","string"]},{"default":null,"doc":"All buckets that a key of scope custom opens from now on, and for what: read or write; null for what they were.","name":"buckets","type":["null",{"type":"map","values":"string"}]},{"default":null,"doc":"Whether a key of scope custom may manage buckets from now on; null for what it was.","name":"manage_buckets","type":["null","boolean"]},{"default":null,"doc":"Whether a key of scope custom may manage keys from now on; null for what it was.","name":"manage_tokens","type":["null","boolean"]},{"default":null,"doc":"Whether a key of scope custom may read all files from now on; null for what it was.","name":"read_all_files","type":["null","boolean"]}],"kind":"command","name":"UpdateKey","namespace":"alluvium.access","requires":"key_admin","type":"record"}"####, &[], sealed { "keyring.description": description by Project });

/// Commands of the aggregate `installation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InstallationCommand {
    CreateTenant(CreateTenant),
    DeleteTenant(DeleteTenant),
    RenameTenant(RenameTenant),
}

alluvium_messaging::contract_set!(InstallationCommand { CreateTenant, DeleteTenant, RenameTenant });

impl From<CreateTenant> for InstallationCommand {
    fn from(message: CreateTenant) -> Self {
        Self::CreateTenant(message)
    }
}

impl From<DeleteTenant> for InstallationCommand {
    fn from(message: DeleteTenant) -> Self {
        Self::DeleteTenant(message)
    }
}

impl From<RenameTenant> for InstallationCommand {
    fn from(message: RenameTenant) -> Self {
        Self::RenameTenant(message)
    }
}

/// Events of the aggregate `installation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum InstallationEvent {
    TenantCreated(TenantCreated),
    TenantDeleted(TenantDeleted),
    TenantRenamed(TenantRenamed),
}

alluvium_messaging::contract_set!(InstallationEvent { TenantCreated, TenantDeleted, TenantRenamed });

impl From<TenantCreated> for InstallationEvent {
    fn from(message: TenantCreated) -> Self {
        Self::TenantCreated(message)
    }
}

impl From<TenantDeleted> for InstallationEvent {
    fn from(message: TenantDeleted) -> Self {
        Self::TenantDeleted(message)
    }
}

impl From<TenantRenamed> for InstallationEvent {
    fn from(message: TenantRenamed) -> Self {
        Self::TenantRenamed(message)
    }
}

impl cqrs_es::DomainEvent for InstallationEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Installation {
    const TYPE: &'static str = "installation";
    type Command = InstallationCommand;
    type Event = InstallationEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: InstallationCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<InstallationEvent> = match command {
            InstallationCommand::CreateTenant(c) => Decide::decide(c, self, at)?,
            InstallationCommand::DeleteTenant(c) => Decide::decide(c, self, at)?,
            InstallationCommand::RenameTenant(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: InstallationEvent) {
        use alluvium_kernel::Evolve;
        match event {
            InstallationEvent::TenantCreated(e) => Evolve::evolve(e, self),
            InstallationEvent::TenantDeleted(e) => Evolve::evolve(e, self),
            InstallationEvent::TenantRenamed(e) => Evolve::evolve(e, self),
        }
    }
}

impl InstallationCommand {
    /// `id` of the command.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::DeleteTenant(c) => Some(&c.id),
            Self::RenameTenant(c) => Some(&c.id),
            _ => None,
        }
    }

    /// `name` of the command.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::CreateTenant(c) => Some(&c.name),
            Self::RenameTenant(c) => Some(&c.name),
            _ => None,
        }
    }
}

/// Commands of the aggregate `keyring`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KeyringCommand {
    IssueKey(IssueKey),
    RevokeBranchKeys(RevokeBranchKeys),
    RevokeKey(RevokeKey),
    RevokeProjectKeys(RevokeProjectKeys),
    RotateKey(RotateKey),
    UpdateKey(UpdateKey),
}

alluvium_messaging::contract_set!(KeyringCommand {
    IssueKey,
    RevokeBranchKeys,
    RevokeKey,
    RevokeProjectKeys,
    RotateKey,
    UpdateKey
});

impl From<IssueKey> for KeyringCommand {
    fn from(message: IssueKey) -> Self {
        Self::IssueKey(message)
    }
}

impl From<RevokeBranchKeys> for KeyringCommand {
    fn from(message: RevokeBranchKeys) -> Self {
        Self::RevokeBranchKeys(message)
    }
}

impl From<RevokeKey> for KeyringCommand {
    fn from(message: RevokeKey) -> Self {
        Self::RevokeKey(message)
    }
}

impl From<RevokeProjectKeys> for KeyringCommand {
    fn from(message: RevokeProjectKeys) -> Self {
        Self::RevokeProjectKeys(message)
    }
}

impl From<RotateKey> for KeyringCommand {
    fn from(message: RotateKey) -> Self {
        Self::RotateKey(message)
    }
}

impl From<UpdateKey> for KeyringCommand {
    fn from(message: UpdateKey) -> Self {
        Self::UpdateKey(message)
    }
}

/// Events of the aggregate `keyring`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum KeyringEvent {
    KeyIssued(KeyIssued),
    KeyRevoked(KeyRevoked),
    KeyRotated(KeyRotated),
    KeyUpdated(KeyUpdated),
}

alluvium_messaging::contract_set!(KeyringEvent { KeyIssued, KeyRevoked, KeyRotated, KeyUpdated });

impl From<KeyIssued> for KeyringEvent {
    fn from(message: KeyIssued) -> Self {
        Self::KeyIssued(message)
    }
}

impl From<KeyRevoked> for KeyringEvent {
    fn from(message: KeyRevoked) -> Self {
        Self::KeyRevoked(message)
    }
}

impl From<KeyRotated> for KeyringEvent {
    fn from(message: KeyRotated) -> Self {
        Self::KeyRotated(message)
    }
}

impl From<KeyUpdated> for KeyringEvent {
    fn from(message: KeyUpdated) -> Self {
        Self::KeyUpdated(message)
    }
}

impl cqrs_es::DomainEvent for KeyringEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Keyring {
    const TYPE: &'static str = "keyring";
    type Command = KeyringCommand;
    type Event = KeyringEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: KeyringCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<KeyringEvent> = match command {
            KeyringCommand::IssueKey(c) => Decide::decide(c, self, at)?,
            KeyringCommand::RevokeBranchKeys(c) => Decide::decide(c, self, at)?,
            KeyringCommand::RevokeKey(c) => Decide::decide(c, self, at)?,
            KeyringCommand::RevokeProjectKeys(c) => Decide::decide(c, self, at)?,
            KeyringCommand::RotateKey(c) => Decide::decide(c, self, at)?,
            KeyringCommand::UpdateKey(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: KeyringEvent) {
        use alluvium_kernel::Evolve;
        match event {
            KeyringEvent::KeyIssued(e) => Evolve::evolve(e, self),
            KeyringEvent::KeyRevoked(e) => Evolve::evolve(e, self),
            KeyringEvent::KeyRotated(e) => Evolve::evolve(e, self),
            KeyringEvent::KeyUpdated(e) => Evolve::evolve(e, self),
        }
    }
}

impl KeyringCommand {
    /// `digest` of the command.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::IssueKey(c) => Some(&c.digest),
            Self::RotateKey(c) => Some(&c.digest),
            _ => None,
        }
    }

    /// `key` of the command.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::IssueKey(c) => Some(&c.key),
            Self::RevokeKey(c) => Some(&c.key),
            Self::RotateKey(c) => Some(&c.key),
            Self::UpdateKey(c) => Some(&c.key),
            _ => None,
        }
    }

    /// `prefix` of the command.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::IssueKey(c) => Some(&c.prefix),
            Self::RotateKey(c) => Some(&c.prefix),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::IssueKey(c) => &c.project,
            Self::RevokeBranchKeys(c) => &c.project,
            Self::RevokeKey(c) => &c.project,
            Self::RevokeProjectKeys(c) => &c.project,
            Self::RotateKey(c) => &c.project,
            Self::UpdateKey(c) => &c.project,
        }
    }
}

/// Commands of the aggregate `membership`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MembershipCommand {
    AddMember(AddMember),
    AddTrust(AddTrust),
    RemoveMember(RemoveMember),
    RemoveTrust(RemoveTrust),
    SetMemberRole(SetMemberRole),
}

alluvium_messaging::contract_set!(MembershipCommand { AddMember, AddTrust, RemoveMember, RemoveTrust, SetMemberRole });

impl From<AddMember> for MembershipCommand {
    fn from(message: AddMember) -> Self {
        Self::AddMember(message)
    }
}

impl From<AddTrust> for MembershipCommand {
    fn from(message: AddTrust) -> Self {
        Self::AddTrust(message)
    }
}

impl From<RemoveMember> for MembershipCommand {
    fn from(message: RemoveMember) -> Self {
        Self::RemoveMember(message)
    }
}

impl From<RemoveTrust> for MembershipCommand {
    fn from(message: RemoveTrust) -> Self {
        Self::RemoveTrust(message)
    }
}

impl From<SetMemberRole> for MembershipCommand {
    fn from(message: SetMemberRole) -> Self {
        Self::SetMemberRole(message)
    }
}

/// Events of the aggregate `membership`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MembershipEvent {
    MemberAdded(MemberAdded),
    MemberRemoved(MemberRemoved),
    MemberRoleSet(MemberRoleSet),
    TrustAdded(TrustAdded),
    TrustRemoved(TrustRemoved),
}

alluvium_messaging::contract_set!(MembershipEvent {
    MemberAdded,
    MemberRemoved,
    MemberRoleSet,
    TrustAdded,
    TrustRemoved
});

impl From<MemberAdded> for MembershipEvent {
    fn from(message: MemberAdded) -> Self {
        Self::MemberAdded(message)
    }
}

impl From<MemberRemoved> for MembershipEvent {
    fn from(message: MemberRemoved) -> Self {
        Self::MemberRemoved(message)
    }
}

impl From<MemberRoleSet> for MembershipEvent {
    fn from(message: MemberRoleSet) -> Self {
        Self::MemberRoleSet(message)
    }
}

impl From<TrustAdded> for MembershipEvent {
    fn from(message: TrustAdded) -> Self {
        Self::TrustAdded(message)
    }
}

impl From<TrustRemoved> for MembershipEvent {
    fn from(message: TrustRemoved) -> Self {
        Self::TrustRemoved(message)
    }
}

impl cqrs_es::DomainEvent for MembershipEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Membership {
    const TYPE: &'static str = "membership";
    type Command = MembershipCommand;
    type Event = MembershipEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: MembershipCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<MembershipEvent> = match command {
            MembershipCommand::AddMember(c) => Decide::decide(c, self, at)?,
            MembershipCommand::AddTrust(c) => Decide::decide(c, self, at)?,
            MembershipCommand::RemoveMember(c) => Decide::decide(c, self, at)?,
            MembershipCommand::RemoveTrust(c) => Decide::decide(c, self, at)?,
            MembershipCommand::SetMemberRole(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MembershipEvent) {
        use alluvium_kernel::Evolve;
        match event {
            MembershipEvent::MemberAdded(e) => Evolve::evolve(e, self),
            MembershipEvent::MemberRemoved(e) => Evolve::evolve(e, self),
            MembershipEvent::MemberRoleSet(e) => Evolve::evolve(e, self),
            MembershipEvent::TrustAdded(e) => Evolve::evolve(e, self),
            MembershipEvent::TrustRemoved(e) => Evolve::evolve(e, self),
        }
    }
}

impl MembershipCommand {
    /// `issuer` of the command.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::AddMember(c) => Some(&c.issuer),
            Self::AddTrust(c) => Some(&c.issuer),
            _ => None,
        }
    }

    /// `name` of the command.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::AddTrust(c) => Some(&c.name),
            Self::RemoveTrust(c) => Some(&c.name),
            _ => None,
        }
    }

    /// `role` of the command.
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::AddMember(c) => Some(&c.role),
            Self::AddTrust(c) => Some(&c.role),
            Self::SetMemberRole(c) => Some(&c.role),
            _ => None,
        }
    }

    /// `subject` of the command.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::AddMember(c) => Some(&c.subject),
            Self::AddTrust(c) => Some(&c.subject),
            _ => None,
        }
    }

    /// `user` of the command.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::AddMember(c) => Some(&c.user),
            Self::RemoveMember(c) => Some(&c.user),
            Self::SetMemberRole(c) => Some(&c.user),
            _ => None,
        }
    }
}

/// Commands of the aggregate `tenant`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TenantCommand {
    ForgetDeletedProject(ForgetDeletedProject),
    ForgetPerson(ForgetPerson),
    ForgetProject(ForgetProject),
    ForgetTenant(ForgetTenant),
    GrantPublishers(GrantPublishers),
}

alluvium_messaging::contract_set!(TenantCommand {
    ForgetDeletedProject,
    ForgetPerson,
    ForgetProject,
    ForgetTenant,
    GrantPublishers
});

impl From<ForgetDeletedProject> for TenantCommand {
    fn from(message: ForgetDeletedProject) -> Self {
        Self::ForgetDeletedProject(message)
    }
}

impl From<ForgetPerson> for TenantCommand {
    fn from(message: ForgetPerson) -> Self {
        Self::ForgetPerson(message)
    }
}

impl From<ForgetProject> for TenantCommand {
    fn from(message: ForgetProject) -> Self {
        Self::ForgetProject(message)
    }
}

impl From<ForgetTenant> for TenantCommand {
    fn from(message: ForgetTenant) -> Self {
        Self::ForgetTenant(message)
    }
}

impl From<GrantPublishers> for TenantCommand {
    fn from(message: GrantPublishers) -> Self {
        Self::GrantPublishers(message)
    }
}

/// Events of the aggregate `tenant`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TenantEvent {
    PersonForgotten(PersonForgotten),
    ProjectForgotten(ProjectForgotten),
    PublishersGranted(PublishersGranted),
    TenantForgotten(TenantForgotten),
}

alluvium_messaging::contract_set!(TenantEvent {
    PersonForgotten,
    ProjectForgotten,
    PublishersGranted,
    TenantForgotten
});

impl From<PersonForgotten> for TenantEvent {
    fn from(message: PersonForgotten) -> Self {
        Self::PersonForgotten(message)
    }
}

impl From<ProjectForgotten> for TenantEvent {
    fn from(message: ProjectForgotten) -> Self {
        Self::ProjectForgotten(message)
    }
}

impl From<PublishersGranted> for TenantEvent {
    fn from(message: PublishersGranted) -> Self {
        Self::PublishersGranted(message)
    }
}

impl From<TenantForgotten> for TenantEvent {
    fn from(message: TenantForgotten) -> Self {
        Self::TenantForgotten(message)
    }
}

impl cqrs_es::DomainEvent for TenantEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Tenant {
    const TYPE: &'static str = "tenant";
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: TenantCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<TenantEvent> = match command {
            TenantCommand::ForgetDeletedProject(c) => Decide::decide(c, self, at)?,
            TenantCommand::ForgetPerson(c) => Decide::decide(c, self, at)?,
            TenantCommand::ForgetProject(c) => Decide::decide(c, self, at)?,
            TenantCommand::ForgetTenant(c) => Decide::decide(c, self, at)?,
            TenantCommand::GrantPublishers(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TenantEvent) {
        use alluvium_kernel::Evolve;
        match event {
            TenantEvent::PersonForgotten(e) => Evolve::evolve(e, self),
            TenantEvent::ProjectForgotten(e) => Evolve::evolve(e, self),
            TenantEvent::PublishersGranted(e) => Evolve::evolve(e, self),
            TenantEvent::TenantForgotten(e) => Evolve::evolve(e, self),
        }
    }
}

impl TenantCommand {
    /// `project` of the command.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::ForgetDeletedProject(c) => Some(&c.project),
            Self::ForgetProject(c) => Some(&c.project),
            _ => None,
        }
    }
}

/// Every command of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Installation(InstallationCommand),
    Keyring(KeyringCommand),
    Membership(MembershipCommand),
    Tenant(TenantCommand),
}

alluvium_messaging::contract_union!(Command { Installation(InstallationCommand), Keyring(KeyringCommand), Membership(MembershipCommand), Tenant(TenantCommand) });

/// Every event of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Installation(InstallationEvent),
    Keyring(KeyringEvent),
    Membership(MembershipEvent),
    Tenant(TenantEvent),
}

alluvium_messaging::contract_union!(Event { Installation(InstallationEvent), Keyring(KeyringEvent), Membership(MembershipEvent), Tenant(TenantEvent) });

impl Command {
    /// The right this command needs, as its schema declares.
    pub fn requirement(&self) -> alluvium_kernel::Requirement {
        use alluvium_kernel::Requirement;
        match self {
            Self::Membership(MembershipCommand::AddMember(_)) => Requirement::PipelineAdmin,
            Self::Membership(MembershipCommand::AddTrust(_)) => Requirement::PipelineAdmin,
            Self::Installation(InstallationCommand::CreateTenant(_)) => Requirement::PipelineOwner,
            Self::Installation(InstallationCommand::DeleteTenant(_)) => Requirement::PipelineOwner,
            Self::Tenant(TenantCommand::ForgetDeletedProject(_)) => Requirement::System,
            Self::Tenant(TenantCommand::ForgetPerson(_)) => Requirement::Admin,
            Self::Tenant(TenantCommand::ForgetProject(_)) => Requirement::Admin,
            Self::Tenant(TenantCommand::ForgetTenant(_)) => Requirement::Admin,
            Self::Tenant(TenantCommand::GrantPublishers(_)) => Requirement::Admin,
            Self::Keyring(KeyringCommand::IssueKey(c)) => Requirement::KeyAdmin(c.project.clone()),
            Self::Membership(MembershipCommand::RemoveMember(_)) => Requirement::PipelineAdmin,
            Self::Membership(MembershipCommand::RemoveTrust(_)) => Requirement::PipelineAdmin,
            Self::Installation(InstallationCommand::RenameTenant(_)) => Requirement::PipelineOwner,
            Self::Keyring(KeyringCommand::RevokeBranchKeys(_)) => Requirement::System,
            Self::Keyring(KeyringCommand::RevokeKey(c)) => Requirement::KeyAdmin(c.project.clone()),
            Self::Keyring(KeyringCommand::RevokeProjectKeys(_)) => Requirement::System,
            Self::Keyring(KeyringCommand::RotateKey(c)) => Requirement::KeyAdmin(c.project.clone()),
            Self::Membership(MembershipCommand::SetMemberRole(_)) => Requirement::PipelineAdmin,
            Self::Keyring(KeyringCommand::UpdateKey(c)) => Requirement::KeyAdmin(c.project.clone()),
        }
    }
}
