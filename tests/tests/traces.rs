//! One trace from an HTTP request over its command and event to the folds, at a collector that speaks OTLP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use alluvium_blackbox::{ADMIN, World};
use serde_json::{Value, json};

/// What the client began.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT: &str = "b7ad6b7169203331";

/// A collector of a few lines: keeps every span that is posted to `/v1/traces`.
#[derive(Clone)]
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { url, spans }
    }

    /// The span of the client's trace with this name, if it has come.
    fn find(&self, name: &str) -> Option<Value> {
        let spans = self.spans.lock().expect("spans");
        spans.iter().find(|span| span["name"] == name && span["traceId"] == TRACE).cloned()
    }
}

fn serve(stream: std::net::TcpStream, kept: &Mutex<Vec<Value>>) {
    let mut answers = stream.try_clone().expect("a stream");
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("json");
        for resource in body["resourceSpans"].as_array().expect("resources") {
            let service = &resource["resource"]["attributes"][0];
            assert_eq!(service, &json!({ "key": "service.name", "value": { "stringValue": "alluvium" } }));
            for scope in resource["scopeSpans"].as_array().expect("scopes") {
                kept.lock().expect("spans").extend(scope["spans"].as_array().expect("spans").iter().cloned());
            }
        }
        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").expect("answered");
    }
}

#[tokio::test]
async fn a_request_its_command_its_event_and_the_folds_are_one_trace() {
    let collector = Collector::start();
    let env = [("ALLUVIUM_TRACES_OTLP_URL", collector.url.as_str()), ("ALLUVIUM_LOG_FORMAT", "json")];
    let world = World::closed_with(&env).await;
    world.project("p").await;
    let body = json!({ "name": "t", "columns": [{ "name": "n", "type": "BIGINT" }] });
    let answer = reqwest::Client::new()
        .post(format!("{}/projects/p/branches/default/buckets/b/tables", world.alluvium.url()))
        .bearer_auth(ADMIN)
        .header("traceparent", format!("00-{TRACE}-{CLIENT}-01"))
        .json(&body)
        .send()
        .await
        .expect("the server answers");
    assert!(answer.status().is_success(), "{}", answer.status());

    let route = "POST /projects/{project_id}/branches/{branch_id}/buckets/{bucket_name}/tables";
    let names = [
        route,
        "send storage.CreateTable",
        "decide storage.CreateTable",
        "append STORAGE",
        "apply storage",
        "apply tables",
    ];
    let all = || async { names.iter().all(|name| collector.find(name).is_some()) };
    world.eventually("all spans come", all).await;
    let [request, command, decision, event, catalogue, file] =
        names.map(|name| collector.find(name).expect("it has come"));
    assert_eq!(request["parentSpanId"], CLIENT);
    assert_eq!(command["parentSpanId"], request["spanId"]);
    assert_eq!(decision["parentSpanId"], command["spanId"]);
    assert_eq!(event["parentSpanId"], decision["spanId"]);
    assert_eq!((&catalogue["parentSpanId"], &file["parentSpanId"]), (&event["spanId"], &event["spanId"]));
    let kinds = [&request, &command, &decision, &event, &catalogue, &file].map(|span| span["kind"].as_u64());
    assert_eq!(kinds, [2, 4, 5, 4, 5, 5].map(Some), "server, producer, consumer as OTLP counts them");
    let has = |span: &Value, key: &str, value: &str| {
        let attribute = json!({ "key": key, "value": { "stringValue": value } });
        assert!(span["attributes"].as_array().expect("attributes").contains(&attribute), "{key} in {span}");
    };
    has(&request, "http.response.status_code", "201");
    has(&catalogue, "stream.name", "STORAGE");
    let nanos = |span: &Value, key: &str| span[key].as_str().and_then(|text| text.parse::<u128>().ok()).expect("nanos");
    assert!(nanos(&decision, "startTimeUnixNano") >= nanos(&request, "startTimeUnixNano"));
    assert!(nanos(&event, "endTimeUnixNano") >= nanos(&event, "startTimeUnixNano"));

    // The log is one JSON document a line, and leads to the trace.
    let output = world.alluvium.output();
    let lines: Vec<Value> = output
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let of_trace = lines.iter().find(|line| line["trace.id"] == TRACE).expect("a line of the request");
    assert_eq!(
        (&of_trace["message"], &of_trace["http.status"]),
        (&json!("request answered"), &json!(201)),
        "{of_trace}"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing_but_its_spans() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let world = World::closed_with(&[("ALLUVIUM_TRACES_OTLP_URL", &format!("http://{gone}"))]).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    let dropped = || async {
        let text = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics").text().await;
        text.expect("text").contains("alluvium_trace_spans_total{status=\"dropped\"}")
    };
    world.eventually("the loss is counted", dropped).await;
    assert_eq!(world.get("/projects/p").await["id"], "p");
}
