"""Everything that runs besides the workers: Supervisor's other programs, and the commands behind ``make``.

banner.py          what `make run` prints before the start
check/             `make check`: what is wrong, and what to do
dead_letters/      `make dead`: messages that could not be handled, and starting their jobs again
embedded_redis.py  our own Redis: kept running, and ended after the workers
processes.py       `make processes`: sets how many classify processes Supervisor runs
redis_command.py   the command that runs our own Redis
watchdog.py        ends a worker whose event loop hangs
"""
