//! Finds where JSON values end, byte by byte, so that input may come in pieces of any size; and the first byte that is wrong.

/// How deep arrays and objects may lie in one another.
pub const NESTING_MAX: usize = 128;

/// What a piece of input is for the value that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value goes on behind it.
    More,
    /// The value ends before this byte.
    Done(usize),
    /// This byte cannot stand there, or the value nests too deep.
    Bad(usize, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    FirstItem,
    FirstKey,
    Key,
    Colon,
    Behind,
    Text { is_key: bool },
    Escape { is_key: bool },
    Hex { is_key: bool, missing: u8 },
    Literal { rest: &'static [u8] },
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    End,
}

/// Reads one value. What is open is remembered in bits, so that depth costs no stack.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    state: State,
    /// One bit for each open array or object, the innermost lowest: whether it is an object.
    open: u128,
    depth: usize,
    depth_max: usize,
}

impl Scanner {
    /// A scanner for a value that lies in so many arrays.
    pub(crate) fn new(around: usize) -> Self {
        Self { state: State::Value, open: 0, depth: 0, depth_max: NESTING_MAX.saturating_sub(around) }
    }

    /// Whether nothing of the value has been seen yet.
    pub(crate) fn is_new(&self) -> bool {
        self.state == State::Value && self.depth == 0
    }

    /// Reads on.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        while at < bytes.len() {
            if let State::Text { .. } = self.state {
                match plain_text(&bytes[at..]) {
                    Some(plain) => at += plain,
                    None => return Step::More,
                }
            }
            if self.state == State::End {
                return Step::Done(at);
            }
            match self.step(bytes[at]) {
                // The number ended before this byte, which is looked at again.
                Ok(false) => {}
                Ok(true) => at += 1,
                Err(reason) => return Step::Bad(at, reason),
            }
        }
        if self.state == State::End { Step::Done(at) } else { Step::More }
    }

    /// Whether the value ends with the input.
    pub(crate) fn end(&mut self) -> bool {
        if self.is_whole_number() && self.depth == 0 {
            self.state = State::End;
        }
        self.state == State::End
    }

    fn is_whole_number(&self) -> bool {
        matches!(self.state, State::Zero | State::Whole | State::Fraction | State::ExponentDigits)
    }

    /// Takes a byte; false if it is behind the value that is read.
    fn step(&mut self, byte: u8) -> Result<bool, &'static str> {
        let is_blank = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        match self.state {
            State::Value | State::FirstItem | State::FirstKey | State::Key | State::Colon | State::Behind
                if is_blank => {}
            State::FirstItem if byte == b']' => self.close(),
            State::Value | State::FirstItem => self.begin(byte)?,
            State::FirstKey if byte == b'}' => self.close(),
            State::FirstKey | State::Key => {
                expect(byte == b'"', "a name between quotes is expected")?;
                self.state = State::Text { is_key: true };
            }
            State::Colon => {
                expect(byte == b':', "':' is expected")?;
                self.state = State::Value;
            }
            State::Behind => self.behind(byte)?,
            State::Text { is_key } => match byte {
                b'"' => self.after(is_key),
                b'\\' => self.state = State::Escape { is_key },
                _ => return Err("a text does not hold line ends and control characters as they are"),
            },
            State::Escape { is_key } => {
                let is_known = matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u');
                expect(is_known, "there is no such escape")?;
                self.state = if byte == b'u' { State::Hex { is_key, missing: 4 } } else { State::Text { is_key } };
            }
            State::Hex { is_key, missing } => {
                expect(byte.is_ascii_hexdigit(), "a hexadecimal digit is expected")?;
                self.state =
                    if missing > 1 { State::Hex { is_key, missing: missing - 1 } } else { State::Text { is_key } };
            }
            State::Literal { rest } => {
                let (first, rest) = rest.split_first().ok_or("a value is expected")?;
                expect(byte == *first, "a value is expected")?;
                if rest.is_empty() { self.after(false) } else { self.state = State::Literal { rest } }
            }
            _ => return self.number(byte),
        }
        Ok(true)
    }

    fn begin(&mut self, byte: u8) -> Result<(), &'static str> {
        self.state = match byte {
            b'{' | b'[' => {
                expect(self.depth < self.depth_max, "arrays and objects nest too deep")?;
                self.open = self.open << 1 | u128::from(byte == b'{');
                self.depth += 1;
                if byte == b'{' { State::FirstKey } else { State::FirstItem }
            }
            b'"' => State::Text { is_key: false },
            b't' => State::Literal { rest: b"rue" },
            b'f' => State::Literal { rest: b"alse" },
            b'n' => State::Literal { rest: b"ull" },
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Whole,
            _ => return Err("a value is expected"),
        };
        Ok(())
    }

    fn number(&mut self, byte: u8) -> Result<bool, &'static str> {
        let is_digit = byte.is_ascii_digit();
        let is_exponent = matches!(byte, b'e' | b'E');
        self.state = match self.state {
            State::Minus if byte == b'0' => State::Zero,
            State::Minus | State::Whole if is_digit => State::Whole,
            State::Zero | State::Whole if byte == b'.' => State::Point,
            State::Zero | State::Whole | State::Fraction if is_exponent => State::Exponent,
            State::Point | State::Fraction if is_digit => State::Fraction,
            State::Exponent if matches!(byte, b'+' | b'-') => State::ExponentSign,
            State::Exponent | State::ExponentSign | State::ExponentDigits if is_digit => State::ExponentDigits,
            State::Zero if is_digit => return Err("a number does not begin with 0"),
            _ if self.is_whole_number() => {
                self.after(false);
                return Ok(false);
            }
            _ => return Err("a digit is expected"),
        };
        Ok(true)
    }

    fn after(&mut self, is_key: bool) {
        self.state = match (is_key, self.depth) {
            (true, _) => State::Colon,
            (false, 0) => State::End,
            (false, _) => State::Behind,
        };
    }

    fn behind(&mut self, byte: u8) -> Result<(), &'static str> {
        let is_object = self.open & 1 == 1;
        match byte {
            b',' => self.state = if is_object { State::Key } else { State::Value },
            b'}' if is_object => self.close(),
            b']' if !is_object => self.close(),
            _ => return Err(if is_object { "',' or '}' is expected" } else { "',' or ']' is expected" }),
        }
        Ok(())
    }

    fn close(&mut self) {
        self.open >>= 1;
        self.depth -= 1;
        self.after(false);
    }
}

fn expect(is_so: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if is_so { Ok(()) } else { Err(otherwise) }
}

/// How many bytes of a text stand for themselves; none if all of them do.
fn plain_text(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr2(b'"', b'\\', bytes);
    let plain = &bytes[..end.unwrap_or(bytes.len())];
    plain.iter().position(|byte| *byte < 0x20).or(end)
}

/// Whether a text is one value with nothing but blanks around it.
pub(crate) fn is_value(text: &str) -> bool {
    let mut scanner = Scanner::new(0);
    let bytes = text.as_bytes();
    match scanner.scan(bytes) {
        Step::More => scanner.end(),
        Step::Done(end) => bytes[end..].iter().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')),
        Step::Bad(..) => false,
    }
}
