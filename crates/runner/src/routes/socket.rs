//! An ad-hoc query over a WebSocket: the first message asks, what follows is the answer, and then the conversation ends.

use std::time::Duration;

use alluvium_http::{Principal, Subprotocols};
use alluvium_query::{Format, Frame, QueryError, QueryErrorKind};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;

use super::query::ask;
use super::state::{DataRoutes, Found};

/// How long the question may take to come, in seconds.
const QUESTION_SECONDS_MAX: u64 = 60;
/// How long the question may be, in bytes: the statements, as JSON writes them.
const QUESTION_BYTES_MAX: usize = 8 << 20;

type Outward = SplitSink<WebSocket, Message>;

/// What is asked.
#[derive(Deserialize)]
struct Question {
    /// The statements.
    sql: String,
    /// As in the query of a request.
    #[serde(default)]
    format: Option<String>,
}

/// Answers over a socket from now on.
pub(super) fn converse(
    upgrade: WebSocketUpgrade,
    protocols: &Subprotocols,
    (state, principal, found): (DataRoutes, Principal, Found),
) -> Response {
    let upgrade = upgrade.max_message_size(QUESTION_BYTES_MAX).max_frame_size(QUESTION_BYTES_MAX);
    upgrade.protocols(protocols.chosen()).on_upgrade(move |socket| async move {
        let stop = found.deployment.stop.clone();
        let (mut to, mut from) = socket.split();
        let said = tokio::select! {
            () = stop.cancelled() => Err(refused("The pipeline is being stopped.")),
            said = answer(&state, &principal, &found, (&mut to, &mut from)) => said,
        };
        let code = match said {
            Ok(()) => close_code::NORMAL,
            Err(Ended::Wrong(error)) => {
                // Who asked may have gone.
                let _ = to.send(Message::text(error.to_json())).await;
                close_code::ERROR
            }
            Err(Ended::Told) => close_code::ERROR,
            Err(Ended::Gone) => return,
        };
        let _ = to.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
        let _ = to.flush().await;
    })
}

/// Why there is no answer, or no whole one.
enum Ended {
    /// What was asked cannot be answered; nobody was told yet.
    Wrong(QueryError),
    /// They were told.
    Told,
    /// Nobody is there any more.
    Gone,
}

async fn answer(
    state: &DataRoutes,
    principal: &Principal,
    found: &Found,
    (to, from): (&mut Outward, &mut SplitStream<WebSocket>),
) -> Result<(), Ended> {
    let Question { sql, format } = question(from).await?;
    let format: Format = match format {
        None => Format::Text,
        Some(name) => name.parse().map_err(Ended::Wrong)?,
    };
    let told = async {
        let answer = ask(state, principal, found, &sql, format).await.map_err(Ended::Wrong)?;
        let mut frames = std::pin::pin!(answer.into_frames());
        while let Some(frame) = frames.next().await {
            let (message, is_last) = match frame {
                Ok(Frame::Text(text)) => (Message::text(text), false),
                Ok(Frame::Binary(bytes)) => (Message::Binary(bytes), false),
                Err(error) => (Message::text(error.to_json()), true),
            };
            to.send(message).await.map_err(|_| Ended::Gone)?;
            if is_last {
                return Err(Ended::Told);
            }
        }
        Ok(())
    };
    // Who goes away while it works lets go of the query.
    tokio::select! {
        told = told => told,
        () = gone(from) => Err(Ended::Gone),
    }
}

/// The first message.
async fn question(from: &mut SplitStream<WebSocket>) -> Result<Question, Ended> {
    let wait = Duration::from_secs(QUESTION_SECONDS_MAX);
    loop {
        let message = tokio::time::timeout(wait, from.next()).await;
        match message {
            Err(_) => return Err(refused("Nothing was asked in time.")),
            Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => return Err(Ended::Gone),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            Ok(Some(Ok(Message::Binary(_)))) => return Err(refused("What is asked is a text: {\"sql\", \"format\"}.")),
            Ok(Some(Ok(Message::Text(text)))) => {
                return serde_json::from_str(&text)
                    .map_err(|error| refused(&format!("What is asked is {{\"sql\", \"format\"}}: {error}.")));
            }
        }
    }
}

/// Waits until nobody is there any more; what they say meanwhile is not looked at.
async fn gone(from: &mut SplitStream<WebSocket>) {
    while let Some(Ok(message)) = from.next().await {
        if matches!(message, Message::Close(_)) {
            return;
        }
    }
}

fn refused(reason: &str) -> Ended {
    Ended::Wrong(QueryError { kind: QueryErrorKind::Rejected, message: reason.to_owned() })
}
