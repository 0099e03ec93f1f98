//! Writes the good inputs that each target starts from: `cargo run --example corpus`.
//!
//! An example and no binary, since cargo-fuzz takes every binary here for a target.

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    for (name, _, corpus) in evenkeel_sim::parsers::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        fs::create_dir_all(&folder)?;
        for (number, bytes) in corpus().into_iter().enumerate() {
            fs::write(folder.join(format!("good-{number}")), bytes)?;
        }
    }
    Ok(())
}
