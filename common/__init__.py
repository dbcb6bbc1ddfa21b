"""What the six workers share: rooms, over a ground floor of plain files. CONTRIBUTING.md draws the floors.

programs/             what runs besides the workers: the check, dead letters, the watchdog, our own Redis
conversation/         what people get for what they do: jobs, answers to commands and buttons
runtime/              the loop that every worker runs in
telegram/             the Bot API
web/                  what links lead to
pictures/             foreign files in, model inputs out
channels/             all that is in Redis
supervision/          a process's name, sign of life and end
model/                which model answers, and its input
languages/            what is said, in people's own languages

messages.py           the messages between workers
errors.py             every error that a worker raises on purpose
settings.py           what an operator can set
model_names.py        the models that can be asked for
store.py              the files of jobs
words.py              what the bot says
logs.py               one line an event, without secrets
backoff.py            waiting for something outside, longer and longer
problem.py            a problem that is logged once
limits.py             how large a file from outside may be
file_lock.py          locks between processes
threads.py            a function in a thread of its own
libc.py               what Python does not wrap of the C library
optional_packages.py  packages that not every machine has
"""

import sys

VERSION = "0.6.0"

# python-telegram-bot imports httpx, which imports its command line, too, and with that rich, pygments and click where
# they are installed: 4 MB and 0.1 s for nothing. httpx works without its command line if that cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
