"""What the pictures show: prepares a model once (with torch), then serves it (without).

    prepare.py     python -m classifier.prepare: chooses the model and goes through the steps below
    models.py      the two networks: how each wants its pictures and how torch builds it
    weights.py     finds, downloads, checks and loads a network's weights
    download.py    a resumable download
    conversion.py  torch → OpenVINO, and the comparison of the two
    artifact.py    the prepared model's folder: written whole, checked before use
    labels.py      the names of the classes
    progress.py    how far prepare is, for the chat page
    serve.py       Classifier: pixels in, the likeliest classes out
    engines/       what runs the model: OpenVINO or torch

Torch is imported inside functions: it takes 3–7 s, and serving does without it.
"""
