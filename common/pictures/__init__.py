"""Pictures: files from outside become model inputs, or a refusal in words.

    inputs.py              InputMaker: a file in, a stored model input out
    decoder.py             Decoder: one file at a time, in a child process that it replaces when that fails
    child_process.py       DecoderProcess: that process from start to end, which is not trusted
    protocol.py            what worker and child process say, and what a picture may be
    refusals.py            the words of each refusal
    large_picture_lock.py  a lock between workers, for pictures that take much memory
    child/                 all that runs in the child process, and nothing else

Only the child process opens foreign pictures: a broken one must not reach a worker.
"""
