"""What measures the whole bot.

models.py     the models that answer, prepared for it
pictures.py   photos of the size that people send
crowd.py      Telegram, as far as the bot sees, with people in it who send photos: a process of its own
engine.py     the model alone, in a tight loop: a process of its own
processes.py  what the bot's processes take of processor and memory
journey.py    where the time of one photo goes, and the picture of it
"""
