"""One script for each claim, with its peers in the same run. ``make bench`` writes results to ``docs/performance.md``.

bench_classify.py  the model and its worker against other engines
bench_channels.py  the channels against other libraries over Redis
bench_growth.py    a message's cost, by the number of waiting messages
bench_pipeline.py  the whole bot: photos a second, time and memory
bench_memory.sh    the whole bot in a cgroup with a memory limit
bench_answers.py   how good the answers are: ``make answers`` writes ``docs/answers.md``
loads.py           the waiting messages of bench_growth
memory.py          the part of bench_memory.sh that runs inside
measuring.py       quantiles, memory, tables, and where results are written
server.py          a Redis server for one measurement
answers/           the parts of bench_answers
chains/            the contenders of bench_channels
engines/           the contenders of bench_classify
pipeline/          the parts that measure the whole bot
"""
