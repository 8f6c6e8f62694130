//! Random programs over random changes: after each step every view is what DuckDB gives for the tables' rows; after the last
//! one it is also what a fresh engine gives for them at once.
//!
//! Each test makes `CASES` programs of up to `VIEWS_MAX` kinds of views and up to `STEPS_MAX` steps. `PROPTEST_CASES=2000 cargo nextest run --profile long --test oracle` goes on for longer.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../common/mod.rs"]
mod common;
mod dice;
mod queries;
mod wider;
mod world;

use dice::Dice;
use proptest::prelude::*;
use world::{View, World};

/// Programs that each test makes where nobody asks for more.
const CASES: u32 = 25;
/// Kinds of views that a program has at most: many share one engine, and one database for the other side.
const VIEWS_MAX: usize = 24;
/// Steps that a program makes at most.
const STEPS_MAX: usize = 12;

fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(CASES), max_shrink_iters: 60, ..ProptestConfig::default() }
}

/// Numbers for the shapes of a program's views, and for the changes of each step.
fn numbers() -> impl Strategy<Value = (Vec<Vec<u16>>, Vec<Vec<u16>>)> {
    let shapes = proptest::collection::vec(proptest::collection::vec(any::<u16>(), 1..40), 1..=VIEWS_MAX);
    let steps = proptest::collection::vec(proptest::collection::vec(any::<u16>(), 0..50), 1..=STEPS_MAX);
    (shapes, steps)
}

/// Views from shapes, with the number of each shape.
fn views(shapes: &[Vec<u16>], of_shape: impl Fn(&mut Dice<'_>, usize) -> Vec<View>) -> Vec<View> {
    shapes
        .iter()
        .enumerate()
        .flat_map(|(number, shape)| of_shape(&mut Dice { numbers: shape.iter() }, number))
        .collect()
}

fn run(views: Vec<View>, lateness: Option<usize>, steps: &[Vec<u16>]) {
    let mut world = World::new(views, lateness);
    for numbers in steps {
        let mut dice = Dice { numbers: numbers.iter() };
        while dice.numbers.len() > 0 {
            world.change(&mut dice);
        }
        world.step();
    }
    world.restart();
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn views_are_what_a_whole_computation_gives((shapes, steps) in numbers()) {
        let views = views(&shapes, |dice, number| vec![View::new(format!("v{number}"), queries::query(dice))]);
        run(views, None, &steps);
    }

    #[test]
    fn so_are_views_of_all_other_kinds((shapes, steps) in numbers()) {
        run(views(&shapes, wider::views), None, &steps);
    }

    #[test]
    fn rows_that_come_late_change_nothing((shapes, steps) in numbers(), lateness in 0..4_usize) {
        run(views(&shapes, wider::views), Some(lateness), &steps);
    }
}
