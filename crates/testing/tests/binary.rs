//! The process helper, on a small server that stands for the binary: what is tested here is the helper.

use alluvium_testing::Alluvium;

const SERVER: &str = r#"
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
print("started", os.environ["GREETING"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

#[tokio::test]
async fn a_killed_process_starts_again_on_the_same_port() {
    let mut process = Alluvium::builder("python3").args(["-c", SERVER]).env("GREETING", "hello").start().await;
    let (url, id) = (process.url(), process.id());
    process.kill();
    process.restart().await;
    assert_eq!(process.url(), url);
    assert_ne!(process.id(), id);
    assert_eq!(process.output().matches("started hello").count(), 2);
    assert!(!process.stop().await.success(), "SIGTERM ends python with a signal");
}

#[tokio::test]
#[should_panic(expected = "no such thing")]
async fn a_process_that_ends_while_starting_shows_what_it_said() {
    Alluvium::builder("python3").args(["-c", "raise SystemExit('no such thing')"]).start().await;
}
