"""The parts that tests, benchmarks and screenshots share.

make.py             messages and jobs
links.py            links for tests: small limits, names without a name server, failing hosts
photos.py           photographs, and a plain picture
picture_files.py    picture files of every kind, and the reference model input
heic_files.py       HEIC files, as an encoder made them
heic_boxes.py       HEIC files put together of those: tiles, overlays, turns
waiting.py          polling against a deadline
observer.py         messages, jobs and counters, as read from Redis
redis_servers.py    real Redis servers
redis_proxy.py      a proxy that breaks a connection to Redis at one command
runtimes.py         the runtime's policies with short delays
web_server.py       a web server that answers as a test says
bot_api.py          a playground, and a user who chats in it
bot_by_hand.py      the bot's side of a playground, called by a test
events.py           the events of a playground
browser.py          a real browser, and its checks
running_bot.py      the whole bot, in a checkout of its own
supervisors.py      a supervisord with chosen programs
processes.py        the processes of a checkout, and their files
victims.py          workers that SIGKILL themselves at a named point
model_in_use.py     a model that only seems to be prepared
models_fixtures.py  prepared models
seeded_inception.py Inception V3 with made-up weights
small_venv.py       an environment with the serving packages only
"""
