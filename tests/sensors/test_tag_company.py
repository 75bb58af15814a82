"""Whose company a tag keeps is learnt from who is read with it."""

import numpy as np

from sensors.tag_company import COLUMNS, Company


def shelves(tags: int, slots: int) -> Company:
    """A company of two halves that are read in turn."""
    company = Company()
    company.grow(tags)
    for slot in range(slots):
        half = np.arange(tags // 2) + (slot // 8 % 2) * (tags // 2)
        company.learn(half)
    return company


def test_a_tag_is_told_of_by_its_own_half_alone():
    heard = shelves(20, 160).heard(np.arange(10))
    assert (heard[:10] > 0.8).all()
    assert (heard[10:] < 0.2).all()
    assert ((heard >= 0) & (heard <= 1 + 1e-9)).all()


def test_a_tag_is_no_company_of_itself():
    company = shelves(20, 160)
    heard = company.heard(np.array([3]))
    assert heard[3] == 0
    assert 0 < heard[4] < 0.3


def test_unknown_company_is_not_heard():
    company = Company()
    company.grow(3)
    assert company.heard(np.array([0, 1])).tolist() == [0, 0, 0]


def test_of_a_crowd_of_tags_in_every_column_all_company_is_always_heard():
    tags = 4 * COLUMNS
    heard = shelves(tags, 160).heard(np.arange(tags // 2))
    assert (heard > 0.9).all()
    assert (heard <= 1 + 1e-9).all()


def test_what_is_forgotten_leaves_the_rest_in_place():
    company = shelves(20, 160)
    company.keep(np.arange(20) % 2 == 0)
    heard = company.heard(np.arange(5))
    assert (heard[:5] > heard[5:]).all()
    company.grow(2)
    assert company.heard(np.arange(5))[10:].tolist() == [0, 0]


def test_old_company_fades():
    company = shelves(20, 160)
    company.forget(0.0)
    for _ in range(80):
        company.learn(np.array([0, 19]))
    heard = company.heard(np.array([19]))
    assert heard[0] > 0.9
