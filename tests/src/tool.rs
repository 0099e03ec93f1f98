//! The command line's tools, run as a person or a script would.

use crate::signed::{ACCESS_KEY, SECRET_KEY};
use crate::{Server, binary};
use serde_json::Value;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A command, not run yet.
pub struct Tool {
    command: Command,
    input: Option<Vec<u8>>,
}

/// What a command left.
#[derive(Clone, Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Tool {
    /// `evenkeel` with nothing in its environment that leads to a server.
    pub fn bare(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary::evenkeel());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("EVENKEEL_") || name.starts_with("AWS_") || name == "NO_COLOR" {
                command.env_remove(&*name);
            }
        }
        command.args(arguments);
        Self { command, input: None }
    }

    /// `evenkeel` with that server and the tests' root credentials in its environment.
    pub fn of(server: &Server, arguments: &[&str]) -> Self {
        Self::bare(arguments)
            .variable("AWS_ENDPOINT_URL_SQS", &server.endpoint())
            .variable("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .variable("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from standard input; nothing if this is not called.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Said {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary can be run");
        if let (Some(input), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // It may end before it has read everything.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let output = child.wait_with_output().expect("the child is ours");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
        Said {
            code: output.status.code().expect("it was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Starts it, with pipes for what it says. It must be ended, or end by itself.
    pub fn start(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.spawn().expect("the binary can be run")
    }

    /// Runs it; it must succeed.
    pub fn works(self) -> Said {
        let said = self.run();
        assert_eq!(said.code, 0, "{said:?}");
        said
    }

    /// Runs it; it must fail with that exit code. Gives what it said on standard error.
    pub fn fails(self, code: i32) -> String {
        let said = self.run();
        assert_eq!(said.code, code, "{said:?}");
        assert!(!said.stderr.contains("panicked"), "{said:?}");
        said.stderr
    }
}

impl Said {
    /// Standard output as JSON, an object per line.
    pub fn json(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}
