//! Every parser of outside bytes on mutated good inputs, for a few seconds. `fuzz/` goes on where this stops.

use evenkeel_sim::{
    parsers::{TARGETS, mutate::mutated},
    rng::Rng,
};

#[test]
fn no_parser_panics_on_good_or_mutated_inputs() {
    for (name, judge, corpus) in TARGETS {
        let corpus = corpus();
        assert!(!corpus.is_empty(), "{name} has good inputs to start from");
        corpus.iter().for_each(|bytes| judge(bytes));
        let mut rng = Rng::new(7, 9);
        for round in 0..20_000 {
            let bytes = mutated(&mut rng, &corpus);
            if let Err(panic) = std::panic::catch_unwind(|| judge(&bytes)) {
                eprintln!("{name}, round {round}: {bytes:?}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}
