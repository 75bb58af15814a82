"""Any bytes at every decoder: no crash, no accepted nonsense, bounded memory. 20,000 cases."""

import importlib.util
import os
import random
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = 20_000


def _targets():
    path = Path(__file__).with_name("fuzz_targets.py")
    spec = importlib.util.spec_from_file_location("fuzz_targets", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_targets"] = module
    spec.loader.exec_module(module)
    return module


FUZZ = _targets()
TARGETS = {target.name: target for target in FUZZ.targets()}
SLOW = {"store-file": 500}
EACH = -(-(CASES - sum(SLOW.values())) // (len(TARGETS) - len(SLOW)))


@pytest.mark.parametrize("name", TARGETS)
def test_samples_are_read(name):
    """What the fuzzers start from is no nonsense itself."""
    target = TARGETS[name]
    assert target.samples
    for sample in target.samples:
        target.check(sample)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name):
    target = TARGETS[name]

    @settings(
        max_examples=SLOW.get(name, EACH),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1) | st.binary(max_size=200))
    def feed(case):
        if isinstance(case, int):
            rng = random.Random(case)
            case = FUZZ.mutated(rng.choice(target.samples), target.samples, rng)
        target.check(case)

    feed()


def test_the_cases_are_as_many_as_promised():
    assert sum(SLOW.get(name, EACH) for name in TARGETS) >= CASES


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "store-file"])
def test_memory_stays_within_a_multiple_of_what_came(name):
    """The greatest bodies that a decoder reads at all, and greater ones."""
    target = TARGETS[name]
    sample = target.samples[0]
    size = 2 * 1024 * 1024
    bodies = [
        b"[" * size,
        b'{"a":' * (size // 5),
        b"9" * size,
        b'"' + b"a" * (size - 2) + b'"',
        b"[" + b",".join([sample] * (size // (len(sample) + 1))) + b"]",
        b"[" + b"0," * (size // 2 - 1) + b"0]",
        sample + b" " * (size - len(sample)),
        sample + b" " * (4 * size),
        sample.replace(b'"', b'"' + b"\\u0041" * 300_000, 2),
    ]
    for body in bodies:
        tracemalloc.start()
        target.check(body)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 40 * max(len(body), 1024 * 1024), (body[:20], len(body), peak)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it has wheels for Linux on x86-64 and Python 3.11 to 3.13",
)
@pytest.mark.parametrize(
    "runs", [CASES, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(3000)])]
)
def test_a_fuzzer_that_learns_from_branches_finds_nothing(runs, tmp_path):
    script = Path(__file__).with_name("fuzz_guided.py")
    done = subprocess.run(
        [sys.executable, str(script), str(runs), str(tmp_path / "corpus")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {runs} runs" in done.stderr
    covered = [int(count) for count in re.findall(r"cov: (\d+)", done.stderr)]
    assert covered[-1] > covered[0] > 100, "it sees no branches of ours"
    print(f"\n{runs} runs: {covered[0]} branches covered by the samples, {covered[-1]} in the end")
