"""Lists and folders of pictures are read; what is wrong is named with its file and line."""

import cv2
import numpy as np
import pytest

from service.picture_lists import PicturesError, pictures_in, read_labelled, read_picture


@pytest.fixture
def red(tmp_path):
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[..., 2] = 200
    cv2.imwrite(str(tmp_path / "red.png"), picture)
    return tmp_path / "red.png"


def test_a_picture_is_rgb_and_not_larger_than_wanted(red):
    assert read_picture(red).shape == (40, 60, 3)
    small = read_picture(red, kept_px=20)
    assert small.shape == (20, 30, 3)
    assert small[5, 5].tolist() == [200, 0, 0]


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(PicturesError, match=r"a\.jpg: not a picture"):
        read_picture(tmp_path / "a.jpg")


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(PicturesError, match=r"b\.jpg: cannot be read"):
        read_picture(tmp_path / "b.jpg")


def test_a_list_has_numbers_and_groups(red):
    listed = red.parent / "list.txt"
    listed.write_text("red.png, 2, 1\n\nred.png, 0, 0\n", encoding="utf-8")
    shown = read_labelled(listed)
    assert shown.labels.tolist() == [1, 0]
    assert shown.names == ["0", "2"]
    assert shown.groups.tolist() == [0, 1]
    listed.write_text("red.png, 2\n", encoding="utf-8")
    assert read_labelled(listed).groups is None


def test_a_number_may_be_a_gtin(red):
    listed = red.parent / "list.txt"
    listed.write_text("red.png, 4006381333931\nred.png, 17\n", encoding="utf-8")
    shown = read_labelled(listed)
    assert shown.labels.tolist() == [1, 0]
    assert shown.names == ["17", "4006381333931"]


@pytest.mark.parametrize("line", ["red.png", "red.png, x", "red.png, -3", "red.png, 1, 2, 3"])
def test_a_bad_line_is_named(red, line):
    listed = red.parent / "list.txt"
    listed.write_text(f"red.png, 0\n{line}\n", encoding="utf-8")
    with pytest.raises(PicturesError, match=r"list\.txt, line 2: expected FILE, NUMBER"):
        read_labelled(listed)


def test_an_empty_list_and_an_empty_folder_are_named(tmp_path):
    (tmp_path / "list.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(PicturesError, match=r"list\.txt: lists no pictures"):
        read_labelled(tmp_path / "list.txt")
    (tmp_path / "own").mkdir()
    with pytest.raises(PicturesError, match="own: expected one folder of pictures"):
        read_labelled(tmp_path / "own")
    with pytest.raises(PicturesError, match="own: there are no pictures"):
        pictures_in(tmp_path / "own")


def test_a_folder_has_a_folder_for_each_product(red):
    root = red.parent / "products"
    for name in ("17", "4006381333931"):
        (root / name).mkdir(parents=True)
        (root / name / "front.png").write_bytes(red.read_bytes())
    shown = read_labelled(root)
    assert shown.names == ["17", "4006381333931"]
    assert shown.labels.tolist() == [0, 1]
