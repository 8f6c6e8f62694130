//! All public error codes of the binary, gathered from the crates that own them.

use std::collections::BTreeMap;

use alluvium_kernel::ErrorInfo;

/// The codes this crate answers with.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "http.not_found",
        404,
        "No such path",
        "Check the path against `/docs`; a typing error or a missing part is the usual cause.",
    ),
    ErrorInfo::new(
        "http.method_not_allowed",
        405,
        "Method not served on this path",
        "The `Allow` header of the answer lists what the path serves.",
    ),
    ErrorInfo::new("http.not_authenticated", 401, "No credential was sent", "Send `Authorization: Bearer <key>`."),
    ErrorInfo::new(
        "http.unknown_credential",
        401,
        "The credential is not live",
        "It is mistyped, revoked or expired; ask an administrator for a new key.",
    ),
    ErrorInfo::new(
        "http.body_too_large",
        413,
        "The body is over the limit",
        "JSON bodies may take 10 MiB; send bulk data through the upload routes.",
    ),
    ErrorInfo::new(
        "http.body_interrupted",
        400,
        "The body did not arrive whole",
        "The connection broke while sending; send it again.",
    ),
    ErrorInfo::new(
        "http.malformed_body",
        400,
        "The body is not JSON",
        "The detail names the line and column of the first mistake.",
    ),
    ErrorInfo::new(
        "http.invalid_body",
        422,
        "The body has a wrong field",
        "`errors` names the field and what was expected.",
    ),
    ErrorInfo::new(
        "http.unsupported_media_type",
        415,
        "The body's type is not JSON",
        "Send `Content-Type: application/json`.",
    ),
    ErrorInfo::new(
        "http.invalid_query",
        422,
        "A query parameter is wrong",
        "The detail names it; `/docs` lists what the operation takes.",
    ),
    ErrorInfo::new("http.invalid_path", 400, "The path is not valid UTF-8", "Percent-encode path parts as UTF-8."),
    ErrorInfo::new(
        "http.invalid_position",
        400,
        "Not a position token",
        "Send back a value that an earlier answer carried in `Alv-Position`, unchanged.",
    ),
    ErrorInfo::new(
        "http.invalid_idempotency_key",
        400,
        "The idempotency key is too long or not plain text",
        "Send 1 to 255 visible ASCII characters, such as a UUID.",
    ),
    ErrorInfo::new(
        "http.idempotency_conflict",
        409,
        "The idempotency key belongs to another request",
        "The detail says in what the two differ. Use a new key for a new request; keys are free again ten minutes after their answer.",
    ),
    ErrorInfo::new(
        "http.idempotency_in_progress",
        409,
        "The first request with this idempotency key is still under way",
        "Send it again later with the same key to learn its answer.",
    ),
    ErrorInfo::new(
        "http.answer_lost",
        503,
        "The answer broke off between two processes",
        "Send the same again under its idempotency key to learn what came of it.",
    ),
    ErrorInfo::new(
        "http.timeout",
        503,
        "The request took too long",
        "A write may still have been accepted: send it again with the same idempotency key or command id to learn its outcome.",
    ),
    ErrorInfo::new(
        "platform.internal",
        500,
        "A mistake of ours",
        "The log has a line with the answer's `request_id` and the cause.",
    ),
];

/// Every code once.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<&'static str, ErrorInfo>);

impl Catalogue {
    /// Gathers lists; a code listed twice with different words is a bug of ours and told by name.
    pub fn gather<'a>(lists: impl IntoIterator<Item = &'a [ErrorInfo]>) -> Result<Self, String> {
        let mut all: BTreeMap<&'static str, ErrorInfo> = BTreeMap::new();
        for info in lists.into_iter().flatten() {
            match all.insert(info.code, *info) {
                Some(earlier) if earlier != *info => return Err(format!("the code `{}` is listed twice", info.code)),
                _ => {}
            }
        }
        Ok(Self(all))
    }

    /// What a code means.
    pub fn get(&self, code: &str) -> Option<&ErrorInfo> {
        self.0.get(code)
    }

    /// All, by code.
    pub fn iter(&self) -> impl Iterator<Item = &ErrorInfo> {
        self.0.values()
    }

    /// The title for a problem: the catalogue's, else the status in words.
    pub fn title(&self, code: &str, status: u16) -> &'static str {
        let reason = || axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        self.get(code).map(|info| info.title).or_else(reason).unwrap_or("Error")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_codes_are_listed_once_with_help() {
        let catalogue = Catalogue::gather([ERRORS]).unwrap();
        assert_eq!(catalogue.iter().count(), ERRORS.len());
        assert!(catalogue.iter().all(|info| !info.help.is_empty() && (400..600).contains(&info.status)));
        assert_eq!(catalogue.title("nobody.knows", 404), "Not Found");
    }

    #[test]
    fn a_code_with_two_meanings_is_refused() {
        const OTHER: &[ErrorInfo] = &[ErrorInfo::new("http.timeout", 500, "x", "y")];
        assert!(Catalogue::gather([ERRORS, OTHER]).unwrap_err().contains("http.timeout"));
    }
}
