"""What `make run` says before Supervisor takes over the terminal."""

from __future__ import annotations

import sys

from common import settings
from common.errors import SettingsError
from common.model_record import in_use


def main() -> None:
    """Say which model answers, where to chat, and how to look in and stop."""
    try:
        config = settings.load()
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    model = in_use(config.models_dir)
    where = f"open {config.telegram_api_url}" if config.uses_playground else "write to your bot in Telegram"
    lines = [
        "",
        f"  Model   {model.title if model else 'none yet'}",
        f"  Chat    {where}",
        "  Watch   . .venv/bin/activate; supervisorctl status; supervisorctl tail -f classify",
        "  Stop    Ctrl-C",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
