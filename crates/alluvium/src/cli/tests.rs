use clap::CommandFactory as _;

use super::Cli;

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

/// All help texts in one snapshot: a change of the command line shows in review.
#[test]
fn help_of_every_command() {
    fn walk(command: &mut clap::Command, path: &str, out: &mut String) {
        let help = command.clone().term_width(100).render_help().to_string();
        // Global options are printed once, at the top.
        let own = if path == "alluvium" { help.as_str() } else { help.split("Global options:").next().unwrap() };
        out.extend([format!("$ {path} --help\n{}\n\n", own.trim_end())]);
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            walk(sub, &path, out);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut text = String::new();
    walk(&mut command, "alluvium", &mut text);
    insta::assert_snapshot!(text);
}
