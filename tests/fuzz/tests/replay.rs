//! Replays the corpora: what the fuzzer once found interesting stays handled.

use std::{fs, path::Path};

use adit_fuzz_targets::TARGETS;

#[test]
fn every_input_of_every_corpus_is_handled() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let folder = corpus.join(name);
        let inputs = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{} has a corpus: {error}", folder.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            eprintln!("{name}: {}", path.display());
            target(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}
