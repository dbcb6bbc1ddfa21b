"""What the pictures show: prepares a model once (with torch), then serves it (without).

    prepare.py     python -m classifier.prepare: chooses the model and goes through the steps below
    whole_set.py   python -m classifier.prepare.whole_set: whether this machine needs torch at all, for `make install`
    models.py      the two networks: how each wants its pictures and how torch builds it
    weights.py     finds, downloads, checks and loads a network's weights
    download.py    a resumable download
    conversion.py  torch → OpenVINO, and the comparison of the two
    int8.py        the same model in 8 bits: photos.py finds photos, quantization.py makes it (with NNCF),
                   comparison.py says how far its answers are those of fp32, measure.py what each costs
    artifact.py    the prepared model's folder: written whole, checked before use
    labels.py      the names of the classes
    progress.py    how far prepare is, for the chat page
    serve.py       Classifier: pixels in, the likeliest classes out
    ahead.py       loads it while a worker still imports what else it needs
    engines/       what runs the model: OpenVINO (on the cores.py that are there, with what was compiled.py before)
                   or torch

Torch is imported inside functions: it takes 3–7 s, and serving does without it. It does without NumPy and OpenVINO's
Python package, too (``engines/openvino_c.py``): 0.2 s.
"""
