//! Rows below a checkpoint go from the log, and everything that can still be asked is answered as before: by readers, rebuilds,
//! backups, after crashes. What goes without a word is found.

mod around;
mod faults;
mod rows;
mod support;
