"""Checks that need no server: settings and .env, disks, files, the model; and how results are combined and written."""

from __future__ import annotations

import configparser
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from common import logs
from common.programs.check import command, configuration, disk, model, port, report, supervisor
from common.programs.check.command import Check
from common.programs.check.result import Result, fail, ok, size, together, warn
from common.settings import ROOT, Settings
from tests.support.model_in_use import put_whole_model_in_use

TOKEN = "123456789:AAExampleExampleExampleExample_-xyz"
NOW = 1_000_000.0


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(f"TELEGRAM_TOKEN={TOKEN}\n")
    path.chmod(0o600)
    return path


def test_several_findings_become_one_with_the_worst_level_and_without_what_is_well() -> None:
    assert together([ok("a"), ok("b")]) == ok("a; b")
    assert together([ok("a"), warn("b")]) == warn("b")
    assert together([warn("a"), ok("b"), fail("c")]) == fail("c; a")


@pytest.mark.parametrize(("count", "shown"), [(2_600_000, "3 MB"), (999_000_000, "999 MB"), (1_500_000_000, "1.5 GB")])
def test_sizes_are_reported_in_units_for_people(count: int, shown: str) -> None:
    assert size(count) == shown


def test_a_check_that_breaks_or_hangs_does_not_hide_the_others() -> None:
    def breaks() -> Result:
        raise ZeroDivisionError("a bug")

    def is_refused() -> Result:
        raise PermissionError(13, "Permission denied", "/secret")

    forever = threading.Event()
    checks = [
        Check("hangs", lambda: ok(str(forever.wait()))),
        Check("breaks", breaks),
        Check("is refused", is_refused),
        Check("works", lambda: ok("fine")),
    ]
    results = dict(command.run(checks, limit_s=0.2))
    forever.set()
    assert results["hangs"] == fail("was not known within 0.2 s: does a disk or a server hang?")
    assert results["breaks"] == fail("could not be looked at (ZeroDivisionError: a bug): please report this")
    assert results["is refused"].text.startswith("[Errno 13] Permission denied: '/secret'")
    assert results["works"] == ok("fine")


def test_a_result_is_one_line_without_a_secret() -> None:
    config = Settings(telegram_token=TOKEN, redis_url="redis://:s3cret@host")
    line = report.line("Redis", fail(f"refused\nby {TOKEN} and s3cret"), logs.secrets(config))
    assert line == "FAIL Redis       refused by *** and ***"


def test_an_old_python_is_refused_with_the_version_that_is_needed() -> None:
    result = configuration.python(ROOT / "requirements.txt", (3, 9, 1))
    assert result.level == "FAIL"
    assert "3.9.1 is too old: Whatsit needs 3.11 or newer" in result.text


def test_packages_other_than_those_pinned_are_named(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# what we need\nmsgspec==0.0.1  # messages\nno-such-package[extra]==1.0\n")
    result = configuration.python(path)
    assert result.level == "warn"
    cure = r"`\.venv/bin/pip install -r requirements\.txt` installs what is pinned"
    assert re.search(rf"msgspec [\d.]+, no-such-package is missing; {cure}", result.text)


def test_packages_that_an_included_file_pins_are_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "serve.txt").write_text("no-such-package==1.0\n")
    (tmp_path / "all.txt").write_text("-r serve.txt\n")
    result = configuration.python(tmp_path / "all.txt")
    assert result.level == "warn"
    assert "not as all.txt has it: no-such-package is missing" in result.text


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine can serve, and not prepare."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.usefixtures("no_torch")
def test_a_machine_that_only_serves_is_held_to_the_small_set() -> None:
    look = {one.name: one.look for one in command.all_checks(None)}["Python"]
    assert re.fullmatch(r"3\.[\d.]+, \d+ packages as requirements/serve\.txt has them", look().text)


@pytest.mark.usefixtures("no_torch")
def test_a_machine_that_only_serves_is_told_to_bring_a_model(tmp_path: Path) -> None:
    config = Settings(models_dir=tmp_path)
    assert model.model(config).text.startswith("no model is prepared yet: bring one, as docs/small-machine.md says, or")
    (put_whole_model_in_use(tmp_path) / "model.bin").unlink()
    assert ": bring it again, as docs/small-machine.md says, or `make model`" in model.model(config).text
    engine = model.model(Settings(models_dir=tmp_path, engine="torch"))
    assert engine.text.startswith("ENGINE=torch needs the package torch: `make model` installs it")


def test_this_python_is_as_the_requirements_have_it() -> None:
    assert configuration.python(ROOT / "requirements.txt").level == "ok"


def test_an_env_file_that_is_right_and_private_is_well_and_its_values_are_not_shown(env_file: Path) -> None:
    result = configuration.configured({"MODEL": "auto", "HOME": "/"}, env_file)
    assert result == ok(".env is yours alone; set: MODEL, TELEGRAM_TOKEN")


def test_without_any_setting_all_is_well(tmp_path: Path) -> None:
    assert configuration.configured({}, tmp_path / ".env") == ok("all at their defaults")


def test_a_contact_that_is_not_set_is_a_hint_and_no_failure() -> None:
    unset, named = configuration.contact(Settings()), configuration.contact(Settings(contact="me@example.org"))

    assert (unset.level, named.level) == ("ok", "ok")
    assert "Wikimedia" in unset.text
    assert "me@example.org" in named.text


def test_an_env_file_that_others_may_read_gets_the_command_that_closes_it(env_file: Path) -> None:
    env_file.chmod(0o644)
    result = configuration.configured({}, env_file)
    assert result.level == "warn"
    assert result.text.endswith(f"`chmod 600 {env_file}`")
    assert TOKEN not in result.text


def test_every_wrong_value_is_reported_at_once_and_where_it_was_set(env_file: Path) -> None:
    env_file.write_text("MODEL=resnet\nTELEGRAM_TOKEN=s3cret\n")
    result = configuration.configured({"ENGINE": "onnx"}, env_file)
    assert result.level == "FAIL"
    assert "MODEL='resnet' is not a model's name (docs/models.md lists all); close to it: resnet101, " in result.text
    assert "TELEGRAM_TOKEN is not a bot token" in result.text
    assert "ENGINE='onnx' is not one of: auto, openvino, torch: set it right in the environment" in result.text
    assert "s3cret" not in result.text


def test_a_misspelt_setting_is_reported_with_the_right_spelling(env_file: Path) -> None:
    env_file.write_text(f"TELEGRAM_TOKN={TOKEN}\n")
    assert configuration.configured({}, env_file) == warn(
        ".env sets TELEGRAM_TOKN, which is not a setting: did you mean TELEGRAM_TOKEN?"
    )


@pytest.mark.parametrize("line", ["MODEL", "MODEL auto s3cret", "MODEL='s3cret"])
def test_a_line_that_sets_nothing_is_named_by_its_number_alone(env_file: Path, line: str) -> None:
    env_file.write_text(f"# mine\n{line}\n")
    result = configuration.configured({}, env_file)
    assert result == fail(f"line 2 of {env_file} is not understood: write NAME=value")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_env_file_of_another_user_is_reported(env_file: Path) -> None:
    env_file.chmod(0)
    assert "cannot be read (Permission denied)" in configuration.configured({}, env_file).text


def test_an_env_file_in_another_encoding_is_reported(env_file: Path) -> None:
    env_file.write_bytes("NAMESPACE=bär".encode("latin-1"))
    assert configuration.configured({}, env_file) == fail(
        f"{env_file} is not text in UTF-8: write it again, starting from .env.example"
    )


def test_a_disk_is_well_tight_or_full_by_the_room_that_is_left(tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path / "not yet" / "there", models_dir=tmp_path)
    well, tight, full = (disk.disk(config, *limits) for limits in ((0, 0), (1e18, 0), (1e18, 1e18)))
    assert (well.level, tight.level, full.level) == ("ok", "warn", "FAIL")
    assert re.match(r"[\d.]+ [GM]B free for DATA_DIR \(.*\); [\d.]+ [GM]B free for MODELS_DIR", well.text)
    assert "make room soon" in tight.text
    assert "make room" in full.text


def test_a_data_dir_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    result = disk.disk(Settings(data_dir=tmp_path / "run", models_dir=tmp_path))
    assert result == fail(
        f"DATA_DIR ({tmp_path / 'run'}): {tmp_path / 'run'} is not a folder: move it away, or set DATA_DIR"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_dir_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o500)
    result = disk.disk(Settings(data_dir=tmp_path / "run", models_dir=tmp_path))
    assert "cannot be written" in result.text


def test_pictures_older_than_an_hour_are_reported(tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path)
    assert disk.files(config, NOW) == ok("no pictures on their way")
    config.files_dir.mkdir()
    for name, age_s in {"new": 1, "old": 7200}.items():
        path = config.files_dir / name
        path.touch()
        os.utime(path, (NOW - age_s, NOW - age_s))
    result = disk.files(config, NOW)
    assert result.level == "warn"
    assert result.text.startswith("1 of 2 are older than an hour, the oldest 2 h")
    (config.files_dir / "old").unlink()
    assert disk.files(config, NOW) == ok("1 on their way")


def test_with_a_token_no_port_is_needed() -> None:
    config = Settings(telegram_token=TOKEN)
    assert port.port(config, ROOT).level == "ok"


def test_a_whole_model_is_well(tmp_path: Path) -> None:
    put_whole_model_in_use(tmp_path)
    whole = "Inception V3 in fp32, 1000 classes, 0 MB as they were prepared"
    rest = "percentages not measured; cannot zoom in (no maps)"
    assert model.model(Settings(models_dir=tmp_path)) == ok(f"{whole}; {rest}")


def test_no_model_and_a_damaged_record_get_the_command_that_makes_one(tmp_path: Path) -> None:
    config = Settings(models_dir=tmp_path)
    assert model.model(config) == fail("no model is prepared yet: `make model` prepares one")
    (tmp_path / "in_use.json").write_text("{")
    assert model.model(config) == fail(f"{tmp_path / 'in_use.json'} is damaged: `make model` prepares one")


def test_every_damaged_and_missing_file_of_a_model_is_named(tmp_path: Path) -> None:
    folder = put_whole_model_in_use(tmp_path)
    content = bytearray((folder / "model.bin").read_bytes())
    content[100] ^= 1
    (folder / "model.bin").write_bytes(content)
    (folder / "labels.json").unlink()
    result = model.model(Settings(models_dir=tmp_path))
    assert result.level == "FAIL"
    assert f"{folder / 'model.bin'} is not as it was prepared: `make model` prepares it again" in result.text
    assert f"{folder / 'labels.json'} cannot be read (No such file or directory)" in result.text
    (folder / "SHA256SUMS").unlink()
    assert "SHA256SUMS is missing or damaged" in model.model(Settings(models_dir=tmp_path)).text


def test_another_model_than_the_one_asked_for_is_reported(tmp_path: Path) -> None:
    put_whole_model_in_use(tmp_path)
    result = model.model(Settings(models_dir=tmp_path, model="efficientnet_lite2"))
    assert result.level == "warn"
    assert result.text.startswith("MODEL asks for efficientnet_lite2, but Inception V3 is in use: `make model`")


def test_another_precision_than_the_one_asked_for_is_reported_where_it_matters(tmp_path: Path) -> None:
    put_whole_model_in_use(tmp_path)
    result = model.model(Settings(models_dir=tmp_path, precision="int8"))
    assert result.level == "warn"
    assert result.text.startswith("PRECISION asks for int8, but Inception V3 is in use in fp32, and classify waits: ")
    assert model.model(Settings(models_dir=tmp_path, precision="fp32")).level == "ok"
    assert model.model(Settings(models_dir=tmp_path, precision="int8", engine="torch")).level == "ok"


def test_a_folder_too_deep_for_supervisords_socket_is_reported_with_the_excess() -> None:
    sock = Path("/" + "x" * 80 + "/run/supervisor.sock")  # 101 bytes, and 8 for ".1234567" make 109
    result = supervisor.supervisor(sock, None)
    assert result.level == "FAIL"
    assert "2 bytes too long" in result.text


def test_with_wrong_settings_all_that_needs_no_settings_is_still_looked_at() -> None:
    names = [one.name for one in command.all_checks(None)]
    assert names == ["Python", "Settings", "Supervisor", "the rest"]


def test_systemd_gives_supervisord_more_time_than_all_its_stops_take() -> None:
    unit, conf = (configparser.RawConfigParser(strict=False) for _ in range(2))
    unit.read(ROOT / "docs" / "whatsit.service")
    conf.read(ROOT / "supervisord.conf")
    sections = [name for name in conf.sections() if name.startswith(("program:", "eventlistener:"))]
    stops = [int(conf[name].get("stopwaitsecs", "10")) for name in sections]
    assert int(unit["Service"]["TimeoutStopSec"]) > sum(stops)
    assert unit["Service"]["KillMode"] == "mixed"
