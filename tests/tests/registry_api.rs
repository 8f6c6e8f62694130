//! The registry's endpoints, one after the other, by raw HTTP on the real binary.

use alluvium_blackbox::registry::{Registry, record};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_schema_goes_in_and_comes_out_by_every_way() {
    let registry = Registry::start().await;
    registry.expect("GET", "/", None, 200, json!({})).await;
    registry.expect("POST", "/", None, 200, json!({})).await;
    registry.expect("GET", "/subjects", None, 200, json!([])).await;
    let text = r#"{ "type": "record", "name": "R", "fields": [ {"name": "a", "type": "int"} ] }"#;
    let compact = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    let body = json!({"schema": text});
    registry.expect("POST", "/subjects/s/versions", Some(body.clone()), 200, json!({"id": 1})).await;
    // Again, and with its whitespace gone: the same.
    registry.expect("POST", "/subjects/s/versions", Some(body.clone()), 200, json!({"id": 1})).await;
    registry.expect("POST", "/subjects/s/versions", Some(json!({"schema": compact})), 200, json!({"id": 1})).await;
    registry.expect("GET", "/subjects", None, 200, json!(["s"])).await;
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([1])).await;
    let shown = json!({"subject": "s", "version": 1, "id": 1, "schema": compact});
    for version in ["1", "latest", "LATEST", "-1"] {
        registry.expect("GET", &format!("/subjects/s/versions/{version}"), None, 200, shown.clone()).await;
    }
    registry.expect("POST", "/subjects/s", Some(body), 200, shown).await;
    registry.expect("GET", "/schemas/ids/1", None, 200, json!({"schema": compact})).await;
    let max = json!({"schema": compact, "maxId": 1});
    registry.expect("GET", "/schemas/ids/1?fetchMaxId=True", None, 200, max).await;
    registry.expect("GET", "/schemas/ids/1/subjects", None, 200, json!(["s"])).await;
    registry.expect("GET", "/schemas/ids/1/versions", None, 200, json!([{"subject": "s", "version": 1}])).await;
    for path in ["/schemas/ids/1/schema", "/subjects/s/versions/latest/schema"] {
        assert_eq!(registry.send(Method::GET, path, &[], None).await.text, compact);
    }
    registry.expect("GET", "/schemas/types", None, 200, json!(["JSON", "PROTOBUF", "AVRO"])).await;
    let all = json!([{"subject": "s", "version": 1, "id": 1, "schema": compact}]);
    registry.expect("GET", "/schemas", None, 200, all.clone()).await;
    registry.expect("GET", "/schemas?subjectPrefix=:*:s&latestOnly=true", None, 200, all).await;
    registry.expect("GET", "/schemas?subjectPrefix=x", None, 200, json!([])).await;
    // The same on the platform's own listener.
    let main = reqwest::get(format!("{}/sr/schemas/ids/1", registry.world.alluvium.url())).await.unwrap();
    assert_eq!(main.json::<Value>().await.unwrap(), json!({"schema": compact}));
}

#[tokio::test]
async fn new_versions_are_held_against_the_old_ones() {
    let registry = Registry::start().await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1);
    assert_eq!(registry.register("s", &record(&["a", "b"])).await, 2);
    assert_eq!(registry.register("other", &record(&["a", "b"])).await, 2, "one id for one content");
    let strict = r#"{"type":"record","name":"R","fields":[{"name":"age","type":"int"}]}"#;
    let body = Some(json!({"schema": strict}));
    let message = registry.refused("POST", "/subjects/s/versions", body.clone(), 409, 409).await;
    let begin = "Schema being registered is incompatible with an earlier schema for subject \"s\", details: [{errorType:\
                 'READER_FIELD_MISSING_DEFAULT_VALUE', description:'field \"age\" at /fields/0 of the new schema has no \
                 default and is absent from the old schema', additionalInfo:'age'}, {oldSchemaVersion: 2}, {oldSchema: '";
    assert!(message.starts_with(begin), "{message}");
    assert!(message.ends_with("{validateFields: 'false', compatibility: 'BACKWARD'}]"), "{message}");
    for path in ["/compatibility/subjects/s/versions/latest", "/compatibility/subjects/s/versions"] {
        let answer = json!({"is_compatible": false, "messages": ["age"]});
        registry.expect("POST", path, body.clone(), 200, answer).await;
        let good = Some(json!({"schema": record(&["c"])}));
        registry.expect("POST", path, good.clone(), 200, json!({"is_compatible": true})).await;
        let verbose = format!("{path}?verbose=true");
        registry.expect("POST", &verbose, good, 200, json!({"is_compatible": true, "messages": []})).await;
        let (status, told) = registry.call("POST", &verbose, body.clone()).await;
        assert_eq!((status, &told["is_compatible"]), (200, &json!(false)));
        assert_eq!(told["messages"].as_array().unwrap().len(), 4, "{told}");
        let (status, told) = registry.call("POST", &verbose, Some(json!({"schema": "nonsense"}))).await;
        assert_eq!(
            (status, &told["is_compatible"], told["messages"].as_array().unwrap().len()),
            (200, &json!(false), 1)
        );
        registry.refused("POST", path, Some(json!({"schema": "nonsense"})), 422, 42201).await;
    }
    let unknown = "/compatibility/subjects/nobody/versions/latest";
    registry.expect("POST", unknown, body.clone(), 200, json!({"is_compatible": true})).await;
    registry.refused("POST", "/compatibility/subjects/s/versions/9", body.clone(), 404, 40402).await;
    registry.refused("POST", "/compatibility/subjects/s/versions/0", body.clone(), 422, 42202).await;
    registry
        .expect("PUT", "/config/s", Some(json!({"compatibility": "none"})), 200, json!({"compatibility": "NONE"}))
        .await;
    registry.expect("POST", "/subjects/s/versions", body, 200, json!({"id": 3})).await;
}

#[tokio::test]
async fn settings_and_modes_are_told_exactly() {
    let registry = Registry::start().await;
    registry.expect("GET", "/config", None, 200, json!({"compatibilityLevel": "BACKWARD"})).await;
    registry.refused("GET", "/config/s", None, 404, 40408).await;
    registry
        .expect("GET", "/config/s?defaultToGlobal=true", None, 200, json!({"compatibilityLevel": "BACKWARD"}))
        .await;
    registry
        .expect("PUT", "/config", Some(json!({"compatibility": "FULL"})), 200, json!({"compatibility": "FULL"}))
        .await;
    registry.expect("GET", "/config/", None, 200, json!({"compatibilityLevel": "FULL"})).await;
    registry.refused("PUT", "/config", Some(json!({"compatibility": "SOME"})), 422, 42203).await;
    for level in ["NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]
    {
        let answer = json!({"compatibility": level});
        let body = json!({"compatibility": level.to_lowercase()});
        registry.expect("PUT", "/config/s", Some(body), 200, answer).await;
        registry.expect("GET", "/config/s", None, 200, json!({"compatibilityLevel": level})).await;
    }
    let more = json!({"normalize": true, "compatibilityGroup": "g"});
    let all = json!({"compatibility": "FULL_TRANSITIVE", "normalize": true, "compatibilityGroup": "g"});
    registry.expect("PUT", "/config/s", Some(more), 200, all).await;
    let less = json!({"compatibility": "FULL_TRANSITIVE", "normalize": true});
    registry.expect("PUT", "/config/s", Some(json!({"compatibilityGroup": null})), 200, less).await;
    let deleted = json!({"compatibilityLevel": "FULL_TRANSITIVE", "compatibility": "FULL"});
    registry.expect("DELETE", "/config/s", None, 200, deleted).await;
    registry.refused("DELETE", "/config/s", None, 404, 40401).await;
    registry.expect("DELETE", "/config", None, 200, json!({"compatibilityLevel": "FULL"})).await;

    registry.expect("GET", "/mode", None, 200, json!({"mode": "READWRITE"})).await;
    registry.refused("GET", "/mode/s", None, 404, 40409).await;
    registry.expect("GET", "/mode/s?defaultToGlobal=true", None, 200, json!({"mode": "READWRITE"})).await;
    registry.refused("DELETE", "/mode/s", None, 404, 40401).await;
    registry.refused("PUT", "/mode", Some(json!({"mode": "FORWARD"})), 422, 42204).await;
    registry.register("s", &record(&["a"])).await;
    registry.expect("PUT", "/mode/s", Some(json!({"mode": "READONLY"})), 200, json!({"mode": "READONLY"})).await;
    registry.expect("GET", "/mode/s", None, 200, json!({"mode": "READONLY"})).await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1, "what is there is found in every mode");
    registry.refused("POST", "/subjects/s/versions", Some(json!({"schema": record(&["b"])})), 422, 42205).await;
    registry.refused("DELETE", "/subjects/s", None, 422, 42205).await;
    registry.refused("DELETE", "/subjects/s/versions/1", None, 422, 42205).await;
    registry.refused("PUT", "/config/s", Some(json!({"compatibility": "NONE"})), 422, 42205).await;
    registry.expect("DELETE", "/mode/s", None, 200, json!({"mode": "READONLY"})).await;
    registry.refused("PUT", "/mode/s", Some(json!({"mode": "IMPORT"})), 422, 42205).await;
    registry.expect("PUT", "/mode/s?force=true", Some(json!({"mode": "IMPORT"})), 200, json!({"mode": "IMPORT"})).await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1, "even in IMPORT");
    registry.expect("PUT", "/mode/s", Some(json!({"mode": null})), 200, json!({})).await;
    registry.refused("GET", "/mode/s", None, 404, 40409).await;
    // For all there are: narrower scopes do not help.
    registry.expect("PUT", "/mode/s", Some(json!({"mode": "READWRITE"})), 200, json!({"mode": "READWRITE"})).await;
    let over = json!({"mode": "READONLY_OVERRIDE"});
    registry.expect("PUT", "/mode", Some(over.clone()), 200, over).await;
    registry.refused("POST", "/subjects/s/versions", Some(json!({"schema": record(&["b"])})), 422, 42205).await;
    registry.expect("DELETE", "/mode?recursive=true", None, 200, json!({"mode": "READONLY_OVERRIDE"})).await;
    registry.refused("GET", "/mode/s", None, 404, 40409).await;
    assert_eq!(registry.register("s", &record(&["b"])).await, 2);
}

#[tokio::test]
async fn what_is_deleted_hides_first_and_goes_then() {
    let registry = Registry::start().await;
    for fields in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        registry.register("s", &record(fields)).await;
    }
    registry.refused("DELETE", "/subjects/nobody", None, 404, 40401).await;
    registry.refused("DELETE", "/subjects/s?permanent=true", None, 404, 40405).await;
    registry.refused("DELETE", "/subjects/s/versions/2?permanent=true", None, 404, 40407).await;
    registry.refused("DELETE", "/subjects/s/versions/9", None, 404, 40402).await;
    registry.refused("DELETE", "/subjects/s/versions/x", None, 422, 42202).await;
    registry.expect("DELETE", "/subjects/s/versions/2", None, 200, json!(2)).await;
    let message = registry.refused("DELETE", "/subjects/s/versions/2", None, 404, 40406).await;
    assert_eq!(message, "Subject 's' Version 2 was soft deleted. Set permanent=true to delete permanently");
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([1, 3])).await;
    registry.expect("GET", "/subjects/s/versions?deleted=true", None, 200, json!([1, 2, 3])).await;
    registry.expect("GET", "/subjects/s/versions?deletedOnly=true", None, 200, json!([2])).await;
    registry.expect("GET", "/subjects/s/versions?deleted_only=True", None, 200, json!([2])).await;
    registry.expect("GET", "/subjects/s/versions?deletedAsNegative=true", None, 200, json!([1, -2, 3])).await;
    registry.refused("GET", "/subjects/s/versions/2", None, 404, 40402).await;
    assert_eq!(registry.get("/subjects/s/versions/2?deleted=true").await["id"], 2);
    assert_eq!(registry.call("GET", "/schemas/ids/2", None).await.0, 200, "hidden ids still answer");
    registry.expect("GET", "/schemas/ids/2/versions", None, 200, json!([])).await;
    registry.expect("DELETE", "/subjects/s/versions/2?permanent=true", None, 200, json!(2)).await;
    registry.refused("GET", "/schemas/ids/2", None, 404, 40403).await;
    registry.expect("DELETE", "/subjects/s/versions/latest", None, 200, json!(3)).await;
    registry.expect("DELETE", "/subjects/s", None, 200, json!([1])).await;
    let message = registry.refused("DELETE", "/subjects/s", None, 404, 40404).await;
    assert_eq!(message, "Subject 's' was soft deleted.Set permanent=true to delete permanently");
    registry.expect("GET", "/subjects", None, 200, json!([])).await;
    registry.expect("GET", "/subjects?deleted=true", None, 200, json!(["s"])).await;
    registry.expect("GET", "/subjects?deletedOnly=true", None, 200, json!(["s"])).await;
    registry.refused("GET", "/subjects/s/versions", None, 404, 40401).await;
    // What comes back has its id, and a number of its own; and its subject has the settings that it had.
    let (full, mode) = (json!({"compatibility": "FULL"}), json!({"mode": "READWRITE"}));
    registry.expect("PUT", "/config/s", Some(full.clone()), 200, full).await;
    registry.expect("PUT", "/mode/s", Some(mode.clone()), 200, mode.clone()).await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1);
    registry.expect("GET", "/config/s", None, 200, json!({"compatibilityLevel": "FULL"})).await;
    registry.expect("GET", "/mode/s", None, 200, mode).await;
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([4])).await;
    registry.expect("DELETE", "/subjects/s", None, 200, json!([4])).await;
    registry.expect("DELETE", "/subjects/s?permanent=true", None, 200, json!([3, 4])).await;
    registry.refused("DELETE", "/subjects/s?permanent=true", None, 404, 40401).await;
    // Numbers begin again, ids go on.
    assert_eq!(registry.register("s", &record(&["b"])).await, 4);
    assert_eq!(registry.register("t", &record(&["a", "b"])).await, 2, "content keeps its id for ever");
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([1])).await;
}

#[tokio::test]
async fn schemas_refer_to_each_other() {
    let registry = Registry::start().await;
    let address = r#"{"type":"record","name":"Address","namespace":"x","fields":[{"name":"street","type":"string"}]}"#;
    registry.register("address", address).await;
    let person = r#"{"type":"record","name":"Person","namespace":"x","fields":[{"name":"home","type":"x.Address"}]}"#;
    let body = |version: i64| json!({"schema": person, "references": [{"name": "x.Address", "subject": "address", "version": version}]});
    registry.refused("POST", "/subjects/person/versions", Some(json!({"schema": person})), 422, 42201).await;
    registry.refused("POST", "/subjects/person/versions", Some(body(9)), 422, 42201).await;
    registry.expect("POST", "/subjects/person/versions", Some(body(-1)), 200, json!({"id": 2})).await;
    registry.expect("POST", "/subjects/person/versions", Some(body(1)), 200, json!({"id": 2})).await;
    let shown = json!({
        "subject": "person", "version": 1, "id": 2, "schema": person,
        "references": [{"name": "x.Address", "subject": "address", "version": 1}],
    });
    registry.expect("GET", "/subjects/person/versions/1", None, 200, shown).await;
    registry.expect("GET", "/subjects/address/versions/1/referencedby", None, 200, json!([2])).await;
    let resolved = registry.get("/schemas/ids/2?format=resolved").await;
    assert!(resolved["schema"].as_str().unwrap().contains("street"), "{resolved}");
    // The same with its reference written out is there already.
    let inlined = json!({"schema": resolved["schema"]});
    registry.expect("POST", "/subjects/person/versions", Some(inlined), 200, json!({"id": 2})).await;
    let message = registry.refused("DELETE", "/subjects/address/versions/1", None, 422, 42206).await;
    let expected = "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=address,version=1}.";
    assert_eq!(message, expected);
    registry.refused("DELETE", "/subjects/address", None, 422, 42206).await;
    registry.expect("DELETE", "/subjects/person", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/address", None, 200, json!([1])).await;
    registry.refused("DELETE", "/subjects/address?permanent=true", None, 422, 42206).await;
    registry.expect("DELETE", "/subjects/person?permanent=true", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/address?permanent=true", None, 200, json!([1])).await;
}

#[tokio::test]
async fn contexts_stand_apart() {
    let registry = Registry::start().await;
    registry.expect("GET", "/contexts", None, 200, json!(["."])).await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1);
    assert_eq!(registry.register(":.c:s", &record(&["b"])).await, 1, "ids of its own");
    registry.expect("GET", "/contexts", None, 200, json!([".", ".c"])).await;
    registry.expect("GET", "/subjects", None, 200, json!([":.c:s", "s"])).await;
    registry.expect("GET", "/subjects?subjectPrefix=:.c:", None, 200, json!([":.c:s"])).await;
    registry.expect("GET", "/contexts/c/subjects", None, 200, json!([":.c:s"])).await;
    for path in
        ["/subjects/:.c:s/versions/1", "/contexts/c/subjects/s/versions/1", "/contexts/:.c:/subjects/s/versions/1"]
    {
        assert_eq!(registry.get(path).await["subject"], ":.c:s", "{path}");
    }
    let of = |id: u32| format!("/schemas/ids/1?subject={}", if id == 0 { "s" } else { ":.c:s" });
    assert_ne!(registry.get(&of(0)).await, registry.get(&of(1)).await);
    assert_eq!(registry.register(":.c:only", &record(&["z"])).await, 2);
    assert_eq!(registry.get("/subjects/only/versions/1").await["subject"], ":.c:only", "found in another context");
    assert_eq!(registry.call("GET", "/schemas/ids/2", None).await.0, 200);
    registry
        .expect("PUT", "/config/:.c:", Some(json!({"compatibility": "FULL"})), 200, json!({"compatibility": "FULL"}))
        .await;
    registry
        .expect("GET", "/config/:.c:s?defaultToGlobal=true", None, 200, json!({"compatibilityLevel": "FULL"}))
        .await;
    registry.expect("GET", "/config", None, 200, json!({"compatibilityLevel": "BACKWARD"})).await;
    // References over contexts hold as well.
    let own = r#"{"type":"record","name":"O","fields":[{"name":"r","type":"R"}]}"#;
    let body = json!({"schema": own, "references": [{"name": "R", "subject": ":.c:s", "version": 1}]});
    registry.expect("POST", "/subjects/o/versions", Some(body), 200, json!({"id": 2})).await;
    registry.refused("DELETE", "/subjects/:.c:s", None, 422, 42206).await;
    registry.expect("DELETE", "/subjects/o", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/o?permanent=true", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/:.c:s", None, 200, json!([1])).await;
    registry.refused("DELETE", "/contexts/c", None, 422, 42211).await;
    registry.expect("DELETE", "/subjects/:.c:s?permanent=true", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/:.c:only", None, 200, json!([1])).await;
    registry.expect("DELETE", "/subjects/:.c:only?permanent=true", None, 200, json!([1])).await;
    registry.expect("DELETE", "/contexts/.c", None, 204, Value::Null).await;
    registry.expect("GET", "/contexts", None, 200, json!(["."])).await;
}

#[tokio::test]
async fn who_would_break_is_told_as_far_as_it_is_known() {
    let registry = Registry::start().await;
    registry.register("shop.orders-value", &record(&["a"])).await;
    let js = async_nats::jetstream::new(registry.world.nats.connect().await);
    let stream = async_nats::jetstream::stream::Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.>".to_owned()],
        ..Default::default()
    };
    let stream = js.create_stream(stream).await.expect("a stream");
    for (name, filter) in [("billing", "shop.orders"), ("other", "shop.returns")] {
        let consumer = async_nats::jetstream::consumer::pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subject: filter.to_owned(),
            ..Default::default()
        };
        stream.create_consumer(consumer).await.expect("a consumer");
    }
    let path = "/compatibility/subjects/shop.orders-value/consumers";
    let body =
        json!({"schema": r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string","default":""}]}"#});
    let (status, told) = registry.call("POST", path, Some(body)).await;
    assert_eq!((status, &told["topic"], &told["consumers_may_break"]), (200, &json!("shop.orders"), &json!(true)));
    assert_eq!(told["readers"][0]["reads_new"], false, "{told}");
    let durables: Vec<&Value> = told["consumers"].as_array().unwrap().iter().map(|found| &found["durable"]).collect();
    assert_eq!(durables, ["billing"]);
    let (_, told) = registry.call("POST", path, Some(json!({"schema": record(&["a", "b"])}))).await;
    assert_eq!((&told["is_compatible"], &told["consumers_may_break"]), (&json!(true), &json!(false)));
}
