"""Sets how many ``classify`` processes Supervisor runs: ``make processes``. ``make run`` does it before each start.

supervisord does not know ``.env``, or a default for a variable that is not set. So its configuration includes a file,
``run/processes.conf``, which this program writes. After a change of ``CLASSIFY_PROCESSES``, ``make processes`` and
``supervisorctl update`` apply it, and stop only ``classify``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from common import settings
from common.errors import SettingsError
from common.settings import ROOT

FILE: Final = ROOT / "run" / "processes.conf"

_HEAD: Final = "; Written by common/programs/processes.py before each start, from the setting CLASSIFY_PROCESSES.\n"
# A name and a log of its own for each. `here` is the folder of this file.
_SEVERAL: Final = """
[program:classify]
numprocs={count}
numprocs_start=1
process_name=%(program_name)s_%(process_num)d
stdout_logfile=%(here)s/logs/%(program_name)s_%(process_num)d.log
"""


def write(count: int, path: Path = FILE) -> None:
    """Write the file that supervisord.conf includes.

    A single process keeps the name of its program: ``supervisorctl restart classify`` means it. With several,
    ``classify:*`` means all, and ``classify:classify_1`` the first.

    Args:
        count: The number of ``classify`` processes.
        path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(_HEAD + (_SEVERAL.format(count=count) if count > 1 else ""))


def main() -> None:
    """The command."""
    try:
        write(settings.load().classify_processes)
    except SettingsError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
