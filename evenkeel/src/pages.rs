//! What a shell and `man` want to know of the command line, made from the command line itself.

use clap::{Args, Command};
use std::{io, path::PathBuf};

/// Write completions for a shell to standard output.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel completions bash > ~/.local/share/bash-completion/completions/evenkeel
  evenkeel completions zsh > \"${fpath[1]}/_evenkeel\"
  evenkeel completions fish > ~/.config/fish/completions/evenkeel.fish")]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Write the man page to standard output, or a page per command into a folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  evenkeel man | man -l -
  evenkeel man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write evenkeel.1, evenkeel-serve.1 and so on into this folder.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<()> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    // Made whole first: the generator does not expect that writing may fail.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "evenkeel", &mut script);
    Ok(io::Write::write_all(&mut io::stdout(), &script)?)
}

pub(crate) fn man(args: &ManArgs, command: Command) -> anyhow::Result<()> {
    match &args.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            clap_mangen::generate_to(command, folder)?;
        }
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
    }
    Ok(())
}
