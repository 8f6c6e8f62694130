//! Durations as people write them: `90s`, `15m`, `12h`, `7d`, `0s`.

use std::str::FromStr;
use std::time::Duration;

/// A whole number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl Seconds {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("`{text}` is no duration: write 90s, 15m, 12h or 7d");
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 24 * 3_600,
            _ => return Err(wrong()),
        };
        let number: u64 = text[..text.len() - 1].trim().parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let read = |text: &str| text.parse::<Seconds>().ok().map(|seconds| seconds.0);
        assert_eq!(
            (read("0s"), read("15m"), read(" 12h "), read("7d")),
            (Some(0), Some(900), Some(43_200), Some(604_800))
        );
        for bad in ["", "7", "d", "-1d", "7 days", "1é", "99999999999999999999d", "18446744073709551615d"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
