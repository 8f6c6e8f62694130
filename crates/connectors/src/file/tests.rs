use std::io::Write as _;

use serde_json::json;

use super::*;
use crate::output::Item;
use crate::testing::{LONG, bytes, limits, run};
use crate::{ConnectorConfig, input, output, start};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn context(&self) -> Context {
        Context { file_directories: vec![self.0.path().to_owned()], ..Context::default() }
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn input(&self, config: Value, format: Value) -> Result<Box<dyn Input>, Error> {
        let config = json!({"transport": {"name": "file_input", "config": config}, "format": format});
        let config = ConnectorConfig::parse("c", &config, &self.context())?;
        input(&config, &crate::testing::table(&[]), &self.context())
    }
}

const LINES: &str = "{\"a\": 1}\n{\"a\": \"x\\n\ny\"}\n{\"a\":\n3}";

#[tokio::test]
async fn a_file_is_read_record_by_record_to_its_end() {
    let home = Home::new();
    std::fs::write(home.path("f"), LINES).unwrap();
    for size in [1, 3, 10, 1000] {
        let config = json!({"path": home.path("f"), "buffer_size_bytes": size});
        let seen = run(home.input(config, json!({"name": "json"})).unwrap(), None).await;
        assert_eq!(seen.text(), LINES);
        assert!(seen.status.end_of_input);
        let mut offset = 0;
        for (at, (payload, position, _)) in seen.chunks.iter().enumerate() {
            let Payload::Stream { bytes, offset: begins, ends_object, .. } = payload else { panic!("{payload:?}") };
            assert_eq!((*begins, *ends_object), (offset, at + 1 == seen.chunks.len()));
            offset += bytes.len() as u64;
            assert_eq!(position, &json!({"offset": offset}));
            // A chunk that is not the last ends where a record ends.
            assert!(*ends_object || bytes.ends_with(b"}") || bytes.ends_with(b"\n"), "{bytes:?}");
        }
    }
}

#[tokio::test]
async fn it_goes_on_at_a_position() {
    let home = Home::new();
    std::fs::write(home.path("f"), LINES).unwrap();
    let config = json!({"path": format!("file://{}", home.path("f")), "buffer_size_bytes": 4});
    let all = run(home.input(config.clone(), json!({"name": "json"})).unwrap(), None).await;
    let mut before = 0;
    for (payload, position, _) in &all.chunks {
        before += bytes(payload).len();
        let rest = run(home.input(config.clone(), json!({"name": "json"})).unwrap(), Some(position.clone())).await;
        assert_eq!(rest.text(), LINES[before..]);
    }
    for wrong in [json!({"offset": 1000}), json!({"row": 1})] {
        let seen = run(home.input(config.clone(), json!(null)).unwrap(), Some(wrong.clone())).await;
        assert!(seen.status.fatal_error.is_some(), "{wrong}");
    }
}

#[tokio::test]
async fn formats_without_records_come_whole() {
    let home = Home::new();
    std::fs::write(home.path("f"), LINES).unwrap();
    let config = json!({"path": home.path("f"), "buffer_size_bytes": 2});
    let seen = run(home.input(config, json!({"name": "parquet"})).unwrap(), None).await;
    assert_eq!((seen.chunks.len(), seen.text().as_str()), (1, LINES));
}

#[tokio::test]
async fn a_file_that_is_followed_has_no_end() {
    let home = Home::new();
    std::fs::write(home.path("f"), "one\ntw").unwrap();
    let format = json!({"name": "raw", "config": {"mode": "lines"}});
    let made = home.input(json!({"path": home.path("f"), "follow": true}), format).unwrap();
    let (handle, mut chunks) = start(made, None, limits(), false);
    let mut next = async || {
        let chunk = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
        (String::from_utf8(bytes(&chunk.payload)).unwrap(), chunk.position.clone())
    };
    assert_eq!(next().await, ("one\n".to_owned(), json!({"offset": 4})));
    let mut file = std::fs::OpenOptions::new().append(true).open(home.path("f")).unwrap();
    file.write_all(b"o\nthree\n").unwrap();
    assert_eq!(next().await, ("two\nthree\n".to_owned(), json!({"offset": 14})));
    assert!(!handle.status().end_of_input);
    file.set_len(2).unwrap();
    let status = crate::testing::ended(&handle).await;
    assert!(status.fatal_error.unwrap().contains("cut short"));
}

#[test]
fn files_outside_of_what_is_allowed_are_refused() {
    let home = Home::new();
    let refused = home.input(json!({"path": "/etc/passwd"}), json!(null)).err().unwrap();
    assert_eq!(refused.code(), "ConnectorPathNotAllowed");
    let wrong = home.input(json!({"path": home.path("f"), "buffer_size_bytes": 0}), json!(null)).err().unwrap();
    assert_eq!(wrong.code(), "InvalidConnectorConfig");
}

#[tokio::test]
async fn steps_are_written_one_after_the_other_into_an_emptied_file() {
    let home = Home::new();
    std::fs::write(home.path("f"), "old and long").unwrap();
    let config = json!({"transport": {"name": "file_output", "config": {"path": home.path("f")}}});
    let config = ConnectorConfig::parse("c", &config, &home.context()).unwrap();
    let mut made = output(&config, "v", &home.context()).unwrap();
    assert_eq!(made.open().await, Ok(None));
    made.write(1, 0, &[Item::bytes("a\n"), Item::bytes("b\n")]).await.unwrap();
    made.finish(1).await.unwrap();
    assert_eq!(std::fs::read_to_string(home.path("f")).unwrap(), "a\nb\n");
    // A step that did not end is given again on a new opening.
    made.write(2, 0, &[Item::bytes("half")]).await.unwrap();
    made.open().await.unwrap();
    made.write(2, 0, &[Item::bytes("c\n")]).await.unwrap();
    made.finish(2).await.unwrap();
    assert_eq!(std::fs::read_to_string(home.path("f")).unwrap(), "a\nb\nc\n");
    let outside = json!({"transport": {"name": "file_output", "config": {"path": "/etc/f"}}});
    let outside = ConnectorConfig::parse("c", &outside, &home.context()).unwrap();
    assert!(output(&outside, "v", &home.context()).is_err());
}
