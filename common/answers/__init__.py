"""Answers: what the bot found in a picture, in words.

    vocabulary.py  the classes: how they belong together, and what people call them
    questions.py   what people ask about a picture: "is this a lynx?"
    wording.py     what was found in a picture, as a sentence and a list

``imagenet.json`` has the structure and no words; ``names/en.json`` has the words. The hierarchy is from WordNet 3.0,
whose licence is in ``WORDNET-LICENSE``.
"""
