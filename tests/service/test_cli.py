"""Commands as typed: what users get wrong is said in a line, and what they name is shown as is."""

import json
import sys

import pytest
from rich.console import Console

from cart.events import Candidate, Evidence, Exited, ReviewRequested
from sensors.store import StoreFileError, load_store, parse_store
from service import cli_review
from service.cli import main
from service.keys import KEY_FILE, code_issuer
from service.recording import Recording, write_recording
from service.report import lines_text, show_receipts, show_reviews
from service.simulate import DATASETS, read_store_text, stage
from simulator.truth import TrueVisit, Truth

COLA = "04000000011859"
SCENE = DATASETS / "scenes" / "one-shopper.yaml"
NAME = "[bold]ada[/] [/x]"
MOMENT = {"number": 1, "at_ns": 1, "decided_ns": 1, "visit": "v", "shopper": NAME}
CASE = ReviewRequested(
    **MOMENT,
    review="r[1]",
    reason="alike [red]",
    certain=((COLA, 1),),
    candidates=(Candidate(lines=((COLA, 2),), probability=0.5),),
    evidence=(Evidence(visit="v[0]", gtin=COLA, units=1, posterior=0.5, terms={"[w]": 1.0}),),
)
EVENTS = [Exited(**MOMENT, lines=(), review="r[1]"), CASE]


@pytest.fixture
def openaisle(monkeypatch, capsys):
    """Runs a command line; its exit status, output and error output."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openaisle", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "300")
        monkeypatch.setattr("structlog.configure", lambda **_: None)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return ended.value.code, printed.out, " ".join(printed.err.split())

    return run


@pytest.fixture
def bracketed(store_text):
    return parse_store(store_text.replace("name: Cola Zero", "name: 'Cola [0] [/b]'", 1))


def test_a_file_that_is_no_text_is_refused_with_its_name(openaisle, tmp_path):
    path = tmp_path / "store.yaml"
    path.write_bytes(b"id: \xff\xfe")
    with pytest.raises(StoreFileError, match=r"store\.yaml: cannot be read"):
        read_store_text(path)
    for command in (["serve", path, "--data", tmp_path / "d"], ["simulate", path]):
        status, _, told = openaisle(*command)
        assert status == 2
        assert "cannot be read" in told
    status, _, told = openaisle("serve", tmp_path / "none.yaml", "--data", tmp_path / "d")
    assert (status, "cannot be read" in told) == (2, True)
    assert not (tmp_path / "d").exists()


def test_a_fault_is_one_line_however_narrow(monkeypatch, capsys, tmp_path):
    path = tmp_path / f"{'long ' * 30}.yaml"
    monkeypatch.setattr(sys, "argv", ["openaisle", "simulate", str(path)])
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("structlog.configure", lambda **_: None)
    with pytest.raises(SystemExit):
        main()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"openaisle: {path}: cannot be read")


@pytest.mark.parametrize("name", ["Bob: shop", 'He said "hi" # not', "{x}", "Łódź 🛒", "[b]", "12"])
def test_init_writes_any_name(openaisle, tmp_path, name):
    status, _, told = openaisle("init", tmp_path / "[new]", "--name", name)
    assert status == 0, told
    assert load_store(tmp_path / "[new]" / "store.yaml").name == name
    assert stage(tmp_path / "[new]" / "scene.yaml").store.id == "store"


def test_init_writes_nothing_where_something_is_wrong(openaisle, tmp_path):
    status, _, told = openaisle("init", tmp_path / "new", "--name", "bell \x7f")
    assert (status, "--name" in told) == (2, True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    status, _, told = openaisle("init", tmp_path / "file")
    assert (status, "is a file" in told) == (2, True)


def test_a_code_needs_the_key_that_serve_made(openaisle, tmp_path):
    store, wrong = DATASETS / "stores" / "corner.yaml", tmp_path / "wrong"
    status, _, told = openaisle("code", "ada", "--store", store, "--data", wrong)
    assert status == 2
    assert f"{wrong}: no {KEY_FILE}" in told
    assert not wrong.exists()
    code_issuer(tmp_path / "right", "corner", create=True)
    made = ("code", "ada", "--store", store, "--data", tmp_path / "right", "--text")
    status, token, _ = openaisle(*made)
    assert (status, token.count(".")) == (0, 2)


def test_names_with_brackets_are_shown_as_they_are(openaisle, bracketed, monkeypatch, tmp_path):
    assert lines_text([(COLA, 2), ("1", 1)], {COLA: "Tea"}) == "2 × Tea, 1 × 1"
    console = Console(width=300, record=True)
    true = TrueVisit(shopper=NAME, entered_ns=0, left_ns=1, lines=[(COLA, 2)])
    truth = Truth(scene="s", seed=1, visits=[true], moves=[], stock={})
    show_receipts(console, EVENTS, bracketed, truth)
    show_reviews(console, EVENTS, bracketed)
    shown = console.export_text()
    for text in (NAME, "r[1]", "alike [red]", "2 × Cola [0] [/b]"):
        assert text in shown
    monkeypatch.setattr(cli_review, "_read", lambda data: (bracketed, EVENTS))
    monkeypatch.setattr(cli_review, "console", Console(width=300, record=True))
    for command in (["list"], ["show", "r[1]"]):
        status, _, told = openaisle("review", *command)
        assert status == 0, told
        shown = cli_review.console.export_text()
        for text in (NAME, "r[1]", "alike [red]", "2 × Cola [0] [/b]"):
            assert text in shown
    assert "v[0]: +1 × Cola [0] [/b]: [w] +1.0" in shown


def test_the_pace_of_a_run_is_measured_and_never_made_up(openaisle, tmp_path):
    path, result = tmp_path / "r.mcap", tmp_path / "score.json"
    assert openaisle("simulate", SCENE, "--record", path, "--json", result)[0] == 0
    assert json.loads(result.read_bytes())["realtime_factor"] > 0
    opened = Recording.open(path)
    assert "realtime_factor" not in opened.facts
    assert opened.facts["transport"] == "direct"
    for command in ("replay", "score"):
        status, out, _ = openaisle(command, path, "--json", result)
        assert (status, "– × real time" in out) == (0, True)
        assert json.loads(result.read_bytes())["realtime_factor"] is None
    entries, config = list(opened.entries()), (opened.store_text, opened.code_key)
    write_recording(path, entries, *config, {"realtime_factor": 12.5}, opened.truth)
    for command in ("replay", "score"):
        assert openaisle(command, path, "--json", result)[0] == 0
        assert json.loads(result.read_bytes())["realtime_factor"] == 12.5
    write_recording(path, entries, *config, {}, b'{"visits": 1}')
    for command in ("replay", "score"):
        status, _, told = openaisle(command, path)
        assert (status, "the truth is unreadable" in told) == (2, True)
