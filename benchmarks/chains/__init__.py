"""The contenders of ``bench_channels``: a chain of four stages, each a process, with every library's own worker.

``line`` is what all of them share, ``drive`` measures one of them, ``stage`` is a stage's process. A contender is a
module with two things: ``stage(number)`` runs a stage until it is killed, as the library's papers recommend it;
``sender()`` is a context that gives a coroutine function which puts jobs, by their numbers, on the first stage.

Here and in what it imports nothing but the standard library, redis-py and the contender itself is used: the peers live
in a virtual environment of their own.
"""
