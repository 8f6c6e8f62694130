//! Gathers the bytes of an object until a record ends.

use bytes::{Bytes, BytesMut};

use super::cut::{Cut, Scanner};

/// How long one record may be, and a whole file that is one.
pub const RECORD_BYTES_MAX: usize = 256 << 20;

/// Bytes that came and were not given on, and where they are in their object.
#[derive(Debug)]
pub(crate) struct Cutter {
    scanner: Scanner,
    buffer: BytesMut,
    /// Where the last complete record in the buffer ends.
    end: usize,
    /// Where the buffer begins in the object.
    offset: u64,
}

impl Cutter {
    /// For an object whose bytes come from an offset on, which is where a record begins.
    pub fn new(cut: Cut, offset: u64) -> Self {
        Self { scanner: Scanner::new(cut), buffer: BytesMut::new(), end: 0, offset }
    }

    /// Where bytes are to be read from next.
    pub fn reached(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Adds what came.
    ///
    /// # Errors
    ///
    /// A record is too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        let before = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        if let Some(end) = self.scanner.last_end(bytes) {
            self.end = before + end;
        }
        if self.buffer.len() - self.end > RECORD_BYTES_MAX {
            return Err(format!(
                "a record that begins at byte {} is longer than {RECORD_BYTES_MAX} bytes",
                self.offset
            ));
        }
        Ok(())
    }

    /// Whole records, and where they begin; nothing if none is complete.
    pub fn complete(&mut self) -> Option<(Bytes, u64)> {
        (self.end > 0).then(|| self.take(self.end))
    }

    /// Everything that is left: nothing comes any more.
    pub fn rest(&mut self) -> (Bytes, u64) {
        self.take(self.buffer.len())
    }

    /// Where everything given on so far ends.
    pub fn given(&self) -> u64 {
        self.offset
    }

    fn take(&mut self, length: usize) -> (Bytes, u64) {
        let at = self.offset;
        self.offset += length as u64;
        self.end = 0;
        (self.buffer.split_to(length).freeze(), at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_are_given_on_with_their_place() {
        let mut cutter = Cutter::new(Cut::Lines, 10);
        cutter.push(b"ab").unwrap();
        assert_eq!(cutter.complete(), None);
        cutter.push(b"c\nde\nf").unwrap();
        assert_eq!(cutter.complete(), Some((Bytes::from_static(b"abc\nde\n"), 10)));
        assert_eq!((cutter.complete(), cutter.given(), cutter.reached()), (None, 17, 18));
        assert_eq!(cutter.rest(), (Bytes::from_static(b"f"), 17));
        assert_eq!(cutter.rest(), (Bytes::new(), 18));
    }
}
