"""Runs the model in use.

    classifier.py   Classifier: pictures in, findings out
    rules.py        the model's scores become a finding: what can be said, and how sure that is
    second_look.py  more views of a picture whose centre says too little
    remembered.py   findings that were made before are not made again
    preload.py      loads the model while the worker does its other imports
    cores.py        how many processor cores this process may use
    compiled.py     networks that OpenVINO compiled, kept for the next start
    engines/        what computes: OpenVINO or torch

Imports neither torch nor NumPy, scipy or OpenVINO's Python package, unless ENGINE asks for torch.
"""
