//! Tokens of completion: up to where something that was sent goes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// How a token begins; another form would begin otherwise.
const VERSION: u8 = 1;
/// Bytes of a token.
const BYTES: usize = 1 + 16 + 8 + 8;

/// Up to where something that was sent to a pipeline goes. It means the same after any restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompletionToken {
    /// The pipeline.
    pub pipeline: Uuid,
    /// Where in the stream what it keeps begins: another beginning, after all was cleared, makes the token one of the past.
    pub began: u64,
    /// The sequence of the last message.
    pub seq: u64,
}

impl CompletionToken {
    /// As clients keep it.
    pub fn text(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.pipeline.as_bytes());
        bytes.extend_from_slice(&self.began.to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a text says, if it is one.
    pub fn read(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let number = |from: usize| bytes[from..from + 8].try_into().map(u64::from_be_bytes).ok();
        let pipeline = Uuid::from_slice(&bytes[1..17]).ok()?;
        (bytes[0] == VERSION).then_some(Self { pipeline, began: number(17)?, seq: number(25)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is_one() {
        let token = CompletionToken { pipeline: Uuid::from_u128(7), began: 3, seq: u64::MAX };
        let text = token.text();
        assert_eq!(CompletionToken::read(&text), Some(token));
        for wrong in ["", "x", "é", &text[1..], &format!("{text}A"), &text.replacen('A', "B", 1)] {
            assert_eq!(CompletionToken::read(wrong), None, "{wrong}");
        }
    }
}
