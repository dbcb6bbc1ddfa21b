"""The contenders of ``bench_channels``: a chain of four stages, each a process, with every library's own worker.

A contender is a module with two things: ``stage(number)`` runs a stage until it is killed, as the library's
documentation recommends; ``sender()`` is a context that gives a coroutine function which puts jobs, by their numbers,
on the first stage.

line.py           the shared parts: Redis, the number of stages, the end
drive.py          measures one contender
stage.py          the process of a stage
with_channels.py  ours
with_arq.py, with_dramatiq.py, with_pubsub.py, with_rq.py, with_taskiq.py

The peers have their own virtual environment, so line, drive and stage import only the standard library, redis-py and
``common/libc.py``.
"""
