"""The model: prepares it once (with torch), then serves it (without).

    prepare/       makes the model and puts it in use: ``make model``
    int8/          makes the model's version in 8 bits, and compares the two on photos
    calibration/   measures how sure the model may be, on labelled photos
    serve/         runs the model in use
    networks.py    the networks: how each wants its pictures and how torch builds it
    published.py   what torchvision publishes of its models: reads torchvision.json
    hollow.py      networks without memory, to compare layouts with
    weights.py     a network's weights from a file, checked
    weights_file.py  reads a file of weights without running code in it
    checkpoint.py  finds the weights in what was saved with them
    maps.py        the served graph's second output: where the network saw what
    artifact.py    the prepared model's folder: written whole, checked before use
    progress.py    writes how far prepare is, for the chat page
    telemetry.py   keeps OpenVINO and NNCF from reporting to their makers
    errors.py      what can be wrong with a model

Torch is imported inside functions: it takes 3–7 s, and serving does not need it. Serving also does not need NumPy and
OpenVINO's Python package (``serve/engines/openvino_c.py``): 0.2 s.
"""
