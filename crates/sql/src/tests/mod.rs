//! Whole programs, and what becomes of them.

mod connectors;
mod definitions;
mod hostile;
mod info;
mod messages;
mod planner;
mod programs;
mod settings;
mod single;
mod syntax;
mod tables;
mod views;

use crate::{Compiled, Message, compile};
use planner::{Columns, Nothing};

/// Compiles with a planner that knows the types of plain columns.
fn compiled(text: &str) -> Compiled {
    compile(text, &mut Columns)
}

/// What is said of a program by the planner of plain columns.
fn said(text: &str) -> Vec<String> {
    compiled(text).messages.iter().map(line).collect()
}

/// What is said of a program when every view is fine.
fn said_of(text: &str) -> Vec<String> {
    compile(text, &mut Nothing).messages.iter().map(line).collect()
}

/// `E 1:2-1:3 title: message`, with W for warnings.
fn line(message: &Message) -> String {
    let kind = if message.warning { 'W' } else { 'E' };
    let Message { start_line_number, start_column, end_line_number, end_column, error_type, message, .. } = message;
    format!("{kind} {start_line_number}:{start_column}-{end_line_number}:{end_column} {error_type}: {message}")
}
