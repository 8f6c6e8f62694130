//! Every code that storage answers with.

mod files;
mod fold;
mod history;
mod jobs;
mod names;
mod pipelines;
mod sharing;
mod sql;
mod tables;
mod transfer;
mod workspaces;

use alluvium_kernel::ErrorInfo;

const AREAS: [&[ErrorInfo]; 13] = [
    names::ERRORS,
    sharing::ERRORS,
    pipelines::ERRORS,
    tables::ERRORS,
    transfer::ERRORS,
    files::ERRORS,
    crate::s3::ERRORS,
    crate::driver::ERRORS,
    sql::ERRORS,
    history::ERRORS,
    fold::ERRORS,
    workspaces::ERRORS,
    jobs::ERRORS,
];

/// The public error codes of this context.
pub const ERRORS: &[ErrorInfo] = &GATHERED;

const GATHERED: [ErrorInfo; count()] = gathered();

const fn count() -> usize {
    let (mut count, mut area) = (0, 0);
    while area < AREAS.len() {
        count += AREAS[area].len();
        area += 1;
    }
    count
}

const fn gathered() -> [ErrorInfo; count()] {
    let mut all = [AREAS[0][0]; count()];
    let (mut next, mut area) = (0, 0);
    while area < AREAS.len() {
        let mut at = 0;
        while at < AREAS[area].len() {
            all[next] = AREAS[area][at];
            next += 1;
            at += 1;
        }
        area += 1;
    }
    all
}
