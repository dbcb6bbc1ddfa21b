"""The prepared model: chosen, whole, and with an engine to run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common import optional_packages
from common.model import checksums, records
from common.model.checksums import CHECKSUMS
from common.programs.check.result import Result, fail, ok, size, together, warn
from common.settings import Settings

_AGAIN: Final = "`make model` prepares it again (your own weights: docs/models.md)"


def model(config: Settings) -> Result:
    """Whether a model is in use, all its files are as they were prepared, and its engine is installed."""
    record = records.in_use(config.models_dir)
    if record is None:
        path = config.models_dir / records.IN_USE
        what = f"{path} is damaged" if path.exists() else "no model is prepared yet"
        return fail(f"{what}: {_bring('one')}`make model` prepares one")
    folder = config.models_dir / record.folder
    found = [*_about_engine(config), *(fail(f"{problem}: {_bring('it again')}{_AGAIN}") for problem in _damage(folder))]
    if config.model not in ("auto", record.model):
        cure = "`make model`, then `supervisorctl restart all`"
        found.append(warn(f"MODEL asks for {config.model}, but {record.title} is in use: {cure}"))
    if config.engine != "torch" and config.precision not in ("auto", record.precision):
        what = f"PRECISION asks for {config.precision}, but {record.title} is in use in {record.precision}"
        found.append(warn(f"{what}, and classify waits: `make model`"))
    if found:
        return together(found)
    total = sum(path.stat().st_size for path in folder.iterdir())
    what = f"{record.title} in {record.precision}, {record.classes} classes"
    return ok(f"{what}, {size(total)} as they were prepared; {records.described(record)}")


def _damage(folder: Path) -> Iterator[str]:
    expected = checksums.read(folder)
    if expected is None:
        yield f"{folder / CHECKSUMS} is missing or damaged"
        return
    for name, digest in expected.items():
        try:
            actual = checksums.sha256_of(folder / name)
        except OSError as error:
            yield f"{folder / name} cannot be read ({error.strerror})"
        else:
            if actual != digest:
                yield f"{folder / name} is not as it was prepared"


def _bring(what: str) -> str:
    """The cure on a machine that models are copied to; '' where they are prepared."""
    return "" if optional_packages.is_installed("torch") else f"bring {what}, as docs/small-machine.md says, or "


def _about_engine(config: Settings) -> Iterator[Result]:
    needed = "torch" if config.engine == "torch" else "openvino"
    if not optional_packages.is_installed(needed):
        yield fail(f"ENGINE={config.engine} needs the package {needed}: `{optional_packages.INSTALL}` installs it")
