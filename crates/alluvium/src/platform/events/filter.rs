//! Which messages, of which streams.

use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::streams;

use super::Asked;
use crate::node::CONTEXTS;

/// The longest subject filter, in bytes.
const SUBJECT_BYTES_MAX: usize = 1_024;

/// A filter that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// NATS subject filter.
    pub subject: String,
    /// Only this type.
    pub kind: Option<String>,
    /// The streams that may have such messages.
    pub streams: Vec<String>,
    /// From this sequence on; only with one stream.
    pub from: Option<u64>,
    /// From this moment on.
    pub since: Option<Timestamp>,
}

impl Filter {
    pub(super) fn read(asked: &Asked) -> Result<Self, Problem> {
        let subject = asked.subject.clone().unwrap_or_else(|| "ev.>".to_owned());
        let by_subject = streams_of(&subject)?;
        let streams = match &asked.stream {
            Some(name) if streams::load(None).iter().any(|file| file.name == name) => vec![name.clone()],
            Some(name) => {
                let detail = format!("There is no stream `{name}`.");
                return Err(Problem::new("platform.unknown_stream", 404, detail));
            }
            None => by_subject,
        };
        if streams.is_empty() {
            let detail = format!("No stream of ours takes `{subject}`; subjects begin with ev, rows, cmd, out or dlq.");
            return Err(Problem::new("platform.invalid_filter", 422, detail));
        }
        if asked.from.is_some() && streams.len() > 1 {
            let detail = format!(
                "`from` is a sequence of one stream, but `{subject}` is on {}; add `stream`.",
                streams.join(", ")
            );
            return Err(Problem::new("platform.invalid_filter", 422, detail));
        }
        let since = asked.since.as_deref().map(moment).transpose()?;
        Ok(Self { subject, kind: asked.r#type.clone(), streams, from: asked.from, since })
    }

    /// The filter as it is given to a stream: `>` of one stream means all of it.
    pub fn on_stream(&self) -> Vec<String> {
        if self.subject == ">" { Vec::new() } else { vec![self.subject.clone()] }
    }
}

fn moment(text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text).ok_or_else(|| {
        let detail = format!("`since` is `{text}`; write a moment as 2026-01-02T03:04:05Z.");
        Problem::new("platform.invalid_filter", 422, detail)
    })
}

fn is_subject_filter(subject: &str) -> bool {
    let tokens: Vec<&str> = subject.split('.').collect();
    let plain = |token: &&str| {
        !token.is_empty()
            && (*token == "*" || token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*' && byte != b'>'))
    };
    subject.len() <= SUBJECT_BYTES_MAX
        && tokens.split_last().is_some_and(|(last, rest)| rest.iter().all(plain) && (*last == ">" || plain(last)))
}

/// The streams that may have messages on these subjects; none when they are not ours.
pub fn streams_of(subject: &str) -> Result<Vec<String>, Problem> {
    if is_subject_filter(subject) {
        return Ok(of_subject(subject));
    }
    Err(Problem::new("platform.invalid_filter", 422, format!("`{subject}` is not a subject filter.")))
}

fn of_subject(subject: &str) -> Vec<String> {
    let tokens: Vec<&str> = subject.split('.').collect();
    let name = |name: &str| vec![name.to_owned()];
    match tokens[0] {
        "rows" => name("STORAGE"),
        "cmd" => name("CMD"),
        "out" => name("OUT"),
        "dlq" => name("DLQ"),
        "ev" => {
            let named = tokens.get(2).copied().filter(|token| !matches!(*token, "*" | ">"));
            let of = |context: &&crate::node::ContextInfo| named.is_none_or(|name| name == context.name);
            CONTEXTS.iter().filter(of).map(|context| context.stream.to_owned()).collect()
        }
        ">" | "*" => {
            let all = CONTEXTS.iter().map(|context| context.stream.to_owned());
            all.chain(["CMD", "OUT", "DLQ"].map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(subject: &str) -> Asked {
        Asked { subject: Some(subject.into()), r#type: None, stream: None, from: None, since: None, limit: None }
    }

    #[test]
    fn streams_follow_from_the_subject() {
        assert_eq!(Filter::read(&asked("rows.>")).unwrap().streams, ["STORAGE"]);
        assert_eq!(Filter::read(&asked("ev.default.access.>")).unwrap().streams, ["EV_ACCESS"]);
        assert!(Filter::read(&asked("ev.*.*.>")).unwrap().streams.contains(&"EV_ACCESS".to_owned()));
    }

    #[test]
    fn what_is_no_filter_is_told_so() {
        for subject in ["", "a b", "ev..x", "ev.>.x", "ev.x*", "other.>", "$JS.>"] {
            assert_eq!(Filter::read(&asked(subject)).unwrap_err().code, "platform.invalid_filter", "{subject}");
        }
        let unknown = Asked { stream: Some("NOPE".into()), ..asked("ev.>") };
        assert_eq!(Filter::read(&unknown).unwrap_err().code, "platform.unknown_stream");
        let twice = Asked { since: Some("yesterday".into()), ..asked("rows.>") };
        assert_eq!(Filter::read(&twice).unwrap_err().code, "platform.invalid_filter");
    }
}
