"""The model in 8 bits: faster, with slightly different answers.

    make.py          the steps: quantise, compare with fp32, install
    photos.py        photos to calibrate with, and others to compare with
    quantization.py  makes the network, with NNCF
    comparison.py    how often its answers are those of fp32, and whether that is a proof
    measure.py       what a picture costs in each precision

``classifier/prepare`` makes it and decides whether it answers. Workers do not import this room.
"""
