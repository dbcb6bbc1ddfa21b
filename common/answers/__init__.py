"""Answers: what the bot found in a picture, in words.

    vocabulary.py  the classes: how they belong together, and what people call them
    wording.py     what was found in a picture, as a sentence and a list

``imagenet.json`` has the structure and no words; ``english.json`` has the words. The hierarchy is from WordNet 3.0,
whose licence is in ``WORDNET-LICENSE``.
"""
