//! One trace from a request to the folds that its events reach: what carries it from part to part, as W3C `traceparent`.
//!
//! The parts only say where a span begins and what it follows. Whether and where spans are kept is for the binary, which installs
//! a [`Recorder`]; without one all of this costs a look at a flag.
//!
//! ```
//! use alluvium_kernel::trace::{self, Kind};
//! let span = trace::begin(Kind::Server, None, || "GET /buckets".to_owned());
//! assert_eq!(span.traceparent(), None, "nobody records here");
//! ```

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// What a span is for whom it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step within one part.
    Internal,
    /// Answers a request.
    Server,
    /// Puts a message on the log.
    Producer,
    /// Takes a message from the log.
    Consumer,
}

/// Keeps spans. Installed once by the binary.
pub trait Recorder: Send + Sync {
    /// Begins a span below `parent`, a `traceparent` that may be any text; `None` when this one is not kept.
    fn begin(&self, kind: Kind, parent: Option<&str>, name: String) -> Option<Box<dyn Recording>>;
}

/// A span under way; dropping it ends it.
pub trait Recording: Send + Sync {
    /// The header that what follows from this span carries.
    fn traceparent(&self) -> Arc<str>;
    /// Calls it something else, now that more is known.
    fn rename(&mut self, name: String);
    /// Notes something about it.
    fn note(&mut self, key: &'static str, value: String);
    /// Notes that something happened in it now.
    fn event(&mut self, name: &'static str, what: String);
    /// Notes that what it is about went wrong.
    fn fail(&mut self, why: String);
    /// It was not worth keeping.
    fn forget(self: Box<Self>);
}

static RECORDER: OnceLock<Box<dyn Recorder>> = OnceLock::new();

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Spans are kept by `recorder` from now on. Only the first one counts.
pub fn install(recorder: Box<dyn Recorder>) {
    let _ = RECORDER.set(recorder);
}

/// Whether anybody keeps spans.
pub fn is_on() -> bool {
    RECORDER.get().is_some()
}

/// Begins a span below `parent`, or else below what [`within`] says. The name is asked for only when it is kept.
pub fn begin(kind: Kind, parent: Option<&str>, name: impl FnOnce() -> String) -> Span {
    let Some(recorder) = RECORDER.get() else { return Span(None) };
    let around = if parent.is_none() { current() } else { None };
    Span(recorder.begin(kind, parent.or(around.as_deref()), name()))
}

/// The header of what runs now.
pub fn current() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

/// A part of a trace; ends when it is dropped.
#[derive(Default)]
pub struct Span(Option<Box<dyn Recording>>);

impl Span {
    /// The header that what follows from it carries; `None` when nobody keeps it.
    pub fn traceparent(&self) -> Option<Arc<str>> {
        self.0.as_ref().map(|span| span.traceparent())
    }

    /// Notes something about it.
    pub fn note(&mut self, key: &'static str, value: impl std::fmt::Display) {
        if let Some(span) = &mut self.0 {
            span.note(key, value.to_string());
        }
    }

    /// Notes that something happened in it now. What it was is asked for only when it is kept.
    pub fn event(&mut self, name: &'static str, what: impl FnOnce() -> String) {
        if let Some(span) = &mut self.0 {
            span.event(name, what());
        }
    }

    /// Notes that what it is about went wrong.
    pub fn fail(&mut self, why: impl std::fmt::Display) {
        if let Some(span) = &mut self.0 {
            span.fail(why.to_string());
        }
    }

    /// Calls it something else, now that more is known.
    pub fn rename(&mut self, name: impl FnOnce() -> String) {
        if let Some(span) = &mut self.0 {
            span.rename(name());
        }
    }

    /// Ends it without keeping it.
    pub fn forget(mut self) {
        if let Some(span) = self.0.take() {
            span.forget();
        }
    }
}

/// Runs a future with `traceparent` as what everything in it follows from.
pub fn within<F: Future>(traceparent: Option<Arc<str>>, future: F) -> Within<F> {
    Within { traceparent, future: Box::pin(future) }
}

/// See [`within`].
pub struct Within<F> {
    traceparent: Option<Arc<str>>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(here) = self.traceparent.clone() else { return self.future.as_mut().poll(cx) };
        // Put back also when the future panics: the thread goes on to others.
        let _before = Before(CURRENT.replace(Some(here)));
        self.future.as_mut().poll(cx)
    }
}

struct Before(Option<Arc<str>>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// The parts of a `traceparent`: trace id, span id, and whether it is to be kept. `None` for what is not one.
pub fn parse(header: &str) -> Option<([u8; 16], [u8; 8], bool)> {
    let mut parts = header.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let rest_is_fine = version != "00" || parts.next().is_none();
    if version.len() != 2 || version == "ff" || flags.len() != 2 || !rest_is_fine {
        return None;
    }
    let (mut trace_id, mut span_id, mut flag) = ([0; 16], [0; 8], [0; 1]);
    hex::decode_to_slice(trace, &mut trace_id).ok()?;
    hex::decode_to_slice(span, &mut span_id).ok()?;
    hex::decode_to_slice(flags, &mut flag).ok()?;
    (trace_id != [0; 16] && span_id != [0; 8]).then_some((trace_id, span_id, flag[0] & 1 == 1))
}

/// A `traceparent` out of its parts.
pub fn format(trace_id: &[u8; 16], span_id: &[u8; 8], kept: bool) -> String {
    format!("00-{}-{}-0{}", hex::encode(trace_id), hex::encode(span_id), u8::from(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_standard_says() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (trace, span, kept) = parse(header).unwrap();
        assert!(kept);
        assert_eq!(format(&trace, &span, kept), header);
        assert!(!parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").unwrap().2);
        assert!(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").is_some(), "of a later version");
        for wrong in [
            "",
            "00",
            "00-0-0-0",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319z-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_runs_within_knows_it_and_nothing_else_does() {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let seen = |future: Pin<&mut dyn Future<Output = Option<Arc<str>>>>, cx: &mut Context<'_>| match future.poll(cx)
        {
            Poll::Ready(seen) => seen,
            Poll::Pending => None,
        };
        let inner = within(Some("inner".into()), async { current() });
        let outer = within(Some("outer".into()), async move { (inner.await, current()) });
        let mut outer = Box::pin(async move {
            let (inner, outer) = outer.await;
            assert_eq!(inner.as_deref(), Some("inner"));
            outer
        });
        assert_eq!(seen(outer.as_mut(), &mut cx).as_deref(), Some("outer"));
        assert_eq!(current(), None);
    }
}
