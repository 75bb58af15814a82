"""Suites end to end: played, recorded, billed again, told as JSON and as a page, compared."""

import json
import multiprocessing
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensors.store import StoreFileError
from service.cli import app
from service.score_page import page_of
from service.score_runs import Job, Lost, more_seeds, run_job, run_suite, sources_of
from simulator.scorecard import Sheet

ROOT = Path(__file__).parents[2]
SCENE = ROOT / "datasets" / "scenes" / "one-shopper.yaml"
DOCS = ROOT / "docs" / "scorecard.md"


def score(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["score", *map(str, arguments)])
    said = found.output if found.exception is None else f"{found.output}{found.exception}"
    return found.exit_code, " ".join(said.split())


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A folder with two good scenes and one that cannot be played, scored on two processes."""
    folder = tmp_path_factory.mktemp("suite")
    text = SCENE.read_text(encoding="utf-8")
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(text.replace("name: one-shopper", f"name: {name}"))
    (folder / "third.yaml").write_text("name: third\nstore: corner\nworld: nowhere\n")
    kept, card, page = folder / "kept", folder / "card.json", folder / "card.html"
    options = ("--seeds", "1-2", "--jobs", "2", "--keep", kept, "--keep-all")
    status, said = score(folder, *options, "--json", card, "--html", page)
    return folder, status, said, json.loads(card.read_bytes()), page.read_text(encoding="utf-8")


def test_a_scene_that_fails_is_named_and_the_others_are_scored(suite):
    _, status, said, card, page = suite
    assert status == 1
    assert "third.yaml" in said
    assert [(run["scene"], run["seed"]) for run in card["runs"]] == [
        (name, seed) for name in ("first", "second") for seed in (1, 2)
    ]
    assert [(Path(one["source"]).name, one["seed"]) for one in card["lost"]] == [
        ("third.yaml", 1),
        ("third.yaml", 2),
    ]
    assert "third.yaml" in page


def test_recordings_give_the_same_figures_as_the_scenes_did(suite, tmp_path):
    """Played on two processes, billed again on one."""
    folder, _, _, card, _ = suite
    kept = sorted(path.name for path in (folder / "kept").iterdir())
    assert kept == [f"{name}-{seed}.mcap" for name in ("first", "second") for seed in (1, 2)]
    again = tmp_path / "again.json"
    assert score(folder / "kept", "--jobs", 1, "--json", again)[0] == 0
    told = json.loads(again.read_bytes())
    measured = ("cost", "realtime_factor", "made", "lost", "failures")
    for key in card.keys() - set(measured):
        assert told[key] == card[key], key
    assert told["cost"]["playing_cpu_s"] is None


def test_the_page_stands_alone_and_its_plots_are_drawn(suite):
    _, _, _, card, page = suite
    assert not re.findall(r"""(?:src|href)=["'](?!http://127)[^"']+""", page)
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 4  # nothing went wrong, so no causes
    for plot in plots:
        assert len(list(ET.fromstring(plot).iter())) > 10
    assert card["made"]["command"].split()[0] == "openaisle"
    assert page == page_of(card)


def test_a_failed_visit_leads_to_its_moment(suite):
    *_, card, _ = suite
    error = {
        "cause": "wrong product",
        "at_s": 31.2,
        "billed": "Cola <Zero>",
        "true": "Tea",
        "other": None,
    }
    failure = {
        "scene": "first",
        "seed": 1,
        "shopper": "ada",
        "visit": "v1",
        "at_s": 31.2,
        "errors": [error],
        "recording": "kept/first-1.mcap",
        "command": "openaisle replay kept/first-1.mcap --page --from 28.2",
        "link": "http://127.0.0.1:8642/#t=28.2",
    }
    causes = {**card["causes"], "wrong product": 1}
    scene = {**card["scenes"]["first"], "causes": causes}
    page = page_of(
        {**card, "failures": [failure], "causes": causes, "scenes": {"first": scene}, "lost": []}
    )
    assert "charged Cola &lt;Zero&gt; for Tea" in page
    assert 'href="http://127.0.0.1:8642/#t=28.2"' in page
    assert "--page --from 28.2" in page
    assert 'class="cause c0"' in page


def test_two_scorecards_are_compared(suite, tmp_path):
    folder, *_ = suite
    card, result = folder / "card.json", tmp_path / "difference.json"
    status, said = score("compare", card, card, "--json", result)
    assert (status, "No scene differs by more than chance" in said) == (0, True)
    found = json.loads(result.read_bytes())
    assert found["runs_compared"] == 4
    assert {one["verdict"] for one in found["overall"]["all"].values()} == {"same"}
    (tmp_path / "other.json").write_text('{"f1": 1}')
    assert "expected schema" in score("compare", card, tmp_path / "other.json")[1]
    assert "two scorecards" in score("compare", card)[1]


def test_sources_are_suites_folders_and_files(tmp_path):
    assert [path.stem for path in sources_of(["baseline"])] == [
        f"baseline-{n:02}" for n in range(1, 31)
    ]
    assert sources_of([str(SCENE), str(SCENE)]) == [SCENE]
    for text in (str(tmp_path), "nothing", str(tmp_path / "none.yaml")):
        with pytest.raises(StoreFileError, match=re.escape(text)):
            sources_of([text])


def test_processes_that_die_lose_no_result(tmp_path):
    told, killed = [], []

    def kill_once(outcome):
        told.append(outcome)
        if len(told) == 1:
            for process in multiprocessing.active_children():
                process.kill()
                killed.append(process)

    jobs = [Job(tmp_path / "no.yaml", 1), Job(SCENE, 1), Job(SCENE, 2)]
    outcomes = run_suite(jobs, 2, kill_once)
    assert len(killed) == 2
    assert [type(one) for one in outcomes] == [Lost, Sheet, Sheet]
    assert sorted(map(id, told)) == sorted(map(id, outcomes))


def test_further_seeds_follow_until_there_are_units_enough():
    done = run_job(Job(SCENE, 4))
    assert isinstance(done, Sheet)
    each = done.ours["items_true"]
    more = more_seeds([Job(SCENE, 4)], [done], 5 * each, 60)
    assert [job.seed for job in more] == [5, 6, 7, 8]
    assert len(more_seeds([Job(SCENE, 4)], [done], 5 * each, 3)) == 2
    assert more_seeds([Job(SCENE, 4)], [done], each, 60) == []
    lost = Lost(Job(SCENE, 4), "broken")
    assert more_seeds([Job(SCENE, 4)], [lost], 5 * each, 60) == []


def test_every_key_of_the_json_is_explained(suite):
    text = DOCS.read_text(encoding="utf-8")
    *_, card, _ = suite
    keys = set(card) | set(card["scenes"]["first"]) | set(card["made"])
    for part in ("tracking", "stock", "cost", "risk_coverage", "calibration"):
        keys |= set(card[part])
    keys |= (
        set(card["runs"][0]) | set(card["ratios"]["all"]) | set(card["risk_coverage"]["curve"][0])
    )
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_the_table_says_what_happens_in_each_scene_and_its_result(tmp_path):
    path, scene = tmp_path / "suite.md", ROOT / "datasets" / "scenes" / "baseline-27.yaml"
    assert score(scene, "--markdown", path)[0] == 0
    rows = [line.split(" | ") for line in path.read_text().splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["| baseline-27", "| all"]
    assert rows[2][1:4] == ["Pick and put back.", "ada: nothing.", "0"]
