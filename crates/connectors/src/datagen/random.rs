//! Random numbers that are the same for ever: of a seed and a row, whoever asks for it and in whatever order.

use rand::RngCore;

/// What SplitMix64 adds at each step.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64: a counter whose bits are mixed.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Random {
    /// The numbers of a row in a plan.
    pub fn of(seed: u64, plan: u64, row: u64) -> Self {
        let of_plan = mixed(seed.wrapping_add(GAMMA).wrapping_add(mixed(plan.wrapping_add(GAMMA))));
        Self(mixed(of_plan.wrapping_add(row.wrapping_mul(GAMMA))))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mixed(self.0)
    }

    /// A number below a limit that is not 0. How far from even it is does not matter here: less than 2^-64 of the
    /// limit.
    pub fn below(&mut self, limit: u128) -> u128 {
        let limit = limit.max(1);
        let bits = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        match u64::try_from(limit) {
            Ok(limit) => ((bits >> 64) * u128::from(limit)) >> 64,
            Err(_) => bits % limit,
        }
    }

    /// A number from 0 up to but not 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        (self.bits() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.bits()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let bits = self.bits().to_le_bytes();
            part.copy_from_slice(&bits[..part.len()]);
        }
    }
}

/// Ranks from 1 to a number, each the rarer the higher it is: as 1 / rank^exponent. Drawn by rejection-inversion after
/// Hörmann and Derflinger, so that no table of all ranks is needed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zipf {
    ranks: f64,
    exponent: f64,
    from: f64,
    to: f64,
    shortcut: f64,
}

impl Zipf {
    /// Of at least one rank; the exponent is above 0.
    pub fn new(ranks: u128, exponent: f64) -> Self {
        let ranks = (ranks as f64).max(1.0);
        let mut zipf = Self { ranks, exponent, from: 0.0, to: 0.0, shortcut: 0.0 };
        zipf.from = zipf.integral(1.5) - 1.0;
        zipf.to = zipf.integral(ranks + 0.5);
        zipf.shortcut = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.weight(2.0));
        zipf
    }

    fn weight(&self, rank: f64) -> f64 {
        (-self.exponent * rank.ln()).exp()
    }

    fn integral(&self, at: f64) -> f64 {
        let log = at.ln();
        exp_m1_over((1.0 - self.exponent) * log) * log
    }

    fn inverse(&self, area: f64) -> f64 {
        let inner = (area * (1.0 - self.exponent)).max(-1.0);
        (ln_1p_over(inner) * area).exp()
    }

    /// A rank, from 0.
    pub fn draw(&self, random: &mut Random) -> u128 {
        loop {
            let area = self.to + random.unit() * (self.from - self.to);
            let at = self.inverse(area);
            let rank = (at + 0.5).floor().clamp(1.0, self.ranks);
            if rank - at <= self.shortcut || area >= self.integral(rank + 0.5) - self.weight(rank) {
                return rank as u128 - 1;
            }
        }
    }
}

/// (e^x - 1) / x, also near 0.
fn exp_m1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.exp_m1() / x } else { 1.0 + x / 2.0 }
}

/// ln(1 + x) / x, also near 0.
fn ln_1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.ln_1p() / x } else { 1.0 - x / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_for_ever() {
        // SplitMix64 of seed 0 has this known beginning.
        let mut random = Random(0);
        assert_eq!([random.bits(), random.bits()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        assert_eq!(Random::of(7, 0, 9).bits(), Random::of(7, 0, 9).bits());
        let others = [(8, 0, 9), (7, 1, 9), (7, 0, 10)];
        assert!(
            others.iter().all(|(seed, plan, row)| Random::of(*seed, *plan, *row).bits() != Random::of(7, 0, 9).bits())
        );
    }

    #[test]
    fn numbers_fill_their_range() {
        let mut random = Random::of(1, 0, 0);
        let drawn: std::collections::BTreeSet<u128> = (0..1000).map(|_| random.below(10)).collect();
        assert_eq!(drawn, (0..10).collect());
        assert!((0..1000).all(|_| random.below(1) == 0 && (0.0..1.0).contains(&random.unit())));
        assert!((0..1000).any(|_| random.below(u128::MAX) > u128::from(u64::MAX)));
    }

    #[test]
    fn ranks_are_as_frequent_as_they_should_be() {
        for exponent in [0.5, 1.0, 2.0] {
            let (zipf, mut random) = (Zipf::new(10, exponent), Random::of(3, 0, 0));
            let mut counts = [0_u32; 10];
            for _ in 0..100_000 {
                counts[zipf.draw(&mut random) as usize] += 1;
            }
            let total: f64 = (1..=10).map(|rank| f64::from(rank).powf(-exponent)).sum();
            for (rank, count) in (1..).zip(counts) {
                let expected = 100_000.0 * f64::from(rank).powf(-exponent) / total;
                assert!(
                    (f64::from(count) - expected).abs() < 5.0 * expected.sqrt() + 5.0,
                    "{exponent} {rank}: {count} {expected}"
                );
            }
        }
        let mut random = Random::of(4, 0, 0);
        assert!((0..100).all(|_| Zipf::new(1, 1.0).draw(&mut random) == 0));
        assert!((0..100).all(|_| Zipf::new(u128::MAX, 1.0).draw(&mut random) < u128::MAX));
    }
}
