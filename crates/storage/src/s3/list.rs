//! The objects of a bucket, in pages.

use std::time::Instant;

use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse};
use alluvium_kernel::{Problem, Timestamp};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use utoipa::IntoParams;

use super::object::etag;
use super::xml::Xml;
use super::{Bucket, bucket, counts, problem, sigv4, uploads, xml_response};
use crate::queries::FileView;
use crate::routes::{StorageRoutes, tenant_text};
use crate::wire::Query;

/// Entries of one page.
const PAGE_KEYS_MAX: i64 = 1_000;
/// Longest text in a query, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 1_024;

/// Which objects to list, as documented; or what else of the bucket.
#[derive(Clone, Debug, IntoParams)]
#[into_params(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only documents what `Asked` reads")]
pub struct ListQuery {
    /// 2. Without it, the answer is for clients of the first version too, which page by `marker`.
    list_type: Option<i64>,
    /// Only keys that begin so.
    prefix: Option<String>,
    /// Keys that go on behind this text are shown as one.
    delimiter: Option<String>,
    /// Entries of one page.
    #[param(default = 1000, minimum = 1, maximum = 1000)]
    max_keys: i64,
    /// Only keys after this one.
    start_after: Option<String>,
    /// Where the last page ended, as it said.
    continuation_token: Option<String>,
    /// The same, in the first version.
    marker: Option<String>,
    /// `url`: keys are percent-encoded in the answer.
    encoding_type: Option<String>,
    /// Instead: where the bucket is.
    location: Option<String>,
    /// Instead: the uploads in parts that nobody has completed, by `prefix`.
    uploads: Option<String>,
    /// Uploads of one page.
    #[param(default = 1000, minimum = 1, maximum = 1000)]
    max_uploads: i64,
    /// Only uploads to keys behind this one.
    key_marker: Option<String>,
    /// With `key-marker`: also those to that very key behind this upload.
    upload_id_marker: Option<String>,
}

struct Asked {
    prefix: String,
    delimiter: Option<String>,
    max_keys: usize,
    start_after: Option<String>,
    token: Option<String>,
    url: bool,
    /// Where a page of the first version begins, which is asked for.
    marker: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Begin {
    /// Behind this key.
    Behind(String),
    /// Behind all keys that begin so.
    Past(String),
}

#[derive(Debug, Default)]
struct Page {
    objects: Vec<FileView>,
    prefixes: Vec<String>,
    /// Where the next one begins, when there is one.
    next: Option<Begin>,
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Result<Response, ProblemResponse> {
    let began = Instant::now();
    let asked = Query::of(query.as_deref());
    let (operation, result) = if asked.text("location").is_some() {
        ("GetBucketLocation", bucket::location(&state, &principal, &params).await)
    } else if asked.text("uploads").is_some() {
        let result = match state.fresh(&wanted).await {
            Ok(()) => uploads::list(&state, &principal, &params, asked).await,
            Err(problem) => Err(problem),
        };
        ("ListMultipartUploads", result)
    } else {
        let operation = if asked.text("list-type") == Some("2") { "ListObjectsV2" } else { "ListObjects" };
        (operation, answer(&state, &principal, &params, &wanted, query.as_deref()).await)
    };
    counts::operation(operation, began, &result);
    Ok(xml_response(result?))
}

async fn answer(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    query: Option<&str>,
) -> Result<String, Problem> {
    let asked = Asked::of(query)?;
    state.fresh(wanted).await?;
    let bucket = Bucket::of(state, principal, params).await?;
    let page = page(state, &bucket, &asked).await?;
    Ok(written(params.get("bucket"), &asked, &page))
}

impl Asked {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut query = Query::of(query);
        let max_keys = query.int("max-keys", PAGE_KEYS_MAX, (1, PAGE_KEYS_MAX));
        let text = |name: &str| query.text(name).filter(|text| !text.is_empty()).map(ToOwned::to_owned);
        let asked = Self {
            prefix: text("prefix").unwrap_or_default(),
            delimiter: text("delimiter"),
            max_keys: usize::try_from(max_keys).unwrap_or(1),
            start_after: text("start-after"),
            token: text("continuation-token"),
            url: query.text("encoding-type") == Some("url"),
            marker: (query.text("list-type") != Some("2")).then(|| text("marker").unwrap_or_default()),
        };
        query.finish()?;
        let begins = [asked.start_after.as_ref(), asked.token.as_ref(), asked.marker.as_ref()];
        let texts = [Some(&asked.prefix), asked.delimiter.as_ref()].into_iter().chain(begins);
        // A token holds a key, and is a third longer.
        if texts.flatten().any(|text| text.len() > TEXT_BYTES_MAX * 2 || text.contains('\0')) {
            return Err(problem::invalid(
                "`prefix`, `delimiter`, `start-after` and tokens are texts of keys, without NUL.",
            ));
        }
        Ok(asked)
    }

    fn begin(&self) -> Result<Option<Begin>, Problem> {
        match (&self.token, &self.start_after) {
            (Some(token), _) => {
                Begin::read(token).map(Some).ok_or_else(|| problem::invalid("The continuation token is none of ours."))
            }
            (None, Some(key)) => Ok(Some(Begin::Behind(key.clone()))),
            (None, None) => {
                Ok(self.marker.as_ref().filter(|marker| !marker.is_empty()).map(|marker| self.behind(marker)))
            }
        }
    }

    /// A marker that stands for many keys, as the page before showed them, is behind all of them.
    fn behind(&self, marker: &str) -> Begin {
        let is_group = common(marker, self).is_some_and(|prefix| prefix == marker);
        if is_group { Begin::Past(marker.to_owned()) } else { Begin::Behind(marker.to_owned()) }
    }
}

impl Begin {
    fn token(&self) -> String {
        let (kind, text) = match self {
            Self::Behind(key) => ('k', key),
            Self::Past(prefix) => ('p', prefix),
        };
        URL_SAFE_NO_PAD.encode(format!("{kind}{text}"))
    }

    /// The same for clients of the first version, who name what they saw last.
    fn marker(&self) -> &str {
        match self {
            Self::Behind(text) | Self::Past(text) => text,
        }
    }

    fn read(token: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok().filter(|text| !text.contains('\0'))?;
        match text.split_at_checked(1)? {
            ("k", key) => Some(Self::Behind(key.to_owned())),
            ("p", prefix) => Some(Self::Past(prefix.to_owned())),
            _ => None,
        }
    }

    /// The first key that could follow, in the order of bytes; none when nothing can.
    fn lower(&self) -> Option<String> {
        match self {
            // Nothing lies between a key and itself with the smallest byte that a text in Postgres can have.
            Self::Behind(key) => Some(format!("{key}\u{1}")),
            Self::Past(prefix) => behind_all(prefix),
        }
    }
}

/// The first text behind all that begin with `prefix`; none when there is no such text.
fn behind_all(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

async fn page(state: &StorageRoutes, bucket: &Bucket, asked: &Asked) -> Result<Page, Problem> {
    let tenant = tenant_text(&bucket.tenant);
    let upper = behind_all(&asked.prefix);
    let mut lower = asked.prefix.clone();
    if let Some(from) = asked.begin()? {
        let Some(first) = from.lower() else { return Ok(Page::default()) };
        lower = lower.max(first);
    }
    let mut page = Page::default();
    let mut last: Option<Begin> = None;
    loop {
        let keys = (lower.as_str(), upper.as_deref());
        let rows = state.queries.objects(&tenant, &bucket.project, keys, &bucket.reach, PAGE_KEYS_MAX).await?;
        let is_last = (rows.len() as i64) < PAGE_KEYS_MAX;
        for file in rows {
            let key = file.key.clone().unwrap_or_default();
            if let Some(Begin::Past(prefix)) = &last
                && key.starts_with(prefix.as_str())
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == asked.max_keys {
                page.next = last;
                return Ok(page);
            }
            if let Some(prefix) = common(&key, asked) {
                last = Some(Begin::Past(prefix.clone()));
                page.prefixes.push(prefix);
            } else {
                last = Some(Begin::Behind(key));
                page.objects.push(file);
            }
        }
        let Some(next) = last.as_ref().and_then(Begin::lower).filter(|_| !is_last) else { return Ok(page) };
        lower = next;
    }
}

/// What a key has in common with all that are shown as one with it.
fn common(key: &str, asked: &Asked) -> Option<String> {
    let (delimiter, rest) = (asked.delimiter.as_deref()?, key.get(asked.prefix.len()..)?);
    let end = asked.prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end).map(ToOwned::to_owned)
}

/// `2024-01-01T00:00:00.000Z`
pub(super) fn iso(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_rfc3339();
    format!("{}Z", text.get(..23).unwrap_or("1970-01-01T00:00:00.000"))
}

fn written(bucket: &str, asked: &Asked, page: &Page) -> String {
    let shown = |text: &str| if asked.url { sigv4::encoded(text).replace("%2F", "/") } else { text.to_owned() };
    let mut xml = Xml::begin("ListBucketResult");
    xml.text("Name", bucket).text("Prefix", &shown(&asked.prefix));
    if let Some(delimiter) = &asked.delimiter {
        xml.text("Delimiter", &shown(delimiter));
    }
    if let Some(start) = &asked.start_after {
        xml.text("StartAfter", &shown(start));
    }
    if asked.url {
        xml.text("EncodingType", "url");
    }
    xml.text("MaxKeys", &asked.max_keys.to_string());
    xml.text("KeyCount", &(page.objects.len() + page.prefixes.len()).to_string());
    xml.text("IsTruncated", if page.next.is_some() { "true" } else { "false" });
    if let Some(token) = &asked.token {
        xml.text("ContinuationToken", token);
    }
    if let Some(next) = &page.next {
        xml.text("NextContinuationToken", &next.token());
    }
    if let Some(marker) = &asked.marker {
        xml.text("Marker", &shown(marker));
        if let Some(next) = &page.next {
            xml.text("NextMarker", &shown(next.marker()));
        }
    }
    for file in &page.objects {
        xml.element("Contents", |xml| {
            xml.text("Key", &shown(file.key.as_deref().unwrap_or_default()));
            xml.text("LastModified", &iso(file.created_at)).text("ETag", &etag(file));
            xml.text("Size", &file.size_bytes.unwrap_or(0).to_string()).text("StorageClass", "STANDARD");
        });
    }
    for prefix in &page.prefixes {
        xml.element("CommonPrefixes", |xml| {
            xml.text("Prefix", &shown(prefix));
        });
    }
    xml.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_they_ended() {
        for from in [Begin::Behind("a/ü".into()), Begin::Past("a/".into())] {
            assert_eq!(Begin::read(&from.token()), Some(from));
        }
        for wrong in ["", "x", "!!", &URL_SAFE_NO_PAD.encode("xabc"), &URL_SAFE_NO_PAD.encode("ka\0")] {
            assert_eq!(Begin::read(wrong), None, "{wrong}");
        }
        assert_eq!(Begin::Past("a/".into()).lower().as_deref(), Some("a0"));
        let behind = Begin::Behind("a".into()).lower().unwrap();
        assert!("a" < behind.as_str() && behind.as_str() < "a\u{2}" && behind.as_str() < "a/b");
    }

    #[test]
    fn what_is_behind_a_prefix_is_behind_all_of_it() {
        assert_eq!(behind_all("ab").as_deref(), Some("ac"));
        assert_eq!(behind_all("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind_all("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(behind_all("\u{10ffff}"), None);
        assert_eq!(behind_all(""), None);
    }

    #[test]
    fn keys_are_grouped_behind_the_prefix() {
        let asked = |query: &str| Asked::of(Some(query)).unwrap();
        assert_eq!(common("a/b/c", &asked("delimiter=/")).as_deref(), Some("a/"));
        assert_eq!(common("a/b/c", &asked("delimiter=/&prefix=a/")).as_deref(), Some("a/b/"));
        assert_eq!(common("a/b", &asked("delimiter=/&prefix=a/")), None);
        assert_eq!(common("a/b", &asked("prefix=a")), None);
        let marker = |query: &str| asked(query).begin().unwrap();
        assert_eq!(marker("marker=a/&delimiter=/"), Some(Begin::Past("a/".into())));
        assert_eq!(marker("marker=a/b&delimiter=/"), Some(Begin::Behind("a/b".into())));
        assert_eq!(marker("marker=a/&delimiter=/&prefix=a/"), Some(Begin::Behind("a/".into())));
        assert_eq!(marker("marker=a/"), Some(Begin::Behind("a/".into())));
        assert_eq!(marker("marker=a&list-type=2"), None);
        assert_eq!(Asked::of(Some("max-keys=0")).err().map(|problem| problem.status), Some(422));
        assert_eq!(iso(1_704_067_200_000_000), "2024-01-01T00:00:00.000Z");
    }
}
