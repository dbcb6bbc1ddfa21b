"""The parts that measure the whole bot.

models.py     the models that answer, prepared for the benchmark
pictures.py   photos of the size that people send
crowd.py      Telegram, as the bot sees it, and people who send photos, in their own process
engine.py     the model alone, in a tight loop, in its own process
processes.py  processor time and memory of the bot's processes
journey.py    where the time of one photo goes, and the picture of it
"""
