"""What measures the whole bot.

models.py     the models that answer, prepared for it
pictures.py   photos of the size that people send
crowd.py      Telegram, as the bot sees it, and people who send photos: a process of its own
engine.py     the model alone, in a tight loop: a process of its own
processes.py  processor time and memory of the bot's processes
journey.py    where the time of one photo goes, and the picture of it
"""
