"""Settings: right values are accepted, wrong ones get one clear line, and secrets stay out of both."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from common import settings
from common.errors import SettingsError
from common.model_names import MODEL_NAMES
from common.settings import PLAYGROUND_TOKEN, ROOT, TELEGRAM_API, Settings

TOKEN = "123456789:AAExampleExampleExampleExample_-xyz"


def load(environ: dict[str, str], env_file: Path = Path("/nonexistent")) -> Settings:
    return settings.load(environ, env_file)


def test_without_any_setting_the_bot_talks_to_the_playground() -> None:
    plain = load({})
    assert plain == Settings()
    assert plain.uses_playground
    assert (plain.telegram_token, plain.bot_id) == (PLAYGROUND_TOKEN, "1")


def test_with_a_token_it_talks_to_telegram() -> None:
    real = load({"TELEGRAM_TOKEN": TOKEN})
    assert not real.uses_playground
    assert (real.telegram_api_url, real.bot_id) == (TELEGRAM_API, "123456789")


def test_another_port_moves_the_playground_and_the_bot_finds_it() -> None:
    moved = load({"PLAYGROUND_PORT": "8099"})
    assert moved.telegram_api_url == "http://127.0.0.1:8099"
    assert moved.uses_playground


def test_another_bot_api_server_needs_no_playground() -> None:
    assert not load({"TELEGRAM_API_URL": "http://127.0.0.1:9000/"}).uses_playground


def test_the_environment_wins_over_the_env_file_and_an_empty_value_does_not_count(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("NAMESPACE=from_file\nMODEL=inception_v3\nREDIS_URL=\n")
    loaded = load({"NAMESPACE": "from_environment", "MODEL": ""}, env_file)
    assert (loaded.namespace, loaded.model, loaded.redis_url) == ("from_environment", "inception_v3", None)


def test_relative_paths_count_from_the_root_of_the_project() -> None:
    assert load({"DATA_DIR": "elsewhere"}).data_dir == ROOT / "elsewhere"


def test_networks_are_separated_by_commas() -> None:
    networks = load({"FETCH_ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8"}).fetch_allow_networks
    assert networks == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("written", "contact"),
    [
        ("https://example.org/bot", "https://example.org/bot"),
        ("me@example.org", "me@example.org"),
        ("@whats_it", "https://t.me/whats_it"),
        ("t.me/whats_it", "https://t.me/whats_it"),
        (" https://example.org/bot?a=1 , me+bot@example.org ", "https://example.org/bot?a=1; me+bot@example.org"),
        ("", ""),
    ],
)
def test_a_contact_is_written_as_a_user_agent_may_have_it(written: str, contact: str) -> None:
    assert load({"CONTACT": written}).contact == contact


@pytest.mark.parametrize(
    "written",
    [
        "me",
        "example.org",
        "http://example.org/",
        "https://",
        "https://example.org/(bot)",
        "https://example.org/bot\r\nX-Evil: 1",
        "me@example",
        "mé@example.org",
        "me@exam\nple.org",
        "me@example.org,,",
        "https://me:secret@example.org/",
        f"https://example.org/{'a' * 200}",
    ],
)
def test_a_contact_must_be_an_address(written: str) -> None:
    with pytest.raises(SettingsError, match=r"CONTACT=.* must be a web page"):
        load({"CONTACT": written})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ENGINE", "onnx", "ENGINE='onnx' is not one of: auto, openvino, torch"),
        ("PLAYGROUND_PORT", "80800", "PLAYGROUND_PORT='80800' must be a port number from 1 to 65535"),
        ("FETCH_ALLOW_NETWORKS", "10.0.0.1/8", "FETCH_ALLOW_NETWORKS='10.0.0.1/8' must be networks like 10.0.0.0/8"),
        ("NAMESPACE", "a{b}", "NAMESPACE='a{b}' may hold letters, digits, _ . - (at most 64)"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL='LOUD' is not one of: DEBUG, INFO, WARNING, ERROR"),
        ("TELEGRAM_API_URL", "api.telegram.org", "TELEGRAM_API_URL='api.telegram.org' must begin with http"),
        ("TELEGRAM_API_URL", "http://a b", "TELEGRAM_API_URL='http://a b' must begin with http"),
        ("TELEGRAM_API_URL", "http://:8081", "TELEGRAM_API_URL must name a server, like http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "http://a:0", "TELEGRAM_API_URL must name a server, like http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "http://[::1", "TELEGRAM_API_URL must name a server, like http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "http://a:808000", "TELEGRAM_API_URL must name a server, like http://127.0.0.1:8081"),
        ("TELEGRAM_API_URL", "http://me:pa/ss@a", "TELEGRAM_API_URL must name a server, like http://127.0.0.1:8081"),
    ],
)
def test_a_wrong_value_gets_one_line_that_names_it_and_what_is_allowed(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({name: value})
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "close"),
    [
        ("regnet", "; close to it: regnet_x_16gf, regnet_x_1_6gf, regnet_x_32gf, regnet_x_3_2gf, regnet_x_400mf"),
        ("ResNet-50", "; close to it: resnet50, resnet152, resnet101, resnet34, resnet18"),
        ("clip", ""),
    ],
)
def test_a_wrong_model_gets_the_names_that_are_close(value: str, close: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({"MODEL": value})
    assert str(error.value) == f"MODEL={value!r} is not a model's name (docs/models.md lists all){close}"


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_can_be_asked_for(name: str) -> None:
    assert load({"MODEL": name}).model == name


@pytest.mark.parametrize("name", ["TELEGRAM_TOKEN", "REDIS_URL"])
def test_a_wrong_secret_is_not_quoted(name: str) -> None:
    with pytest.raises(SettingsError) as error:
        load({name: "s3cret value"})
    assert name in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("url", ["redis://:s3c[ret@host", "redis://user:s3cret@host:s3cret"])
def test_a_redis_url_that_cannot_be_read_is_refused_without_a_part_of_it(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL is not a valid URL") as error:
        load({"REDIS_URL": url})
    assert "s3c" not in str(error.value)


@pytest.mark.parametrize("content", [b"NAMESPACE=\xff\xfe", None])
def test_an_env_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    env_file = tmp_path / ".env"
    if content is None:
        env_file.symlink_to(env_file)  # what even root cannot open
    else:
        env_file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"\.env cannot be read") as error:
        load({}, env_file)
    assert "\n" not in str(error.value)


def test_settings_in_a_log_line_show_no_secret() -> None:
    shown = repr(load({"TELEGRAM_TOKEN": TOKEN, "REDIS_URL": "redis://:s3cret@host"}))
    assert "AAE" not in shown
    assert "s3cret" not in shown
