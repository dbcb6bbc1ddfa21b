"""Every worker runs in this: one loop that takes messages, calls the handler, and settles them.

    worker.py     Worker: what a worker file defines
    process.py    a worker as a process: settings, log, name, signals
    loop.py       Runtime: the loop
    in_flight.py  the messages that are taken and not settled yet; the quarantine
    handlers.py   calls the handler within its time limit
    outcomes.py   the ways in which handling a message can end
    settle.py     what happens to the message then
    retries.py    when it comes again, and when it is buried
    restarts.py   starts a job again from its first message
    apologies.py  what users read instead of an answer
    leases.py     whether this worker still holds a message
    limits.py     the runtime's time limits

A worker's ``handle`` takes a message and returns the next ones. Everything else happens here.
"""
