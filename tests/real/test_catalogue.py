"""Generated catalogues and shelves are like real ones; needs the folder of real data."""

import os
from pathlib import Path

import pytest

from service.realism import RealDataError
from service.realism_catalogue import compare_catalogue, listed_articles

FOLDER = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="OPENAISLE_REAL_DATA does not name a folder")


def test_generated_articles_and_shelves_are_like_real_ones():
    found = compare_catalogue(Path(str(FOLDER)))
    for one in found:
        print(one.what, "real", one.real, "generated", one.simulated, "distance", one.distance)
    assert [one.what for one in found if not one.passed] == []
    assert len(found) == 14
    by_name = {one.what: one for one in found}
    assert by_name["food: price"].counts[0] == 6759 and by_name["food: price"].distance < 0.06
    gaps = by_name["same shelf: difference"]
    assert gaps.counts[0] == 190 and gaps.real[1] == pytest.approx(32.3, abs=0.1)


def test_what_is_no_price_list_is_refused_by_its_name(tmp_path):
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    for name in ("list.csv", "none.csv"):
        with pytest.raises(RealDataError, match=f"{name}: not a price list"):
            listed_articles(tmp_path / name)
