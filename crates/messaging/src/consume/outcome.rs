//! What a handler says about a message it could not handle.

use std::{fmt, sync::Arc, time::Duration};

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a handler did not handle a message, and what shall become of it. Any error turns into [`Self::Transient`] with `?`.
#[derive(Debug)]
pub enum HandlerError {
    /// It may work another time.
    Transient(BoxError),
    /// It may work another time, but not before this has passed.
    After(Duration, BoxError),
    /// It will never work: the message is put aside.
    Poison(BoxError),
    /// Nothing will work: the loop stops and leaves the message to whoever comes next.
    Fatal(BoxError),
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::Transient(Box::new(error))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(error) | Self::After(_, error) | Self::Poison(error) | Self::Fatal(error) => error.fmt(out),
        }
    }
}

/// What shall become of a message after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is tried again.
    Transient,
    /// It is tried again, not before this has passed.
    After(Duration),
    /// It is put aside.
    Poison,
    /// The loop stops.
    Fatal,
}

/// An error that a handler may return.
pub trait Classify: Send {
    /// What shall become of the message.
    fn class(&self) -> Class {
        Class::Transient
    }

    /// What went wrong and what caused it, outermost first.
    fn chain(&self) -> Vec<String>;
}

impl Classify for HandlerError {
    fn class(&self) -> Class {
        match self {
            Self::Transient(_) => Class::Transient,
            Self::After(pause, _) => Class::After(*pause),
            Self::Poison(_) => Class::Poison,
            Self::Fatal(_) => Class::Fatal,
        }
    }

    fn chain(&self) -> Vec<String> {
        let (Self::Transient(error) | Self::After(_, error) | Self::Poison(error) | Self::Fatal(error)) = self;
        error_chain(error.as_ref())
    }
}

impl Classify for std::convert::Infallible {
    fn chain(&self) -> Vec<String> {
        match *self {}
    }
}

/// Causes that are followed at most.
const CAUSES_MAX: usize = 16;

/// An error and its causes, outermost first.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).take(CAUSES_MAX).map(ToString::to_string).collect()
}

/// A failure as hooks see it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong and what caused it, outermost first.
    pub chain: Vec<String>,
    pub(crate) delivery: Arc<super::context::Delivery>,
    /// Whether it could be decoded.
    pub decoded: bool,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// What becomes of the message.
    pub class: Class,
}

impl Failure {
    /// What went wrong.
    pub fn error(&self) -> &str {
        self.chain.first().map_or("", String::as_str)
    }

    /// The message as it came.
    pub fn raw(&self) -> &crate::transport::Incoming {
        &self.delivery.incoming
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_is_transient_unless_said_otherwise() {
        fn handle() -> Result<(), HandlerError> {
            "x".parse::<u8>()?;
            Ok(())
        }
        let error = handle().unwrap_err();
        assert_eq!((error.class(), error.chain().len()), (Class::Transient, 1));
        assert_eq!(HandlerError::Poison("bad".into()).class(), Class::Poison);
    }
}
