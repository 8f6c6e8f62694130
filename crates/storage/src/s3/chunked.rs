//! Bodies in AWS's own chunks: a line with size and perhaps signature before each, and lines with checksums behind the last.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::sigv4::ChunkSigner;

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 4_096;
/// Lines behind the last chunk.
const TRAILERS_MAX: usize = 16;
/// The name of the line that signs those before it.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not in chunks as announced, or ends early.
    Malformed,
    /// A chunk, or what is behind the last, is not what was signed.
    Unsigned,
}

#[derive(Debug)]
enum At {
    /// Before a chunk: its size is being read.
    Size,
    /// In a chunk: so many bytes are to come, and this is how it was signed.
    Content {
        left: u64,
        signature: Option<String>,
    },
    /// Behind a chunk's content.
    Gap,
    /// Behind the last chunk.
    Trailer,
    End,
}

/// Takes the content out of the chunks; never holds more than a line.
pub(super) struct Chunks {
    at: At,
    line: Vec<u8>,
    hash: Sha256,
    signer: Option<ChunkSigner>,
    trailers: Vec<(String, String)>,
    fault: Option<Fault>,
}

impl Chunks {
    /// With `signer`, each chunk's signature is checked.
    pub fn new(signer: Option<ChunkSigner>) -> Self {
        let (line, hash, trailers) = (Vec::new(), Sha256::new(), Vec::new());
        Self { at: At::Size, line, hash, signer, trailers, fault: None }
    }

    /// The content in the next piece of the body. After a fault there is no more.
    pub fn push(&mut self, mut piece: Bytes) -> Result<VecDeque<Bytes>, Fault> {
        let mut content = VecDeque::new();
        while !piece.is_empty() {
            if let Err(fault) = self.step(&mut piece, &mut content) {
                self.fault = Some(fault);
                return Err(fault);
            }
        }
        Ok(content)
    }

    /// What was found wrong, if anything.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What came behind the last chunk, once the body has ended.
    pub fn finish(self) -> Result<Vec<(String, String)>, Fault> {
        match (self.fault, self.at) {
            (Some(fault), _) => Err(fault),
            // Some clients leave the empty line at the very end out.
            (None, At::End) => Ok(self.trailers),
            (None, At::Trailer) if self.line.is_empty() && self.signer.is_none() => Ok(self.trailers),
            (None, _) => Err(Fault::Malformed),
        }
    }

    fn step(&mut self, piece: &mut Bytes, content: &mut VecDeque<Bytes>) -> Result<(), Fault> {
        if let At::Content { left, .. } = &mut self.at {
            let take = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
            *left -= take as u64;
            let done = *left == 0;
            let part = piece.split_to(take);
            if self.signer.is_some() {
                self.hash.update(&part);
            }
            content.push_back(part);
            return if done { self.chunk_ended() } else { Ok(()) };
        }
        if matches!(self.at, At::End) {
            return Err(Fault::Malformed);
        }
        let end = piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let take = end.unwrap_or(piece.len());
        if self.line.len() + take > LINE_BYTES_MAX {
            return Err(Fault::Malformed);
        }
        self.line.extend_from_slice(&piece[..take]);
        piece.advance(take);
        if end.is_none() {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r\n").ok_or(Fault::Malformed)?;
        self.line_ended(std::str::from_utf8(line).map_err(|_| Fault::Malformed)?)
    }

    fn line_ended(&mut self, line: &str) -> Result<(), Fault> {
        match &self.at {
            At::Size => {
                let (size, rest) = line.split_once(';').unwrap_or((line, ""));
                let left = u64::from_str_radix(size.trim(), 16).map_err(|_| Fault::Malformed)?;
                let signature = rest.strip_prefix("chunk-signature=").map(|text| text.trim().to_owned());
                if left == 0 {
                    self.check_chunk(signature.as_deref())?;
                    self.at = At::Trailer;
                } else {
                    self.at = At::Content { left, signature };
                }
            }
            At::Gap if line.is_empty() => self.at = At::Size,
            At::Trailer if line.is_empty() => self.trailers_ended()?,
            At::Trailer => {
                let (name, value) = line.split_once(':').ok_or(Fault::Malformed)?;
                if self.trailers.len() == TRAILERS_MAX {
                    return Err(Fault::Malformed);
                }
                self.trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            At::Gap | At::Content { .. } | At::End => return Err(Fault::Malformed),
        }
        Ok(())
    }

    fn chunk_ended(&mut self) -> Result<(), Fault> {
        let At::Content { signature, .. } = std::mem::replace(&mut self.at, At::Gap) else { return Ok(()) };
        self.check_chunk(signature.as_deref())
    }

    fn check_chunk(&mut self, signature: Option<&str>) -> Result<(), Fault> {
        let hash = self.hash.finalize_reset();
        let Some(signer) = &mut self.signer else { return Ok(()) };
        if signer.check_chunk(&hash, signature.unwrap_or_default()) { Ok(()) } else { Err(Fault::Unsigned) }
    }

    /// Behind signed chunks, what is behind them is signed too.
    fn trailers_ended(&mut self) -> Result<(), Fault> {
        self.at = At::End;
        let Some(signer) = &mut self.signer else { return Ok(()) };
        let at = self.trailers.iter().position(|(name, _)| name == TRAILER_SIGNATURE);
        let signature = at.map(|at| self.trailers.remove(at).1);
        if self.trailers.is_empty() && signature.is_none() {
            return Ok(());
        }
        let lines: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        if signer.check_trailer(&lines, &signature.unwrap_or_default()) { Ok(()) } else { Err(Fault::Unsigned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes a body in pieces of `step` bytes.
    fn read(body: &str, step: usize) -> Result<(String, Vec<(String, String)>), Fault> {
        let (mut chunks, mut content) = (Chunks::new(None), Vec::new());
        for piece in body.as_bytes().chunks(step) {
            content.extend(chunks.push(Bytes::copy_from_slice(piece))?.into_iter().flatten());
        }
        Ok((String::from_utf8(content).unwrap(), chunks.finish()?))
    }

    #[test]
    fn content_is_taken_out_wherever_pieces_end() {
        let body = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Amz-Checksum-CRC32: abc=\r\n\r\n";
        let trailers = vec![("x-amz-checksum-crc32".to_owned(), "abc=".to_owned())];
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(read(body, step), Ok(("hello world".to_owned(), trailers.clone())), "{step}");
        }
        assert_eq!(read("0\r\n\r\n", 2), Ok((String::new(), Vec::new())));
        assert_eq!(read("1\r\na\r\n0\r\n", 2), Ok(("a".to_owned(), Vec::new())));
    }

    #[test]
    fn what_is_not_in_chunks_is_refused() {
        let long = format!("{}\r\n", "0".repeat(LINE_BYTES_MAX));
        let many = format!("0\r\n{}\r\n", "a:b\r\n".repeat(TRAILERS_MAX + 1));
        for wrong in
            ["", "5\r\nhel", "5\r\nhelloX\r\n0\r\n\r\n", "x\r\n", "-1\r\n", "5\nhello", "0\r\n\r\nmore", &long, &many]
        {
            assert_eq!(read(wrong, 3), Err(Fault::Malformed), "{wrong:.20}");
        }
    }
}
