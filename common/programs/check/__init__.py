"""``make check``: what is wrong with the bot, and what to do. One file for each thing that it looks at.

command.py        the command: all checks, each in its own thread
result.py         what a check has found: fine, worth a look, or broken
report.py         how a result is written, to a terminal or to the log
configuration.py  Python and its packages; the settings and the file .env
telegram.py       the bot at Telegram: token, webhook, privacy mode and guest mode
redis_server.py   Redis: whether it answers, and keeps its data
model.py          the prepared model, and the engine that runs it
disk.py           room on the disks, and files that were left
port.py           the playground's port, and who holds it
supervisor.py     Supervisor and its programs
"""
