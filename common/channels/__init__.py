"""All that is in Redis: channels that lose no message, the jobs' ledger, dead letters, remembered answers.

    channels.py      Channels: publishing, and the parts below over one connection
    keys.py          the names of all keys, with what each holds
    consumer.py      a worker's end of its channel: take, hand off, postpone, bury
    ledger.py        the jobs: which are unfinished, what each began with, whose it is
    order.py         whose answer goes out first
    places.py        who waits, and where in line
    verdicts.py      how often answers were right
    albums.py        messages that ask together, and are answered together
    chats.py         what a chat prefers, what it was told lately, who is blocked
    repair.py        what the sweeper repairs
    dead_letters.py  messages that could not be handled
    revival.py       starts a dead letter's job again
    wakeups.py       a subscription, turned into one event
    answers.py       stored answers, for pictures that come again
    scripts.py       runs the Lua scripts, several in one round trip
    lua/             the scripts, the only ones that change the channels
    outages.py       Redis's errors as one of ours
    redis_client.py  connecting, with time limits
    fitness.py       whether the server keeps messages safely

No other room talks to Redis.
"""
