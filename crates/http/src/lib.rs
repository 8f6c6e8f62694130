//! What every HTTP surface of Alluvium shares: problem bodies, routes as data, authentication, limits, documentation.
//!
//! A context declares its routes as data ([`Route`]): method, path, what it requires of the caller, handler, operation for
//! the documentation. [`Surface`] makes the one router out of them, so no route can exist without a requirement, a limit, a
//! timeout and a place in `/openapi.json`. Handlers stay thin; nothing here touches a table or a stream.
//!
//! ```
//! use alluvium_http::{Op, Route, RouteGroup};
//! use alluvium_kernel::Requirement;
//! let routes = vec![Route::get("/hello", |_| Requirement::Nothing, async || "hello", Op::new("hello", "demo", "Greet"))];
//! let group = RouteGroup::new("demo", (), routes);
//! assert_eq!(group.routes()[0].template(), "/hello");
//! ```

mod audit;
mod auth;
mod catalogue;
mod coded;
mod detail;
mod docs;
mod edge;
mod error_body;
mod expect;
mod extract;
mod guard;
mod gzip;
mod idempotency;
mod later;
mod op;
mod openapi;
mod params;
mod position;
mod problem;
mod route;
mod seed;
mod serve;
mod subprotocol;
mod surface;

pub use alluvium_kernel::{Authorizer, BoxFuture, ErrorInfo};
pub use audit::{Audit, Call, Concerns, Peer};
pub use auth::{Authenticator, CredentialReader, Principal, Vouched};
pub use catalogue::{Catalogue, ERRORS};
pub use coded::CodedRenderer;
pub use detail::DetailRenderer;
pub use error_body::ErrorBody;
pub use extract::{BodyBytes, Json, Query, Upload};
pub use guard::Placement;
pub use idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAY, Idempotency};
pub use later::{Deferred, Later, Resumed, WAIT_SECONDS_MAX, preferred_wait};
pub use op::Op;
pub use params::PathParams;
pub use position::{MIN_POSITION, MinPosition, POSITION, WAIT_MS, WAIT_MS_DEFAULT, WAIT_MS_MAX, WithPosition};
pub use problem::{Documented, ErrorContext, ErrorRenderer, Matched, ProblemRenderer, ProblemResponse, RequestId};
pub use route::{Afterwards, JSON_BYTES_MAX, REQUEST_TIMEOUT_SECONDS, RequirementFn, Route, RouteGroup, RouteInfo};
pub use seed::Seed;
pub use serve::serve;
pub use subprotocol::Subprotocols;
pub use surface::{About, Surface};
