"""The parts of ``bench_answers``.

looks.py     a picture's file in, the bot's finding out
pictures.py  the pictures that have no class: drawn ones, faces, an operator's
tallies.py   how often the bot says something and is right, and the tables
"""
