//! The answer to a listing of a bucket: just enough XML for it.

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub key: String,
    pub size: u64,
}

/// A page of a listing, and what the next page is asked for with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub objects: Vec<Object>,
    pub next: Option<String>,
}

/// Reads a `ListBucketResult`.
///
/// # Errors
///
/// It is something else.
pub(super) fn read(text: &str) -> Result<Page, String> {
    if !text.contains("<ListBucketResult") {
        return Err("the server's listing of the bucket is none".to_owned());
    }
    let mut objects = Vec::new();
    let mut rest = text;
    while let Some((inside, behind)) = element(rest, "Contents") {
        let key = element(inside, "Key").ok_or("an object of the listing has no key")?.0;
        let size = element(inside, "Size").and_then(|(size, _)| size.trim().parse().ok());
        let size = size.ok_or("an object of the listing has no size")?;
        objects.push(Object { key: unescape(key)?, size });
        rest = behind;
    }
    let is_truncated = element(text, "IsTruncated").is_some_and(|(value, _)| value.trim() == "true");
    let next = match element(text, "NextContinuationToken") {
        Some((token, _)) if is_truncated => Some(unescape(token)?),
        None if is_truncated => return Err("the listing goes on and does not say where".to_owned()),
        _ => None,
    };
    Ok(Page { objects, next })
}

/// What is inside the first element of a name, and what is behind it. Elements of one name are not inside of each
/// other here.
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (_, from) = text.split_once(&format!("<{name}>"))?;
    from.split_once(&format!("</{name}>"))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        made.push_str(before);
        let (name, behind) = from.split_once(';').ok_or("the listing has a `&` without its `;`")?;
        let numbered = |number: &str| match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        };
        made.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            other => other
                .strip_prefix('#')
                .and_then(numbered)
                .and_then(char::from_u32)
                .ok_or_else(|| format!("the listing has the unknown `&{other};`"))?,
        });
        rest = behind;
    }
    made.push_str(rest);
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let text = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Name>b</Name><Prefix>a</Prefix>\
            <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>\
            <Contents><Key>a&lt;&#10;&#x41;</Key><ETag>&quot;e&quot;</ETag><Size>3</Size></Contents>\
            <Contents><Key>a/b</Key><Size>0</Size></Contents></ListBucketResult>";
        let object = |key: &str, size| Object { key: key.to_owned(), size };
        let page = Page { objects: vec![object("a<\nA", 3), object("a/b", 0)], next: Some("t&1".into()) };
        assert_eq!(read(text), Ok(page));
        assert_eq!(read(&text.replace("true", "false")).unwrap().next, None);
        for wrong in [
            "",
            "<Error/>",
            "<ListBucketResult><Contents></Contents>",
            "<ListBucketResult><IsTruncated>true</IsTruncated>",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<ListBucketResult>|<Contents>|</Contents>|<Key>|</Key>|<Size>|</Size>|&|;|#|x|1|a){0,20}") {
            let _ = read(&text);
        }
    }
}
