"""`openaisle store`: a file is checked, its plan drawn, a store generated."""

import json
import re
import sys
from xml.etree import ElementTree

import pytest

from sensors.store import facing_id, load_store, parse_store
from service.cli import main
from service.plan_drawing import draw_plan
from service.simulate import DATASETS, stage
from service.store_check import check_store

CORNER = DATASETS / "stores" / "corner.yaml"


@pytest.fixture
def openaisle(monkeypatch, capsys):
    """Runs a command line; its exit status, output and error output."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openaisle", *map(str, arguments)])
        monkeypatch.setattr("structlog.configure", lambda **_: None)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, " ".join(printed.out.split()), " ".join(printed.err.split())

    return run


def changed(store_text, *changes):
    for old, new in changes:
        assert old in store_text
        store_text = store_text.replace(old, new, 1)
    return parse_store(store_text)


def test_a_good_store_is_summed_up(openaisle, tmp_path):
    code, out, err = openaisle("store", "check", CORNER, "--json", tmp_path / "check.json")
    assert (code, err) == (0, "")
    assert "6.5 × 5.5 m, 2 gates" in out and "48 facings" in out and "45 products" in out
    facts = json.loads((tmp_path / "check.json").read_bytes())
    assert facts["cameras"] == 4 and facts["facings_seen_share"] == 1.0
    assert facts["warnings"] == [] and "warning" not in out


def test_a_bad_file_and_a_wrong_name_are_said_in_a_line(openaisle, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: x\n")
    assert openaisle("store", "check", bad)[0] == 2
    code, _, err = openaisle("store", "draw", CORNER, "--out", tmp_path / "plan.jpg")
    assert code == 2 and "expected a name that ends in .svg" in err
    for option, value, said in (
        ("--size", "big", "expected WIDTHxDEPTH"),
        ("--cameras", "many", "expected corners, rows, auto"),
        ("--id", "A B", "lower-case letters"),
        ("--name", "a\nb: c", "expected one line"),
        ("--most", "5", "expected at least"),
        ("--deviation", "-1", "expected 0 or more"),
        ("--families", "2", "expected a share"),
    ):
        ending = [option, value] if option == "--id" else ["--id", "x", option, value]
        code, _, err = openaisle("store", "generate", tmp_path / "out", *ending)
        assert code == 2 and said in err, (option, err)
    assert not (tmp_path / "out").exists()


def test_what_an_installer_may_mend_is_named(store_text):
    def warnings(*changes):
        return " / ".join(check_store(changed(store_text, *changes)).warnings)

    assert warnings() == ""
    walled = ("x_m: 2.5\n  y_m: 2.45", "x_m: 3.1\n  y_m: 4.7")
    assert re.search(r"nobody can stand before g2s1\.4", warnings(walled))
    assert "no gate is an exit: nobody can leave" in warnings(("kind: exit", "kind: entry"))
    lone = warnings(("gtin: '4000000010371', plates", "gtin: '4000000010746', plates"))
    assert "products without a facing: Iced tea Lemon" in lone
    assert "wrong check digit: 04000000010379" in warnings(
        ("gtin: '4000000010371', plates", "gtin: '4000000010379', plates"),
        ("gtin: '4000000010371'\n", "gtin: '4000000010379'\n"),
    )
    assert "more units than fit on g1s1.1" in warnings(
        ("units: 7, capacity: 12", "units: 13, capacity: 12")
    )
    cells = "".join(
        f"- {{id: c{plate}, kind: esphome-number, topic: c/{plate}, shelf: g1s1, plate: {plate},"
        " every_s: 2}\n"
        for plate in range(1, 6)
    )
    weighed = " / ".join(check_store(parse_store(f"{store_text}\ndevices:\n{cells}")).warnings)
    assert "load cells below g1s1.4, g1s1.7, g1s1.10 /" in weighed
    assert "further than 1 s apart, so that picks are dated late: c1, c2, c3, c4, c5" in weighed
    blind = parse_store(re.sub(r"cameras:\n(- .*\n    .*\n)+", "cameras: []\n", store_text))
    assert check_store(blind).warnings == ["no cameras: picks are told by weight alone"]


def test_a_gate_behind_a_wall_of_racks_is_named(store_text):
    row = "".join(
        f"- {{id: w{k}, x_m: {4.2 + 1.2 * k}, y_m: 1.0, yaw_deg: 0, width_m: 1.2, depth_m: 0.4,"
        f" height_m: 1.5, shelves: []}}\n"
        for k in range(2)
    )
    side = (
        "- {id: w9, x_m: 4.2, y_m: 0.0, yaw_deg: 90, width_m: 1.4, depth_m: 0.3, height_m: 1.5,"
        " shelves: []}\n"
    )
    store = changed(store_text, ("gondolas:\n", f"gondolas:\n{row}{side}"))
    assert "gate gate-out: no way leads there from an entry gate" in check_store(store).warnings


def test_a_camera_less_sees_less(store_text):
    store = parse_store(store_text)
    one = store.model_copy(update={"cameras": store.cameras[2:3]})
    all_, less = check_store(store), check_store(one)
    assert all_.coverage.floor_share(2) > 0.9 > less.coverage.floor_share(1)
    assert less.coverage.floor_share(2) == 0
    assert any(w.startswith("no camera sees g") for w in less.warnings)


def test_the_plan_shows_all_that_is_installed():
    store = load_store(DATASETS / "stores" / "deli.yaml")
    text = draw_plan(check_store(store))
    assert text == (DATASETS.parent / "docs" / "deli-plan.svg").read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    titles = [e.text or "" for e in tree.iter("{http://www.w3.org/2000/svg}title")]
    texts = {e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")}
    for gondola in store.gondolas:
        assert gondola.id in texts
        for shelf in gondola.shelves:
            for facing in shelf.facings:
                name = facing_id(shelf.id, facing)
                assert [t for t in titles if t.startswith(f"{name}: ")], name
    assert {c.id for c in store.cameras} | {g.id for g in store.gates} <= texts
    assert {a.id for a in store.antennas} <= set(titles)
    wide, high = (float(v) for v in tree.attrib["viewBox"].split()[2:])
    for part in tree.iter("{http://www.w3.org/2000/svg}text"):
        if "x" in part.attrib:
            assert 0 < float(part.attrib["x"]) < wide and 0 < float(part.attrib["y"]) < high


def test_a_name_cannot_break_the_plan(store_text):
    store = changed(store_text, ("name: Corner shop", "name: 'A <b> & \"c\"'"))
    tree = ElementTree.fromstring(draw_plan(check_store(store)))
    assert 'A <b> & "c"' in {e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")}


def test_a_generated_store_is_drawn_and_can_be_played(openaisle, tmp_path):
    options = ["--id", "tiny", "--seed", 4, "--size", "5x4.5", "--gondolas", 2, "--cameras", "rows"]
    code, out, err = openaisle("store", "generate", tmp_path, *options)
    assert (code, err) == (0, "") and "2 gondolas" in out
    first = {p: p.read_bytes() for p in tmp_path.rglob("*.yaml")}
    assert {p.relative_to(tmp_path).as_posix() for p in first} == {
        "stores/tiny.yaml",
        "worlds/tiny.yaml",
    }
    openaisle("store", "generate", tmp_path, *options)
    assert first == {p: p.read_bytes() for p in first}
    plan = tmp_path / "plan.svg"
    assert openaisle("store", "draw", tmp_path / "stores/tiny.yaml", "--out", plan)[0] == 0
    assert plan.read_text(encoding="utf-8").startswith("<svg ")
    scene = tmp_path / "scenes" / "s.yaml"
    scene.parent.mkdir()
    scene.write_text("name: s\nstore: tiny\nworld: tiny\nrandom_shoppers: {count: 1}\n")
    assert stage(scene).store.id == "tiny"
