"""The bot's connection to Telegram.

    client     the one seam to the Bot API: its methods, and its errors as ours
    transport  HTTP below python-telegram-bot
    proxy      the way to Telegram: the environment's proxy, and which certificates to trust
    flood      how many messages may be sent, to all chats and to one group
    limits     how long Telegram may take, and how much it may send
    polling    takes updates, and confirms each once it is stored
    updates    what a message asks for
    jobs       the jobs that an update begins

No other module of the bot imports ``telegram`` or ``aiohttp``.
"""
