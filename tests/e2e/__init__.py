"""The whole bot: Supervisor, Redis, six workers and a playground, as a user and an operator meet them.

conftest.py               the bot of a module, and a user who chats with it
cats.py                   photos that a user sends, and their answers
test_bot.py               what users send and read; start, stop, memory
test_browser.py           the chat page in a real browser
test_guarantees.py        the promises of docs/guarantees.md, under real trouble
test_secrets.py           no secret in any output, no connection to a stranger
test_several_classify.py  two processes of one worker
test_small_machine.py     without the packages that prepare models
test_upgrade.py           from the release before this one, under load
test_watchdog.py          workers that hang
test_benchmarks.py        the benchmarks of the whole bot, in short runs
"""
