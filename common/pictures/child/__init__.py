"""The decoder's process: the only place where foreign pictures are opened. No worker imports it, or Pillow.

    main.py         answers requests until the worker hangs up
    confinement.py  the rights that the process gives up before it reads the first foreign byte
    images.py       a file in, the model's pixels out; or a refusal
    headers.py      what a file is by its beginning, if it cannot be read
    parts.py        only a picture's own parts: texts, profiles and the like are left out
    png.py          ... of a PNG
    jpeg.py         ... of a JPEG, and its scans
    gif.py          ... of a GIF
    riff.py         ... of a WebP
    avif.py         ... of an AVIF, if its other parts are broken
    bmp.py          BMPs of kinds that Pillow does not know
    pieces.py       puts a file together again from some of its parts
    frames.py       which frame of an animation counts
    strips.py       large pictures, made narrow strip by strip while they are decoded
    shape.py        the two steps in which a picture gets the model's size
    webp.py         WebP row by row
    heif.py         HEIC, by libheif
    upright.py      8-bit RGB, transparent parts on white, the right side up

Of the rest of the bot it imports only ``common/libc.py``, ``common/limits.py`` and ``common/pictures/protocol.py``.
"""
