"""The store file's loader: what it accepts, and how it names what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.store import StoreFileError, load_store, normalise_gtin, parse_store

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
GONDOLAS = load_store(CORNER).gondolas


def test_the_corner_shop_is_as_large_as_the_demo_promises():
    store = load_store(CORNER)
    facings = [f for g in store.gondolas for s in g.shelves for f in s.facings]
    assert len(facings) >= 48
    assert len(store.products) >= 40
    assert len(store.cameras) >= 4
    assert {gate.kind for gate in store.gates} == {"entry", "exit"}
    assert all(c.position_m[2] > c.look_at_m[2] for c in store.cameras)
    weights = sorted(p.weight_g for p in store.products)
    assert len(weights) - len(set(weights)) >= 8, "several same-weight flavours"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("z_m: 0.45", "z: 0.45", "gondolas[0](g1).shelves[0](g1s1).z_m: Field required"),
        ("fps: 10", "fps: -3", "cameras[0](cam1).fps"),
        ("fps: 10", "fps: .nan", "cameras[0](cam1).fps"),
        ("currency: EUR", "currency: euro", "currency"),
        ("plates: [1, 2, 3]", "plates: [1, 2, 99]", "shelf g1s1 has no plate 99"),
        ("plates: [4, 5, 6]", "plates: [3, 5, 6]", "plate 3 is in two facings"),
        ("id: cam2", "id: cam1", "'cam1' stands there twice"),
        ("gtin: '4000000010371', plates", "gtin: '4000000000008', plates", "is not in products"),
        ("tax_class: reduced", "tax_class: luxury", "'luxury' is not in tax_percent"),
        ("gtin: '4000000010371', plates", "gtin: abc, plates", "'abc' is not a GTIN"),
        ("id: corner", "id: [", "not valid YAML"),
        ("name: Corner shop", "name: 2024-99-99", "not valid YAML"),
        ("name: Corner shop", f"name: {'[' * 5000}", "not valid YAML"),
        ("a_m: [0.7, 0.0]", "a_m: [.nan, 0.0]", "gates[0](gate-in).a_m[0]"),
        ("look_at_m: [3.3, 2.9, 0.9]", "look_at_m: [3.3, .inf, 0.9]", "cameras[0](cam1).look_at_m"),
        ("look_at_m: [3.3, 2.9, 0.9]", "look_at_m: [0.15, 0.15, 0.0]", "cameras[0](cam1): "),
        ("look_at_m: [3.3, 2.9, 0.9]", "look_at_m: [0.15, 0.15, 2.75]", "look_at_m must lie"),
        ("x_max_m: 6.5", "x_max_m: 0.0", "floor: x_min_m must be less than x_max_m"),
        ("y_max_m: 5.5", "y_max_m: -1", "y_min_m must be less than y_max_m"),
        ("size_m: [0.062, 0.062, 0.12]", "size_m: [0.062, 0, 0.12]", ".size_m[1]"),
        ("gtin: '4000000010371', plates", "gtin: 4000000010371, plates", "write it in quotes"),
        ("gtin: '4000000010371', plates", "gtin: 010, plates", "facings[0].gtin"),
        ("gtin: '4000000010371', plates", "gtin: '٤٠٠', plates", "is not a GTIN"),
        (
            "covers: [g3s1, g3s2, g3s3]",
            "covers: [g3s9]",
            "rfid-g3: covers: there is no shelf 'g3s9'",
        ),
        ("covers: [g3s1, g3s2, g3s3]", "covers: [g3s1, g3s1]", "'g3s1' stands there twice"),
        (
            "covers: [g3s1, g3s2, g3s3]",
            "gate: gate-out",
            "antenna rfid-g3: kind shelf needs covers",
        ),
        ("kind: gate, gate: gate-out", "kind: gate", "antenna rfid-out: kind gate needs gate"),
        ("kind: gate, gate: gate-out", "kind: gate, gate: door", "there is no gate 'door'"),
        ("id: rfid-out", "id: cam1", "shelves, cameras, gates, antennas and devices: id: 'cam1'"),
        ("form: bottle}\n", "form: bottle}\n  tagged: maybe\n", "products[0].tagged"),
        (
            "gtin: '4000000010746'\n  name",
            "gtin: '4000000010745'\n  tagged: true\n  name",
            "product 04000000010745: tagged, but its check digit would have to be 6",
        ),
    ],
)
def test_errors_name_the_key(old, new, expected):
    text = CORNER.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(StoreFileError) as failure:
        parse_store(text.replace(old, new, 1), "mine.yaml")
    assert "mine.yaml" in str(failure.value)
    assert expected in str(failure.value)


def test_a_file_that_unfolds_without_end_is_refused_at_once():
    """Aliases of aliases: a few lines of YAML that are more lists than memory holds."""
    text = CORNER.read_text(encoding="utf-8").partition("gondolas:")[0]
    lines = ["a0: &a0 [x, x]"]
    for n in range(1, 30):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]")
    with pytest.raises(StoreFileError, match="gondolas") as failure:
        parse_store("\n".join([text, *lines, "gondolas: *a29"]), "mine.yaml")
    assert len(str(failure.value)) < 10_000


def test_a_missing_file_and_an_empty_one_are_said_to_be_so(tmp_path):
    with pytest.raises(StoreFileError, match="cannot be read"):
        load_store(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(StoreFileError, match="expected a mapping"):
        load_store(tmp_path / "empty.yaml")


@given(st.text(max_size=20))
def test_gtins_are_padded_or_refused(text):
    try:
        padded = normalise_gtin(text)
    except ValueError:
        return
    assert len(padded) == 14
    assert padded.endswith(text.strip())


@given(along=st.floats(-5, 5), into=st.floats(-5, 5), which=st.integers(min_value=0, max_value=3))
def test_gondola_frame_and_floor_frame_are_inverse(along, into, which):
    gondola = GONDOLAS[which]
    back = gondola.to_local(*gondola.to_floor(along, into))
    assert back == pytest.approx((along, into), abs=1e-9)
