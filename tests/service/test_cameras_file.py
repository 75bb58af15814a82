"""The cameras file: what it takes, errors with file and key, passwords that never show."""

from pathlib import Path

import msgspec
import pytest

from sensors.store import Store
from service.camera_process import ReadingOrders
from service.cameras_file import CamerasFileError, in_words, load_cameras, plan_cameras

SECRET = "hunter2"


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "cameras.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


def test_every_kind_of_source_is_planned(write, store: Store, tmp_path):
    path = write(
        "cameras:\n"
        "  cam1: {rtsp: 'rtsp://10.0.0.11/1', transport: udp, clock: camera, delay_ms: 80}\n"
        "  cam2: {usb: 2, fps: 5}\n"
        "  cam3: {video: film.mp4, loop: true}\n"
        "  cam4: {pictures: frames, frozen_after_s: 60, stalled_after_s: 4}\n"
    )
    one, two, three, four = plan_cameras(load_cameras(path), path, store, 77)
    assert one.address is not None and two.address is not None and three.address is not None
    assert one.address.options == (("rtsp_transport", "udp"),)
    assert one.rules.own_clock
    assert one.rules.delay_s == 0.08
    assert one.rules.size_px == (640, 480)
    assert one.rules.fps == 10
    assert (two.address.url, two.address.container) == ("/dev/video2", "v4l2")
    assert dict(two.address.options) == {"video_size": "640x480", "framerate": "5"}
    assert three.address.url == str(tmp_path / "film.mp4")
    assert three.address.recorded and three.rules.loop and three.rules.start_ns == 77
    assert four.pictures is not None and four.pictures.folder == str(tmp_path / "frames")
    assert (four.rules.frozen_after_s, four.stalled_after_s) == (60, 4)
    for plan in (one, two, three, four):
        orders = ReadingOrders(plan, 3)
        assert msgspec.json.decode(msgspec.json.encode(orders), type=ReadingOrders) == orders


def test_a_scene_is_a_source_and_without_a_store_any_camera_is(write):
    path = write("cameras: {x: {scene: s.yaml, seed: 4}}")
    (plan,) = plan_cameras(load_cameras(path), path)
    assert plan.scene is not None
    assert plan.scene.seed == 4
    assert plan.rules.size_px is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cameras: {}", "cameras: "),
        ("cameras: {cam1: {}}", "cameras.cam1: .*just one of rtsp.*found none"),
        ("cameras: {cam1: {usb: 0, video: a}}", "cameras.cam1: .*found usb and video"),
        ("cameras: {cam1: {usb: 0, colour: hunter2}}", "cameras.cam1.colour: Extra inputs"),
        ("cameras: {cam1: {usb: 0, password: hunter2}}", "cameras.cam1.password: Extra"),
        ("cameras: {cam1: {rtsp: 'rtsp://a:hunter2@h/1'}}", "cameras.cam1.rtsp: .*holds a login"),
        ("cameras: {cam1: {rtsp: 'rtsp://hunter2@h/1'}}", "cameras.cam1.rtsp: .*holds a login"),
        ("cameras: {cam1: {rtsp: 'http://h/hunter2'}}", "cameras.cam1.rtsp: .*expected rtsp"),
        ("cameras: {cam1: {rtsp: 'rtsp://h:hunter2/'}}", "cameras.cam1.rtsp: .*expected rtsp"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/', user: a}}", "cameras.cam1: .*go together"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/', password_env: A}}", "cameras.cam1: .*go together"),
        (
            "cameras: {cam1: {usb: 0, user: a, password_env: A}}",
            "cameras.cam1: .*only rtsp cameras have a login",
        ),
        (
            "cameras: {cam1: {rtsp: 'rtsp://h/', user: a, password_env: A, password_file: b}}",
            "cameras.cam1: .*found password_env and password_file",
        ),
        ("cameras: {cam1: {rtsp: 'rtsp://h/', transport: hunter2}}", "cam1.transport: .*'tcp'"),
        ("cameras: {cam1: {usb: 0, fps: 0}}", "cameras.cam1.fps: "),
        ("cameras: {cam1: {usb: 0}}\nworkers: [[cam2]]", "workers: there is no camera 'cam2'"),
        ("cameras: {a: {usb: 0}, b: {usb: 1}}\nworkers: [[a]]", "'b' is in none of the groups"),
        ("cameras: {a: {usb: 0}}\nworkers: [[a], [a]]", "'a' stands there twice"),
        ("cameras: {cam1: {usb: 0", "line \\d: not valid YAML"),
        ("hunter2", "expected a mapping"),
    ],
)
def test_a_fault_is_told_by_file_and_key_and_no_value_is_repeated(write, text, expected):
    path = write(text)
    with pytest.raises(CamerasFileError, match=rf"^{path}.*{expected}") as raised:
        load_cameras(path)
    assert SECRET not in str(raised.value)


def test_a_camera_must_be_one_of_the_store(write, store: Store):
    path = write("cameras: {cam9: {usb: 0}}")
    with pytest.raises(CamerasFileError, match=r"cameras\.cam9: .*only cam1, cam2, cam3, cam4"):
        plan_cameras(load_cameras(path), path, store)


@pytest.mark.parametrize("key", ["password_env: CAM1", "password_file: p", "password_secret: one"])
def test_a_password_comes_from_elsewhere_and_is_not_repeated(write, monkeypatch, key):
    monkeypatch.setenv("CAM1", SECRET)
    write(f"{SECRET}\n", "p")
    write(f"one: {SECRET}\n", "secrets.yaml")
    path = write(
        "secrets: secrets.yaml\n"
        f"cameras: {{cam1: {{rtsp: 'rtsp://10.0.0.11/1', user: ada, {key}}}}}\n"
    )
    (plan,) = plan_cameras(load_cameras(path), path)
    assert plan.address is not None
    assert plan.address.full() == f"rtsp://ada:{SECRET}@10.0.0.11/1"
    assert SECRET not in repr(plan)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("password_env: CAM_NOT_SET", "password_env: the environment has no variable CAM_NOT_SET"),
        ("password_file: none", "password_file: cannot be read"),
        ("password_secret: two", "password_secret: the secrets file has no key 'two'"),
    ],
)
def test_a_password_that_is_not_there_is_named(write, key, expected):
    write("one: hunter2\n", "secrets.yaml")
    path = write(
        f"secrets: secrets.yaml\ncameras: {{cam1: {{rtsp: 'rtsp://h/1', user: ada, {key}}}}}\n"
    )
    with pytest.raises(CamerasFileError, match=rf"cameras\.cam1\.{expected}") as raised:
        plan_cameras(load_cameras(path), path)
    assert SECRET not in str(raised.value)


def test_secrets_that_others_can_read_or_that_are_none_are_refused(write):
    path = write("secrets: s.yaml\ncameras: {cam1: {usb: 0}}")
    secrets = write("one: hunter2\n", "s.yaml")
    secrets.chmod(0o644)
    with pytest.raises(CamerasFileError, match=r"s\.yaml: others can read it: chmod 600"):
        plan_cameras(load_cameras(path), path)
    write("one: [hunter2]\n", "s.yaml")
    with pytest.raises(CamerasFileError, match="both as text") as raised:
        plan_cameras(load_cameras(path), path)
    assert SECRET not in str(raised.value)
    secrets.unlink()
    with pytest.raises(CamerasFileError, match=r"s\.yaml: cannot be read"):
        plan_cameras(load_cameras(path), path)


def test_groups_are_one_worker_unless_told_otherwise(write):
    both = "cameras: {a: {usb: 0}, b: {usb: 1}}"
    assert load_cameras(write(both)).groups == [["a", "b"]]
    assert load_cameras(write(f"{both}\nworkers: [[b], [a]]")).groups == [["b"], ["a"]]


def test_cameras_of_the_store_that_are_left_out_are_named(write, store: Store):
    path = write("cameras: {cam2: {usb: 0}, cam1: {usb: 1}}")
    said = in_words(load_cameras(path), path, store)
    assert said == f"cameras: cam2, cam1 in 1 worker; {path} does not say where cam3, cam4 is"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cameras:\n  cam1: {usb: 0}\n  cam1: {usb: 1}", "line 3: key 'cam1' stands twice"),
        ("cameras: {cam1: {usb: 0, usb: 1}}", "line 1: key 'usb' stands twice"),
        ("cameras: {a: &a {usb: 0}, b: *a, b: *a}", "key 'b' stands twice"),
        (r'cameras: {cam1: {rtsp: "rtsp://h/a\nb"}}', "no URL may have"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/a?user=u&password=hunter2'}}", "holds a login: write"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/user=u_PassWD=hunter2_'}}", "holds a login: write"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/a?pwd={password}'}}", r"\{password\} needs `user`"),
        ("cameras: {cam1: {rtsp: 'rtsp://h/?pwd={password}hunter2'}}", "holds a login: write"),
        ("cameras: {cam1: {video: 'http://h/hunter2.mp4'}}", "expected a file or folder"),
        ("cameras: {cam1: {pictures: ''}}", "cameras.cam1.pictures: String should have"),
    ],
)
def test_what_would_mislead_or_show_a_login_is_refused(write, text, expected):
    path = write(text)
    with pytest.raises(CamerasFileError, match=expected) as raised:
        load_cameras(path)
    assert str(raised.value).startswith(str(path))
    assert SECRET not in str(raised.value)
    assert "Value error" not in str(raised.value)


def test_a_login_within_the_path_is_put_there_when_it_is_opened(write, monkeypatch):
    monkeypatch.setenv("CAM", "a&b")
    path = write(
        "cameras: {c: {rtsp: 'rtsp://h/user={user}&password={password}&x=1', user: ada, "
        "password_env: CAM}}"
    )
    (plan,) = plan_cameras(load_cameras(path), path)
    assert plan.address is not None
    assert plan.address.full() == "rtsp://h/user=ada&password=a%26b&x=1"
    assert "a%26b" not in repr(plan) and "a&b" not in repr(plan)


def test_a_colon_in_a_file_s_name_is_no_protocol(write, monkeypatch):
    path = write("cameras: {c: {video: 'http:door.mp4'}}")
    monkeypatch.chdir(path.parent)
    (plan,) = plan_cameras(load_cameras(path), Path(path.name))
    assert plan.address is not None
    assert plan.address.url == str(path.parent / "http:door.mp4")
