//! Writes the good inputs that each target starts from: `cargo run --bin corpus` in this folder.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    for (name, _, corpus) in evenkeel_sim::parsers::TARGETS {
        let folder = Path::new("corpus").join(name);
        fs::create_dir_all(&folder)?;
        for (number, bytes) in corpus().into_iter().enumerate() {
            fs::write(folder.join(format!("good-{number}")), bytes)?;
        }
    }
    Ok(())
}
