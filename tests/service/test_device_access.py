"""Logins: hashes that are Mosquitto's, rules that name a device's own topics, files that tell no
secret."""

import itertools
import json
import os
import stat
import time
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from typer.testing import CliRunner

from sensors.store import Store
from sensors.wire import HealthReport
from service.cli import app
from service.device_access import (
    DROPPED,
    AccessError,
    Login,
    acl_text,
    grants,
    kind_of,
    names_of,
)
from service.device_access_folder import opened, read_folder, reload_mosquitto
from service.device_passwords import hash_password, new_password, verify_password
from service.journal import JournalError
from service.live_store import LiveStore
from service.mosquitto_acl import Grants, read_acl
from service.mosquitto_files import Listening, configuration_text
from service.publisher import Publisher

STORE_FILE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
PATIENCE_S = 120.0
BY_MOSQUITTO = (  # mosquitto_passwd 2.0.11 of "secret2"
    "$7$101$Zggd2N858Dwa7ZMC$qNoEPW3aqsABTENZGLS36LwUx2QE9cVHDSFoPE8ZbfIWBszJgCCNLXDC2Ei6ld0wTnPb8"
    "+Wbv+44t9MgMMM3Lg=="
)


def run(*words: object):
    return CliRunner().invoke(app, ["devices", *map(str, words)])


def test_hashes_are_those_of_mosquitto():
    assert verify_password("secret2", BY_MOSQUITTO)
    assert not verify_password("secret3", BY_MOSQUITTO)
    ours = hash_password("secret2")
    assert [len(part) for part in ours.split("$")] == [len(p) for p in BY_MOSQUITTO.split("$")]
    assert verify_password("secret2", ours)
    assert hash_password("secret2") != ours


@given(st.one_of(st.text(), st.from_regex(r"\A\$7\$\d*\$[A-Za-z0-9+/=]*\$[A-Za-z0-9+/=]*\Z")))
def test_what_is_no_hash_opens_nothing(text):
    assert not verify_password("", text)


def test_passwords_differ_and_need_no_quoting():
    drawn = {new_password() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(one) == 32 and one.isalnum() and one.isascii() for one in drawn)


def test_every_device_of_the_store_may_say_its_own_and_nothing_else(store: Store):
    names = names_of(store)
    assert {"engine", "g1s1", "gate-in", "rfid-g3"} <= set(names)
    assert grants(Login("g1s1", "weight", 1), store) == Grants(
        ("openaisle/corner/weight/g1s1", "openaisle/corner/health/g1s1"),
        ("openaisle/corner/journaled/g1s1",),
    )
    reader = grants(Login("door-cam", "codes", 1, ("gate-in",)), store)
    assert reader.write == ("openaisle/corner/gate/gate-in", "openaisle/corner/health/gate-in")
    assert grants(Login("tv", "reader", 1), store) == Grants((), ("openaisle/corner/#",))
    for login in (Login("g1s1", "weight", 1), Login("eyes", "vision", 1), Login("x", "control", 1)):
        assert not any("#" in topic or "+" in topic for topic in grants(login, store).write)


def test_nobody_may_write_what_another_says(store: Store):
    logins = [Login(n, kind_of(store, n), 1) for n in names_of(store) if n != "engine"]
    logins += [Login("eyes", "vision", 1, workers=3), Login("office", "control", 1)]
    may = {login.name: grants(login, store) for login in logins}
    assert len(may) == len(logins) > 16
    for one, other in itertools.permutations(may, 2):
        for topic in may[other].write:
            assert not any(topic_matches_sub(f, topic) for f in may[one].write), (one, topic)
        for topic in may[other].read:
            assert not any(topic_matches_sub(f, topic) for f in may[one].read), (one, topic)


def test_rules_are_read_as_they_were_written(store: Store):
    logins = [
        Login("engine", "engine", 1),
        Login("g1s1", "weight", 1),
        Login("g1s2", "weight", 1, revoked_ns=2),
    ]
    found = read_acl(acl_text(logins, store))
    assert set(found) == {"engine", "g1s1"}
    assert found["g1s1"] == grants(logins[1], store)
    assert found["engine"].write == ("openaisle/corner/#",)
    assert set(found["engine"].read) == {"openaisle/corner/#", DROPPED}


def test_a_certificate_is_on_every_listener_that_others_reach(tmp_path: Path):
    inside = Listening(host="0.0.0.0", certificate="/c.pem", key="/c.key")
    text = configuration_text(inside, tmp_path, "mosquitto")
    assert text.count("certfile /c.pem") == 1
    assert text.index("certfile") < text.index("listener 1884 127.0.0.1")
    outside = Listening(services_host="0.0.0.0", certificate="/c.pem", key="/c.key")
    assert configuration_text(outside, tmp_path, "mosquitto").count("keyfile /c.key") == 2
    assert text.count("allow_anonymous false") == text.count("\nlistener ") == 2


def test_passwords_are_printed_once_and_kept_nowhere(tmp_path: Path):
    folder = tmp_path / "broker"
    done = run("add", STORE_FILE, "g1s1", "engine", "--folder", folder)
    assert done.exit_code == 0, done.output
    given_out = dict(line.split(" ") for line in done.stdout.splitlines())
    assert set(given_out) == {"g1s1", "engine"}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 6
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        text = path.read_text()
        assert not any(password in text for password in given_out.values()), path
    assert run("add", STORE_FILE, "g1s1", "--folder", folder).exit_code != 0
    again = run("add", STORE_FILE, "g1s1", "--renew", "--folder", folder)
    assert again.stdout.split()[1] != given_out["g1s1"]


def test_passwords_go_to_a_file_that_only_its_owner_reads(tmp_path: Path):
    folder, out = tmp_path / "broker", tmp_path / "passwords"
    done = run("add", STORE_FILE, "--all", "--folder", folder, "--out", out)
    assert done.exit_code == 0 and done.stdout == ""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    names = [line.split()[0] for line in out.read_text().splitlines()]
    assert len(names) == len(set(names)) > 16
    refused = run("add", STORE_FILE, "g1s1", "--renew", "--folder", folder, "--out", out)
    assert "exists already" in str(refused.exception)
    assert names == [line.split()[0] for line in out.read_text().splitlines()]


def test_all_gives_nobody_back_what_was_revoked(tmp_path: Path, store: Store):
    folder = tmp_path / "broker"
    run("add", STORE_FILE, "--all", "--folder", folder)
    assert run("revoke", STORE_FILE, "g1s1", "--folder", folder).exit_code == 0
    assert "every device" in str(run("add", STORE_FILE, "--all", "--folder", folder).exception)
    assert read_folder(folder, store).logins["g1s1"].revoked_ns is not None
    assert "g1s1" not in (folder / "devices.passwords").read_text()
    assert "g1s1\n" not in (folder / "devices.acl").read_text()
    assert run("add", STORE_FILE, "g1s1", "--folder", folder).exit_code == 0
    assert read_folder(folder, store).logins["g1s1"].revoked_ns is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "shelf9"), "no such device"),
        (("add", "eyes", "--kind", "vision", "--for", "cam9"), "no such camera"),
        (("add", "door", "--kind", "codes", "--for", "cam1"), "no such gate, only gate-in"),
        (("add", "g1s1", "--kind", "gate"), "is a weight in the store file"),
        (("add", "box", "--kind", "weight"), "whose readings"),
        (("add", "box", "--kind", "weight", "--for", "gate-in"), "no such weight"),
        (("add", "a:b", "--kind", "control"), "cannot be a login"),
        (("add",), "name a device"),
        (("revoke", "g1s2"), "has no login"),
        (("broker", "--tls-cert", "x"), "go together"),
        (("broker", "--listen", "a b"), "expected an address"),
        (("broker", "--port", "1884"), "a port each"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, words, reason):
    folder = tmp_path / "broker"
    assert run("add", STORE_FILE, "engine", "--folder", folder).exit_code == 0
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    done = run(words[0], STORE_FILE, *words[1:], "--folder", folder)
    assert isinstance(done.exception, AccessError)
    assert reason in str(done.exception)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_folder_belongs_to_one_store(tmp_path: Path, store: Store):
    with opened(tmp_path, store) as access:
        access.add("engine", 1)
        access.save()
    other = store.model_copy(update={"id": "mall"})
    with pytest.raises(AccessError, match="belongs to store 'corner'"), opened(tmp_path, other):
        pass
    (tmp_path / "register.json").write_text("{}")
    with pytest.raises(AccessError, match="no folder of"):
        read_folder(tmp_path, store)
    with pytest.raises(AccessError, match="cannot be opened"), opened(tmp_path / "none", store):
        pass


def test_a_revocation_that_was_cut_short_counts(tmp_path: Path, store: Store):
    with opened(tmp_path, store) as access:
        access.add("g1s1", 1)
        access.save()
    (tmp_path / "devices.passwords").write_text("")
    assert read_folder(tmp_path, store).logins["g1s1"].revoked_ns is not None


def test_only_a_mosquitto_is_told_to_read_anew():
    assert not reload_mosquitto(os.getpid())  # the signal would end this process


def test_the_list_says_who_has_a_login(tmp_path: Path):
    folder, out = tmp_path / "broker", tmp_path / "list.json"
    run("add", STORE_FILE, "engine", "g1s1", "g1s2", "--folder", folder)
    run("add", STORE_FILE, "eyes", "--kind", "vision", "--folder", folder)
    run("revoke", STORE_FILE, "g1s2", "--folder", folder)
    words = ("--folder", folder, "--data", tmp_path / "none", "--json", out)
    done = run("list", STORE_FILE, *words)
    assert done.exit_code == 0, done.output
    rows = {row["device"]: row for row in json.loads(out.read_text())["devices"]}
    assert [rows[n]["login"] for n in ("engine", "g1s1", "g1s2", "g1s3", "eyes")] == [
        "yes", "yes", "revoked", "none", "yes",
    ]  # fmt: skip
    assert rows["eyes"]["kind"] == "vision" and rows["g1s1"]["last_seen_s"] is None
    assert "revoked" in done.output and "never" in done.output


def test_a_store_makes_its_own_certificates(tmp_path: Path, store: Store):
    folder = tmp_path / "broker"
    assert run("tls", STORE_FILE, "broker.lan", "10.0.0.5", "--folder", folder).exit_code == 0
    authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    shown = x509.load_pem_x509_certificate((folder / "broker.pem").read_bytes())
    shown.verify_directly_issued_by(authority)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"broker.lan", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    assert stat.S_IMODE((folder / "broker.key").stat().st_mode) == 0o600
    assert f"certfile {folder / 'broker.pem'}" in (folder / "mosquitto.conf").read_text()
    (folder / "ca.key").rename(tmp_path / "ca.key")  # taken off the machine
    refused = run("tls", STORE_FILE, "broker.lan", "--folder", folder)
    assert "put it back" in str(refused.exception)
    (tmp_path / "ca.key").rename(folder / "ca.key")
    assert run("tls", STORE_FILE, "broker.lan", "--folder", folder).exit_code == 0
    renewed = x509.load_pem_x509_certificate((folder / "broker.pem").read_bytes())
    renewed.verify_directly_issued_by(authority)
    assert renewed.serial_number != shown.serial_number


def test_the_list_says_how_each_device_does_while_the_store_runs(
    tmp_path: Path, store: Store, store_text: str, issuer
):
    folder, data, out = tmp_path / "broker", tmp_path / "data", tmp_path / "list.json"
    run("add", STORE_FILE, "g1s1", "--folder", folder)
    deadline = time.monotonic() + PATIENCE_S
    rows: dict[str, dict] = {}
    with LiveStore(store_text, issuer.public_pem, data) as running:
        assert running.address is not None
        with Publisher(running.address, store.id) as publisher:
            for seq in itertools.count():
                for device, reason in (("g1s1", ""), ("g1s2", "no supply")):
                    publisher.publish(
                        "health",
                        HealthReport(
                            device=device, boot="b", seq=seq, at_ns=time.time_ns(),
                            up=not reason, reason=reason,
                        ),
                    )  # fmt: skip
                publisher.publish_bytes(
                    f"openaisle/{store.id}/weight/nobody",
                    b'{"device": "nobody", "boot": "b", "seq": %d}' % seq,
                )
                assert run("list", STORE_FILE, "--folder", folder, "--data", data, "--json", out)
                rows = {row["device"]: row for row in json.loads(out.read_text())["devices"]}
                if {"g1s1", "nobody"} <= {n for n, row in rows.items() if row["last_seen_s"]}:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.2)
        done = run("list", STORE_FILE, "--folder", folder, "--data", data)
    assert rows["g1s1"]["login"] == "yes" and rows["g1s1"]["up"] is True
    assert rows["g1s1"]["messages"] > 0 and 0 <= rows["g1s1"]["last_seen_s"] < PATIENCE_S
    assert rows["g1s2"]["login"] == "none" and rows["g1s2"]["down_reason"] == "no supply"
    assert rows["nobody"]["dead_letters"] > 0 and rows["nobody"]["last_reason"]
    assert rows["g1s3"]["last_seen_s"] is None
    assert "down:" in done.output and "refused" in done.output


def test_a_journal_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "journal.sqlite").write_text("no database at all" * 100)
    done = run("list", STORE_FILE, "--data", tmp_path)
    assert isinstance(done.exception, JournalError)
