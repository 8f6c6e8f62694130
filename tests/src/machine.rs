//! `alluvium serve` on servers of its own, whose secrets are in its data directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alluvium_testing::{Alluvium, NatsServer, Postgres, Scratch};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::binary;

/// A machine that has nothing but the platform.
pub struct Machine {
    /// The binary; first, so that it stops while its servers still answer.
    pub alluvium: Alluvium,
    /// The log.
    pub nats: NatsServer,
    _postgres: Postgres,
    /// Its database.
    pub database: String,
    /// Its data directory.
    pub data: PathBuf,
    /// For what a test writes; the data directory is in it.
    pub scratch: Scratch,
}

impl Machine {
    /// Servers without data, and a data directory that is not there yet; `prepare` runs before the platform starts.
    pub async fn start(prepare: impl AsyncFnOnce(&NatsServer, &Path)) -> Self {
        let (nats, postgres, scratch) = (NatsServer::start().await, Postgres::start().await, Scratch::new());
        let data = scratch.path().join("data");
        prepare(&nats, &data).await;
        let database = postgres.database().await;
        let alluvium = Alluvium::builder(binary())
            .args(["serve"])
            .env("ALLUVIUM_NATS_URL", nats.url())
            .env("ALLUVIUM_POSTGRES_URL", &database)
            .env("ALLUVIUM_DATA_DIR", &data)
            .start()
            .await;
        Self { alluvium, nats, _postgres: postgres, database, data, scratch }
    }

    /// The admin key that it made.
    pub fn admin(&self) -> String {
        std::fs::read_to_string(self.data.join("admin.key")).expect("the admin key").trim().to_owned()
    }

    /// One request as whoever has the key.
    pub async fn ask(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request =
            reqwest::Client::new().request(method, format!("{}{path}", self.alluvium.url())).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A POST of the admin that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(&self.admin(), Method::POST, path, Some(&body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}\n{}", self.alluvium.output());
        answer
    }

    /// A GET of the admin that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(&self.admin(), Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {answer}\n{}", self.alluvium.output());
        answer
    }

    /// The command line, as the admin.
    pub fn cli(&self, args: &[&str]) -> Output {
        let server =
            ["--server", &self.alluvium.url(), "--nats", &self.nats.url(), "--key", &self.admin()].map(str::to_owned);
        let args: Vec<String> = server.into_iter().chain(args.iter().map(|arg| (*arg).to_owned())).collect();
        cli(&args.iter().map(String::as_str).collect::<Vec<_>>(), &self.data)
    }
}

/// The command line by itself, with a data directory and nothing of this process's environment that would lead it elsewhere.
pub fn cli(args: &[&str], data: &Path) -> Output {
    let mut command = Command::new(binary());
    command.args(args).env("ALLUVIUM_DATA_DIR", data).env("NO_COLOR", "1");
    for name in ["ALLUVIUM_NATS", "ALLUVIUM_NATS_URL", "ALLUVIUM_SIGNING_KEY", "ALLUVIUM_ADMIN_KEY"] {
        command.env_remove(name);
    }
    command.output().expect("the binary runs")
}

/// All that it said.
pub fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// It must have ended with this code and said this.
pub fn expect(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    assert!(text(output).contains(says), "{says} is not in\n{}", text(output));
}
