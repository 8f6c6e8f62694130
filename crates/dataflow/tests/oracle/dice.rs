//! Random choices, and the values that come of them.

/// Makes choices out of random numbers; when they end, the first of all is chosen.
pub struct Dice<'a> {
    pub numbers: std::slice::Iter<'a, u16>,
}

impl Dice<'_> {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.numbers.next().map_or(0, |number| usize::from(*number) % sides)
    }

    pub fn pick<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[self.roll(options.len())]
    }
}

/// A number of those that rows have, and of a few more.
pub fn number(dice: &mut Dice<'_>) -> String {
    (dice.roll(5) as i64 - 1).to_string()
}

/// A number or NULL.
pub fn value(dice: &mut Dice<'_>) -> Option<String> {
    (dice.roll(6) > 0).then(|| number(dice))
}

/// A text or NULL.
pub fn text(dice: &mut Dice<'_>) -> Option<String> {
    (dice.roll(4) > 0).then(|| dice.pick(&["x", "y", "zz"]).to_owned())
}

/// A point in time or NULL.
pub fn hour(dice: &mut Dice<'_>) -> Option<String> {
    (dice.roll(6) > 0).then(|| at_hour(dice.roll(8)))
}

/// So many hours after all began.
pub fn at_hour(hour: usize) -> String {
    format!("2020-01-{:02} {:02}:00:00", 1 + hour / 24, hour % 24)
}
