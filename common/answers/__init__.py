"""Answers: what the bot found in a picture, in words."""
