"""A coverage-guided run over every decoder: `python fuzz_guided.py RUNS CORPUS [SEED]`.

The first byte of an input chooses the decoder, the rest is what it is fed. New inputs are made by
libFuzzer, which learns from the branches of our Python, and by our own mutations. It ends with
exit code 0 when all runs are done; a find ends it with the input and what was raised.
"""

import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sensors", "service.progress"]):
    import fuzz_targets

TARGETS = fuzz_targets.targets()
LONGEST = 4096
FEWER = {"store-file": 64}  # one of so many: reading a store file takes a hundred times as long


def one(data: bytes) -> None:
    """Feed one input."""
    if not data:
        return
    target = TARGETS[data[0] % len(TARGETS)]
    every = FEWER.get(target.name, 1)
    if every > 1 and sum(data) % every:
        target = TARGETS[(data[0] + 1) % len(TARGETS)]
    target.check(data[1:])


def another(data: bytes, most: int, seed: int) -> bytes:
    """The next input: from one of the corpus by libFuzzer or by our own mutations, or a sample."""
    rng = random.Random(seed)
    way = rng.random()
    if not data or way < 0.4:
        return atheris.Mutate(data, most)
    number = data[0] % len(TARGETS) if way < 0.7 else rng.randrange(len(TARGETS))
    samples = TARGETS[number].samples
    base = data[1:] if way < 0.7 else rng.choice(samples)
    return (bytes([number]) + fuzz_targets.mutated(base, samples, rng))[:most]


def main() -> None:
    """Write the samples as the first corpus, and begin."""
    runs, corpus, seed = int(sys.argv[1]), Path(sys.argv[2]), (sys.argv[3:] or ["1"])[0]
    corpus.mkdir(parents=True, exist_ok=True)
    for number, target in enumerate(TARGETS):
        for i, sample in enumerate(target.samples):
            (corpus / f"{target.name}-{i}").write_bytes(bytes([number]) + sample)
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", "-rss_limit_mb=1024"]
    options += ["-timeout=60", "-len_control=0", f"-artifact_prefix={corpus}/found-"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=another)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
