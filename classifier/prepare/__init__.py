"""Makes the model that answers, and puts it in use: ``python -m classifier.prepare``.

    command.py     the command's options, its lines on the terminal, its exit code
    choose.py      which model, and all steps from the request to the model in use
    inventory.py   the models that are prepared already
    precision.py   which version answers, fp32 or int8, and why
    recipe.py      what a model is made from, and its making
    upgrade.py     brings a model that an older version prepared up to date
    official.py    a network's official weights: found, downloaded, checked
    download.py    a download that can be resumed
    labels.py      the names of the classes
    label_list.py  reads an operator's list of names
    conversion.py  torch → OpenVINO, and the comparison of the two
    whole_set.py   whether this machine needs torch at all, for `make install`

Torch and OpenVINO are imported inside functions: with a model that is already prepared, the command takes 0.3 s.
"""
