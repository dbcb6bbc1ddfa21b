"""How sure a model may say it is: measured on photos whose classes are known.

measured.py  the calibrations that came with the code
labelled.py  reads labelled photos: a folder of classes, or a CSV file
names.py     which class a name means
fit.py       the temperature and the limit of strangeness, and how well they fit
make.py      measures a prepared model: ``make model LABELLED=…``
store.py     keeps the result in MODELS_DIR
"""
