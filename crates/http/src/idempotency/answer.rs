//! Answers that are kept: what was said the first time, sealed so that only the same caller with the same key can open it.

use alluvium_kernel::Problem;
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Body as _;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::ProblemResponse;
use crate::problem::{Carried, status_of};

/// The largest body that is kept, in bytes: quoted, sealed and written as hex it must fit a message of 1 MiB.
const BODY_BYTES_MAX: u64 = 200 * 1024;
/// Refusals that stay what they are when the same is asked again.
const FINAL: [u16; 5] = [400, 404, 409, 410, 422];

/// What becomes of a reservation after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The answer stands.
    Keep(Answer),
    /// Nothing was done: the key is free.
    Forget,
    /// Something may have been done: the same again asks with the same seed.
    Again,
}

/// An answer as it is kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// A problem that the route's own renderer words again.
    pub problem: Option<Problem>,
    pub body: String,
}

impl Answer {
    /// Takes an answer apart; gives it back whole, with what is to become of its reservation.
    pub async fn of(response: Response) -> (Response, Fate) {
        let problem = response.extensions().get::<Carried>().map(|Carried(problem)| problem.clone());
        let status = problem.as_ref().map_or(response.status(), status_of);
        if status.is_server_error() {
            return (response, Fate::Again);
        }
        if status.is_client_error() && !FINAL.contains(&status.as_u16()) {
            return (response, Fate::Forget);
        }
        let (response, body) = text(response).await;
        let Some(body) = body else { return (response, Fate::Again) };
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok().filter(|_| name != CONTENT_LENGTH)?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(pair).collect();
        (response, Fate::Keep(Self { status: status.as_u16(), headers, problem, body }))
    }

    /// The answer again.
    pub fn response(self) -> Response {
        let mut response = match self.problem {
            Some(problem) => ProblemResponse(problem).into_response(),
            None => Response::new(Body::from(self.body)),
        };
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    /// Sealed for a place: under another key, or at another place, it does not open.
    pub fn seal(&self, key: &[u8; 32], place: &str) -> Result<String, Problem> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| no_chance())?;
        let mut sealed = serde_json::to_vec(self).map_err(|_| Problem::internal())?;
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealing = cipher(key)?.seal_in_place_append_tag(unique, Aad::from(place), &mut sealed);
        sealing.map_err(|_| Problem::internal())?;
        Ok(hex::encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The other way.
    pub fn open(sealed: &str, key: &[u8; 32], place: &str) -> Result<Self, Problem> {
        let unreadable = |what: &'static str| {
            tracing::error!(what, "an answer that was kept cannot be opened");
            Problem::internal()
        };
        let mut sealed = hex::decode(sealed).map_err(|_| unreadable("hex"))?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(|| unreadable("length"))?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = cipher(key)?.open_in_place(nonce, Aad::from(place), sealed).map_err(|_| unreadable("seal"))?;
        serde_json::from_slice(opened).map_err(|_| unreadable("content"))
    }
}

/// The body as text, beside the same answer; none when it is no text, or too much of it.
async fn text(response: Response) -> (Response, Option<String>) {
    let declared = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: Option<u64> = declared.or_else(|| response.body().size_hint().exact());
    if length.is_none_or(|length| length > BODY_BYTES_MAX) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    // An answer that breaks off on its way from another process was not understood by anybody: what came of it is not known.
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX as usize).await else {
        return (ProblemResponse(lost()).into_response(), None);
    };
    let text = String::from_utf8(bytes.to_vec()).ok();
    (Response::from_parts(parts, Body::from(bytes)), text)
}

fn lost() -> Problem {
    Problem::unavailable(
        "http.answer_lost",
        "The answer broke off on its way. Send the same again under its key to learn it.",
    )
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Problem> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| Problem::internal())
}

pub(super) fn no_chance() -> Problem {
    tracing::error!("the system gives no random bytes");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_answers_that_stay_true_are_kept() {
        let fate = async |status: u16| Answer::of((StatusCode::from_u16(status).unwrap(), "x").into_response()).await.1;
        for status in [200, 201, 202, 204, 400, 404, 409, 410, 422] {
            assert!(matches!(fate(status).await, Fate::Keep(_)), "{status}");
        }
        for status in [401, 403, 413, 415, 429] {
            assert_eq!(fate(status).await, Fate::Forget, "{status}");
        }
        for status in [500, 503, 507] {
            assert_eq!(fate(status).await, Fate::Again, "{status}");
        }
    }

    #[tokio::test]
    async fn an_answer_comes_back_as_it_was_for_whoever_has_the_key() {
        let given = (StatusCode::CREATED, [("alv-position", "p")], "{\"api_key\":\"secret\"}").into_response();
        let (given, Fate::Keep(answer)) = Answer::of(given).await else { panic!("it is kept") };
        let sealed = answer.seal(&[7; 32], "t.a.1").unwrap();
        assert!(!sealed.contains(&hex::encode("secret")));
        assert!(Answer::open(&sealed, &[8; 32], "t.a.1").is_err(), "another key");
        assert!(Answer::open(&sealed, &[7; 32], "t.a.2").is_err(), "another place");
        let again = Answer::open(&sealed, &[7; 32], "t.a.1").unwrap().response();
        assert_eq!((again.status(), again.headers()), (given.status(), given.headers()));
        assert_eq!(to_bytes(again.into_body(), 99).await.unwrap(), to_bytes(given.into_body(), 99).await.unwrap());
    }

    #[tokio::test]
    async fn a_refusal_is_kept_for_its_renderer() {
        let refusal = Problem::new("demo.exists", 409, "it exists");
        let (_, Fate::Keep(answer)) = Answer::of(ProblemResponse(refusal.clone()).into_response()).await else {
            panic!("it is kept")
        };
        let again = answer.response();
        assert_eq!(again.status(), 409);
        assert_eq!(again.extensions().get::<Carried>().unwrap().0, refusal);
    }
}
