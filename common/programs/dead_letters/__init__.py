"""``make dead``: shows the messages that could not be handled, and starts their jobs again.

command.py   the command: which letters it is about, and what it prints
listing.py   how letters are shown: all in a list, or one with everything stored of it

``common/channels/revival.py`` starts a letter's job again.
"""
