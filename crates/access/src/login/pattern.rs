//! Patterns of trusts: `*` stands for anything, everything else for itself.

/// Whether a text fits a pattern from its beginning to its end. Takes time in the product of their lengths at most.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut of) = (0, 0);
    // Where the last `*` stands, and up to where it stands for the text.
    let mut star = None;
    while of < text.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, of));
                at += 1;
            }
            (Some(letter), _) if *letter == text[of] => {
                at += 1;
                of += 1;
            }
            (_, Some((place, until))) => {
                star = Some((place, until + 1));
                at = place + 1;
                of = until + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_the_rest_for_itself() {
        for (pattern, text, expected) in [
            ("repo:a/b:ref:main", "repo:a/b:ref:main", true),
            ("repo:a/b", "repo:a/b:ref", false),
            ("repo:a/*", "repo:a/b:ref:main", true),
            ("*", "", true),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("*b", "aab", true),
            ("*b", "aabc", false),
            ("a.c", "abc", false),
            ("é*", "éa", true),
            ("A", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!fits(&"*a".repeat(400), &"a".repeat(399)));
    }
}
