"""``make dead``: shows the messages that could not be handled, and starts their jobs again.

command.py   the command: which letters it concerns, and what it answers
listing.py   how letters are shown: all in a list, or one with all that is kept of it
retry.py     starting a letter's job again
"""
