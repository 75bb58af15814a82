import numpy as np
import pytest

from service.box_score import average_precision

LEFT, RIGHT = [0.0, 0, 10, 30], [50.0, 0, 60, 30]


def _rows(*rows: list[float]) -> np.ndarray:
    return np.array(rows).reshape(-1, 5)


def test_all_found_and_nothing_else_is_one() -> None:
    found = [_rows([*LEFT, 0.9], [*RIGHT, 0.8])]
    assert average_precision(found, [_rows([*LEFT, 1.0], [*RIGHT, 0.5])], 0.5, 0.0) == 1.0


def test_a_false_box_costs_by_its_score() -> None:
    truth = [_rows([*LEFT, 1.0])]
    assert average_precision([_rows([*LEFT, 0.9], [*RIGHT, 0.8])], truth, 0.5, 0.0) == 1.0
    assert average_precision([_rows([*LEFT, 0.7], [*RIGHT, 0.8])], truth, 0.5, 0.0) == 0.5


def test_a_person_missed_ends_the_curve() -> None:
    truth = [_rows([*LEFT, 1.0], [*RIGHT, 1.0])]
    assert average_precision([_rows([*LEFT, 0.9])], truth, 0.5, 0.0) == pytest.approx(51 / 101)


def test_hidden_people_count_neither_missed_nor_found() -> None:
    truth = [_rows([*LEFT, 1.0], [*RIGHT, 0.1])]
    for found in (_rows([*LEFT, 0.8]), _rows([*LEFT, 0.8], [*RIGHT, 0.9])):
        assert average_precision([found], truth, 0.5, 0.25) == 1.0
    assert average_precision([_rows([*LEFT, 0.8])], truth, 0.5, 0.0) < 0.6


def test_one_person_is_found_once() -> None:
    twice = [_rows([*LEFT, 0.9], [*LEFT, 0.8])]
    other = [_rows([*LEFT, 1.0], [*RIGHT, 1.0])]
    assert average_precision(twice, other, 0.5, 0.0) == pytest.approx(51 / 101)
    assert average_precision([_rows()], other, 0.5, 0.0) == 0.0
