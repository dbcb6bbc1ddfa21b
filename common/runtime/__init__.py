"""What every worker runs in: one loop that takes messages, calls the handler, and settles what it returned.

    worker.py     what a worker file states
    process.py    a worker as a process: settings, log, name, signals
    loop.py       Runtime: the loop
    in_flight.py  the messages that are taken and not settled yet; the quarantine
    handlers.py   calls the handler within its time limit
    outcomes.py   what handling a message can end with
    settle.py     what becomes of the message then
    retries.py    when it comes again, and when it is given up
    restarts.py   starting a job again from its first message
    apologies.py  what users read instead of an answer
    leases.py     whether a message is still ours
    limits.py     how long the runtime waits for what

A worker's ``handle`` takes a message and returns the next ones. All else happens here.
"""
