"""Languages: what the bot says, in people's own.

    texts.py      a text in no language yet: English words with gaps, and what goes into them
    known.py      the languages that there are, and which one is meant by a tag such as "pt-BR"
    speech.py     a text in a language, from its catalogue; numbers and percentages as it writes them
    catalogues/   GNU gettext's: a .po file a language, which translators edit, and the .mo file that is read

A worker says *what* is to be said (``Words.means``); ``reply`` says it in the job's language. The names of what the
model knows are in ``common/answers``. How to add a language: docs/languages.md.
"""
