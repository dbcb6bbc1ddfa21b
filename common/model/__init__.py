"""What workers know of the model without loading it.

    records.py    which model is in use
    input.py      the pixels that a model gets, as a file
    labels.py     the labels of its classes
    whole.py      the whole picture as a file, for a second look
    checksums.py  ``SHA256SUMS``, written and read
    progress.py   ``progress.json``: how far the preparation of a model is

``classifier/prepare`` writes all of it except the pixels.
"""
