"""What the six workers share: rooms, over a ground floor of plain files. CONTRIBUTING.md draws the floors.

    programs/      what runs besides the workers: the check, dead letters, the watchdog, our own Redis
    runtime/       the loop that every worker runs in
    telegram/      the Bot API
    web/           what links lead to
    pictures/      foreign bytes in, model inputs out
    channels/      all that is in Redis
    supervision/   a process's name, sign of life and end
    model/         which model answers, and what it is given

The files here belong to several rooms: messages, errors, settings, the store of files, texts, logs, and small parts.
Seven names of before 0.2.0 (banner, check, dead_letters, decoder_child, embedded_redis, processes, watchdog) start what
has moved; the next release removes them.
"""

import sys

VERSION = "0.2.0"

# python-telegram-bot imports httpx, which imports its command line, too, and with that rich, pygments and click where
# they are installed: 4 MB and 0.1 s for nothing. httpx works without its command line if that cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
