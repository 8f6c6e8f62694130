//! Tenants, members, trusts and logins over HTTP.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use alluvium_access::model::DEFAULT_TENANT_ID;
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use world::issuer::{CI, LOGIN};
use world::{ADMIN, World};

impl World {
    async fn asked(
        &self,
        method: &str,
        path: &str,
        key: &str,
        tenant: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let headers: Vec<(&str, &str)> = tenant.map(|tenant| ("feldera-tenant", tenant)).into_iter().collect();
        let (status, _, body) = self.call_with(method.parse().unwrap(), path, Some(key), &headers, body).await;
        (status, body)
    }

    async fn who(&self, key: &str, tenant: Option<&str>) -> (u16, Value) {
        self.asked("GET", "/v0/who", key, tenant, None).await
    }

    /// Status and code of a refusal.
    async fn not(
        &self,
        method: &str,
        path: &str,
        key: &str,
        tenant: Option<&str>,
        body: Option<Value>,
    ) -> (u16, String) {
        let (status, said) = self.asked(method, path, key, tenant, body).await;
        (status, said["error_code"].as_str().unwrap_or_default().to_owned())
    }

    async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.asked(method, path, ADMIN, None, body).await
    }

    async fn tenant(&self, name: &str) -> String {
        let (status, made) = self.admin("POST", "/v0/tenants", Some(json!({"name": name}))).await;
        assert!([200, 201].contains(&status), "{made}");
        made["id"].as_str().unwrap().to_owned()
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_created_renamed_and_deleted_by_owners() {
    let world = World::start().await;
    let a = world.tenant("a").await;
    assert_eq!(world.tenant("a").await, a, "one of this name is there");
    let b = world.tenant("b").await;
    let (_, all) = world.admin("GET", "/v0/tenants", None).await;
    let names: Vec<&Value> = all.as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["a", "b", "default"]);
    for selector in ["a", &a] {
        let shown = json!({"id": a, "name": "a", "initial_provider": ""});
        assert_eq!(world.admin("GET", &format!("/v0/tenants/{selector}"), None).await, (200, shown));
    }
    let path = format!("/v0/tenants/{a}");
    let rename = |displace: bool| Some(json!({"name": "b", "displace_existing": displace}));
    assert_eq!(world.not("PATCH", &path, ADMIN, None, rename(false)).await, refused(409, "DuplicateName"));
    let (status, renamed) = world.admin("PATCH", &path, rename(true)).await;
    assert_eq!(
        (status, &renamed["displaced"]["id"], &renamed["displaced"]["name"]),
        (200, &json!(b), &json!(format!("b ({b})")))
    );
    assert_eq!(world.admin("PATCH", &path, Some(json!({"name": "c"}))).await, (200, json!({"displaced": null})));
    for (method, path, status, code) in [
        ("GET", "/v0/tenants/nope".to_owned(), 404, "UnknownTenant"),
        ("PATCH", "/v0/tenants/c".to_owned(), 404, "UnknownTenant"),
        ("DELETE", "/v0/tenants/not-an-id".to_owned(), 404, "UnknownTenant"),
        ("DELETE", format!("/v0/tenants/{DEFAULT_TENANT_ID}"), 409, "TenantNotEmpty"),
    ] {
        let body = Some(json!({"name": "x"}));
        assert_eq!(world.not(method, &path, ADMIN, None, body).await, refused(status, code), "{method} {path}");
    }
    assert_eq!(
        world.not("POST", "/v0/tenants", ADMIN, None, Some(json!({"name": ""}))).await,
        refused(400, "EmptyName")
    );
    assert_eq!(
        world.not("POST", "/v0/tenants", ADMIN, None, Some(json!({}))).await,
        refused(400, "InvalidRequestBody")
    );
    // Who has the installation's own key acts where the header says.
    assert_eq!(world.who(ADMIN, Some("c")).await, (200, json!({"actor": "admin", "tenant": a})));
    assert_eq!(world.not("GET", "/v0/who", ADMIN, Some("nope"), None).await, refused(404, "UnknownTenant"));
    let trust = json!({"name": "t", "issuer": CI, "subject": "s"});
    assert_eq!(world.asked("POST", "/v0/oidc_trust", ADMIN, Some("c"), Some(trust)).await.0, 201);
    assert_eq!(world.not("DELETE", &path, ADMIN, None, None).await, refused(409, "TenantNotEmpty"));
    assert_eq!(world.asked("DELETE", "/v0/oidc_trust/t", ADMIN, Some("c"), None).await.0, 200);
    assert_eq!(world.admin("DELETE", &path, None).await, (200, Value::Null));
    assert_eq!(world.not("DELETE", &path, ADMIN, None, None).await, refused(404, "UnknownTenant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_login_makes_tenant_and_member_and_later_ones_find_them() {
    let world = World::start().await;
    let ann = world.issuer.login("ann", json!({"email": "ann@example.org", "tenants": "acme"}));
    let (status, who) = world.who(&ann, None).await;
    assert_eq!(status, 200, "{who}");
    let (_, acme) = world.admin("GET", "/v0/tenants/acme", None).await;
    assert_eq!((&who["tenant"], &acme["initial_provider"]), (&acme["id"], &json!(LOGIN)));
    let bob =
        world.issuer.login("bob", json!({"tenants": ["acme"], "email": "bob@example.org", "email_verified": true}));
    assert_eq!(world.who(&bob, None).await.0, 200);
    // The first one is its admin, the others look.
    assert_eq!(world.asked("POST", "/v0/who", &ann, None, None).await.0, 200);
    assert_eq!(world.not("POST", "/v0/who", &bob, None, None).await, refused(403, "InsufficientPermissions"));
    assert_eq!(world.not("GET", "/v0/tenant/users", &bob, None, None).await, refused(403, "InsufficientPermissions"));
    assert_eq!(world.not("GET", "/v0/tenants", &ann, None, None).await, refused(403, "InsufficientPermissions"));
    let (_, members) = world.asked("GET", "/v0/tenant/users", &ann, None, None).await;
    let told = |n: usize| members[n].as_object().unwrap().clone();
    assert_eq!(
        (&told(0)["subject"], &told(0)["role"], &told(0)["origin"]),
        (&json!("ann"), &json!("admin"), &json!("claim"))
    );
    assert_eq!(
        (&told(1)["email"], &told(1)["email_verified"], &told(1)["role"]),
        (&json!("bob@example.org"), &json!(true), &json!("read"))
    );
    let bob_id = told(1)["user_id"].as_str().unwrap().to_owned();
    let path = format!("/v0/tenant/users/{bob_id}");
    assert_eq!(world.asked("PUT", &path, &ann, None, Some(json!({"role": "write"}))).await, (200, Value::Null));
    assert_eq!(world.asked("POST", "/v0/who", &bob, None, None).await.0, 200);
    let owner = world.not("PUT", &path, &ann, None, Some(json!({"role": "owner"}))).await;
    assert_eq!(owner, refused(403, "OwnerRoleNotAssignable"));
    assert_eq!(
        world.not("PUT", "/v0/tenant/users/x", &ann, None, Some(json!({"role": "read"}))).await,
        refused(404, "UnknownUser")
    );
    assert_eq!(world.asked("DELETE", &path, &ann, None, None).await, (200, Value::Null));
    // The provider still says that he belongs there.
    assert_eq!(world.who(&bob, None).await.0, 200);
    assert_eq!(world.not("POST", "/v0/who", &bob, None, None).await.0, 403);
    // Personal data stands on the log sealed only.
    let mut stream = world.js.get_stream("EV_ACCESS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    for seq in 1..=last {
        let message = stream.get_raw_message(seq).await.unwrap();
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        assert!(!text.contains("@example.org"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_a_member_of_several_tenants_names_one() {
    let world = World::start().await;
    let session = async |key: &str, tenant| world.asked("GET", "/v0/config/session", key, tenant, None).await;
    let both = world.issuer.login("ann", json!({"tenants": ["a", "b"]}));
    assert_eq!(world.not("GET", "/v0/who", &both, None, None).await, refused(400, "AmbiguousTenantMembership"));
    let (status, told) = session(&both, None).await;
    assert_eq!((status, &told["tenant_id"], &told["role"]), (200, &Value::Null, &Value::Null));
    let names: Vec<&Value> = told["memberships"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(world.who(&both, Some("b")).await.0, 200);
    let (_, told) = session(&both, Some("b")).await;
    assert_eq!((&told["tenant_name"], &told["role"]), (&json!("b"), &json!("admin")));
    world.tenant("secret").await;
    for tenant in ["secret", "nowhere"] {
        assert_eq!(world.not("GET", "/v0/who", &both, Some(tenant), None).await, refused(403, "NotATenantMember"));
    }
    // Without a claim everybody has a tenant of their own; who was added before does not need one.
    let own = world.issuer.login("carl", json!({}));
    assert_eq!(world.who(&own, None).await.0, 200);
    assert_eq!(session(&own, None).await.1["tenant_name"], "carl");
    let added = json!({"subject": "dora", "role": "write", "email": "dora@example.org"});
    assert_eq!(world.asked("POST", "/v0/tenant/users", ADMIN, Some("a"), Some(added)).await.0, 200);
    let dora = world.issuer.login("dora", json!({}));
    assert_eq!(session(&dora, None).await.1["tenant_name"], "a");
    // Keys and no keys.
    let (_, told) = session(ADMIN, None).await;
    let expected =
        json!({"tenant_id": DEFAULT_TENANT_ID, "tenant_name": "default", "role": "admin", "memberships": []});
    assert_eq!(told, expected);
    let (status, _, said) = world.call_whole(Method::GET, "/v0/config/session", None, None).await;
    assert_eq!((status, &said["error_code"]), (401, &json!("AuthenticationFailed")));
    let provider = world.call(Method::GET, "/config/authentication", None, None).await.1;
    assert_eq!(
        provider["GenericOidc"],
        json!({"issuer": LOGIN, "client_id": "client", "extra_oidc_scopes": ["email"]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_lets_nobody_in() {
    let world = World::start().await;
    let good = world.issuer.login("ann", json!({}));
    let forged = {
        let (head, tail) = good.split_at(good.len() - 8);
        format!("{head}{}", if tail.starts_with('A') { "BBBBBBBB" } else { "AAAAAAAA" })
    };
    let other_claims = {
        let mut parts: Vec<&str> = good.split('.').collect();
        let claims = URL_SAFE_NO_PAD
            .encode(json!({"iss": LOGIN, "sub": "boss", "exp": u32::MAX, "aud": "feldera-api"}).to_string());
        parts[1] = &claims;
        parts.join(".")
    };
    for (token, reason) in [
        (world.issuer.login("ann", json!({"exp": 1})), "has ended"),
        (world.issuer.login("ann", json!({"aud": "x"})), "somebody else"),
        (world.issuer.login("ann", json!({"token_use": "id"})), "no access token"),
        (world.issuer.token("https://stranger.example.org", json!({"sub": "s"})), "trusted by nobody"),
        (forged, "signature"),
        (other_claims, "signature"),
        ("eyJ.x.y".to_owned(), "base64"),
    ] {
        let (status, headers, said) = world.call_whole(Method::GET, "/v0/who", Some(&token), None).await;
        assert_eq!((status, &said["error_code"]), (401, &json!("AuthenticationFailed")), "{said}");
        let challenge = headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer error_description=\"") && challenge.contains(reason), "{challenge}");
    }
    let asked = world.issuer.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|url| url.starts_with(LOGIN)), "nobody is asked whom nobody trusts: {asked:?}");
    assert_eq!(world.not("GET", "/v0/who", "apikey:none", None, None).await, refused(401, "AuthenticationFailed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_does_not_answer_is_no_wrong_token() {
    let world = World::start().await;
    world.issuer.away.lock().unwrap().push(LOGIN.to_owned());
    let token = world.issuer.login("ann", json!({}));
    assert_eq!(world.not("GET", "/v0/who", &token, None, None).await, refused(503, "LoginUnavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_act_where_they_are_trusted() {
    let world = World::start().await;
    world.tenant("a").await;
    world.tenant("b").await;
    let trust =
        |role: &str| json!({"name": "ci", "issuer": CI, "subject": "repo:x/*", "audience": "alluvium", "role": role});
    let add =
        async |tenant: &str, body: Value| world.asked("POST", "/v0/oidc_trust", ADMIN, Some(tenant), Some(body)).await;
    let workload = world.issuer.token(CI, json!({"sub": "repo:x/y", "aud": "alluvium"}));
    assert_eq!(world.not("GET", "/v0/who", &workload, None, None).await, refused(403, "OidcTenantNotTrusted"));
    let (status, made) = add("a", trust("write")).await;
    assert_eq!((status, &made["name"]), (201, &json!("ci")));
    assert_eq!(world.asked("POST", "/v0/who", &workload, None, None).await.0, 200);
    assert_eq!(
        world.not("GET", "/v0/oidc_trust", &workload, None, None).await,
        refused(403, "InsufficientPermissions")
    );
    let (_, shown) = world.asked("GET", "/v0/oidc_trust/ci", ADMIN, Some("a"), None).await;
    assert_eq!((&shown["id"], &shown["role"], &shown["description"]), (&made["id"], &json!("write"), &Value::Null));
    assert_eq!(add("b", trust("read")).await.0, 201);
    assert_eq!(world.not("GET", "/v0/who", &workload, None, None).await, refused(400, "AmbiguousOidcTenant"));
    assert_eq!(world.not("POST", "/v0/who", &workload, Some("b"), None).await, refused(403, "InsufficientPermissions"));
    assert_eq!(world.not("GET", "/v0/who", &workload, Some("nope"), None).await, refused(404, "UnknownTenant"));
    for claims in [json!({"sub": "repo:z/y", "aud": "alluvium"}), json!({"sub": "repo:x/y", "aud": "other"})] {
        let other = world.issuer.token(CI, claims);
        assert_eq!(world.not("GET", "/v0/who", &other, Some("a"), None).await, refused(403, "OidcTenantNotTrusted"));
    }
    let (_, told) = world.asked("GET", "/v0/config/session", &workload, Some("b"), None).await;
    assert_eq!((&told["tenant_name"], &told["role"], &told["memberships"]), (&json!("b"), &json!("read"), &json!([])));
    assert_eq!(world.asked("DELETE", "/v0/oidc_trust/ci", ADMIN, Some("b"), None).await, (200, Value::Null));
    assert_eq!(world.who(&workload, None).await.0, 200);
    for (body, status, code) in [
        (trust("read"), 409, "DuplicateName"),
        (json!({"name": "x", "issuer": "", "subject": "s"}), 400, "EmptyOidcTrustField"),
        (json!({"name": "x", "issuer": CI, "subject": ""}), 400, "EmptyOidcTrustField"),
        (json!({"name": "x", "issuer": "http://ci.example.org", "subject": "s"}), 400, "InvalidOidcIssuerUrl"),
        (json!({"name": "x", "issuer": "https://10.0.0.1", "subject": "s"}), 400, "InvalidOidcIssuerUrl"),
        (json!({"name": "x", "issuer": LOGIN, "subject": "s"}), 400, "InvalidOidcIssuerUrl"),
        (json!({"name": "x y", "issuer": CI, "subject": "s"}), 400, "NameDoesNotMatchPattern"),
        (json!({"name": "x", "issuer": CI, "subject": "s", "role": "owner"}), 403, "OwnerRoleNotAssignable"),
    ] {
        assert_eq!(world.not("POST", "/v0/oidc_trust", ADMIN, Some("a"), Some(body)).await, refused(status, code));
    }
    let unknown = world.not("DELETE", "/v0/oidc_trust/none", ADMIN, Some("a"), None).await;
    assert_eq!(unknown, refused(404, "UnknownOidcTrust"));
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_act_in_every_tenant() {
    let world = World::start().await;
    let acme = world.tenant("acme").await;
    let boss = world.issuer.login("any", json!({"email": "Boss@example.org", "email_verified": true}));
    let root = world.issuer.login("root", json!({}));
    let deploy = world.issuer.token(CI, json!({"sub": "deploy"}));
    for owner in [&boss, &root, &deploy] {
        assert_eq!(world.asked("GET", "/v0/tenants", owner, None, None).await.0, 200);
        assert_eq!(world.who(owner, Some("acme")).await.1["tenant"], acme);
        assert_eq!(world.who(owner, None).await.1["tenant"], "default");
        assert_eq!(world.asked("POST", "/v0/who", owner, Some("acme"), None).await.0, 200);
        assert_eq!(world.not("GET", "/v0/who", owner, Some("nope"), None).await, refused(404, "UnknownTenant"));
        let (_, told) = world.asked("GET", "/v0/config/session", owner, Some("acme"), None).await;
        assert_eq!((&told["role"], &told["tenant_name"]), (&json!("owner"), &json!("acme")));
    }
    let (_, owners) = world.asked("GET", "/v0/config/owners", &root, None, None).await;
    assert_eq!((&owners["owners"][1], &owners["owner_trusts"][0]["subject"]), (&json!("root"), &json!("deploy")));
    // An address that nobody vouches for makes nobody an owner.
    let liar = world.issuer.login("liar", json!({"email": "boss@example.org"}));
    assert_eq!(world.not("GET", "/v0/tenants", &liar, None, None).await, refused(403, "InsufficientPermissions"));
    let pretender = world.issuer.token(CI, json!({"sub": "deployer"}));
    assert_eq!(world.not("GET", "/v0/tenants", &pretender, None, None).await, refused(403, "OidcTenantNotTrusted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_clients_say_it_in_protocols() {
    let world = World::start().await;
    let acme = world.tenant("acme").await;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let offered = format!("feldera-bearer.{}, feldera-tenant.{}, feldera-ws-v1", part(ADMIN), part("acme"));
    let headers = [("sec-websocket-protocol", offered.as_str())];
    let (status, _, who) = world.call_with(Method::GET, "/v0/who", None, &headers, None).await;
    assert_eq!((status, who["tenant"].as_str()), (200, Some(acme.as_str())));
}
