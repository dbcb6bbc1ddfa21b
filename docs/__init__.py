"""The documents, and what writes parts of them.

models_table.py  the table of torchvision's networks in models.md, and ``classifier/torchvision.json``
screenshots.py   the pictures of README.md: ``make screenshots``
"""
