"""A line explains itself in a sentence: what was measured, whose hand, and what the doubt is."""

from hypothesis import given
from hypothesis import strategies as st

from cart.events import Evidence
from cart.explanation import AGAINST, FOR, RIVAL_FOR, explanation

COLA, ZERO = "04000000000017", "04000000000024"
NAMES = {COLA: "Cola Classic", ZERO: "Cola Zero"}
TERMS = [
    "weight", "place", "spot", "hand", "who", "sight", "stock", "history", "tags", "pace", "cart",
    "popular", "prior", "astray", "content", "cut",
]  # fmt: skip


def one(visit, gtin, units, posterior, delta_g=-330.0, **terms):
    return Evidence(
        visit=visit, gtin=gtin, units=units, posterior=posterior, terms=terms, delta_g=delta_g
    )


def test_a_plain_pick_is_told_by_its_weight_and_its_hand():
    told = [one("v1", COLA, 1, 0.99, hand=4.0, weight=-4.0)]
    assert explanation(told, NAMES, "v1") == (
        "The shelf became 330 g lighter, which is one Cola Classic;"
        " your hand was the only one near."
    )


def test_what_is_put_back_makes_the_shelf_heavier():
    told = [one("v1", COLA, -2, 0.99, delta_g=660.4, hand=-0.5)]
    assert explanation(told, NAMES, "v1") == (
        "The shelf became 660 g heavier, which is two of Cola Classic put back;"
        " you were the only one near."
    )


def test_the_same_line_reads_otherwise_for_somebody_else():
    told = [one("v1", COLA, 1, 0.99, hand=4.0)]
    assert "another shopper's hand was the only one near" in explanation(told, NAMES, "v2")
    assert "one shopper's hand" in explanation(told, NAMES)


def test_the_nearer_hand_is_said_by_how_much_nearer_it_was():
    def said(other):
        told = [one("v1", COLA, 1, 0.95, hand=4.0), one("v2", COLA, 1, 0.05, hand=other)]
        return explanation(told, NAMES, "v1")

    assert "your hand was much nearer than any other" in said(0.5)
    assert "your hand was nearer than any other" in said(2.5)
    assert "another hand was as near as yours" in said(4.0)
    assert "another hand was nearer than yours" in said(6.0)


def test_a_doubtful_line_says_what_the_doubt_is():
    told = [
        one("v1", COLA, 1, 0.6, hand=3.0, weight=-6.0, prior=-0.2),
        one("v1", ZERO, 1, 0.4, hand=3.0, weight=-3.5, prior=-3.0),
    ]
    assert explanation(told, NAMES, "v1") == (
        "The shelf became 330 g lighter, which is one Cola Classic;"
        " your hand was the only one near; it is what belongs on that shelf;"
        " it is not certain, for it may have been one Cola Zero, which fits the weight better."
    )


def test_what_speaks_against_a_sure_line_is_said_too():
    told = [
        one("v1", COLA, 1, 0.95, hand=3.0, weight=-6.0, prior=-0.2),
        one("v1", ZERO, 1, 0.05, hand=3.0, weight=-3.5, prior=-5.6),
    ]
    said = explanation(told, NAMES, "v1")
    assert said.endswith("; yet one Cola Zero would fit the weight better.")


def test_a_doubt_about_who_names_no_product():
    told = [one("v1", COLA, 1, 0.55, hand=3.0), one("v2", COLA, 1, 0.45, hand=3.1)]
    assert explanation(told, NAMES, "v1").endswith(
        "it is not certain, for it may have been somebody else."
    )
    assert explanation(told, NAMES, "v2").endswith("for it may have been you.")


def test_a_shelf_that_only_moved_took_nothing():
    told = [
        one(None, None, 0, 0.8, delta_g=-4.2, weight=-3.0),
        one("v1", COLA, 1, 0.2, delta_g=-4.2, weight=-9.0, hand=1.0),
    ]
    said = explanation(told, NAMES, "v1")
    assert said.startswith("The shelf's weight moved by 4 g, and nothing was taken;")


def test_without_evidence_nothing_is_said():
    assert explanation([], NAMES) == ""


def test_every_term_has_its_phrases():
    for term in TERMS:
        assert term == "hand" or (term in FOR and term in AGAINST)
        assert term in RIVAL_FOR


@given(
    st.lists(
        st.builds(
            Evidence,
            visit=st.sampled_from([None, "v1", "v2"]),
            gtin=st.sampled_from([None, COLA, ZERO, "unnamed"]),
            units=st.integers(-12, 12),
            posterior=st.floats(0, 1),
            terms=st.dictionaries(st.sampled_from(TERMS), st.floats(-40, 8)),
            delta_g=st.none() | st.floats(-9000, 9000),
        ),
        max_size=3,
    ),
    st.sampled_from([None, "v1", "v9"]),
)
def test_any_evidence_gives_one_sentence_and_always_the_same(evidence, reader):
    said = explanation(evidence, NAMES, reader)
    assert said == explanation(list(evidence), NAMES, reader)
    assert not evidence or (said[0].isupper() and said.endswith(".") and "{" not in said)
    assert not any(word in said for word in ("nats", "likelihood", "posterior", "hypothes"))
