"""The bot's connection to Telegram.

    client       the one seam to the Bot API: what the bot does there
    sending      what people see of it: messages, edits, answers to presses
    connection   calls of its methods, and its errors as ours
    refusals     what the Bot API means when it refuses
    local_files  files on the disk of the operator's own Bot API server
    transport    HTTP below python-telegram-bot
    proxy        the way to Telegram: the environment's proxy, and which certificates to trust
    flood        how many messages may be sent, to all chats and to one group
    limits       how long Telegram may take, and how much it may send
    polling      takes updates, and confirms each once it is stored
    said         what is read of an update, as small structures
    reading      makes them from a raw update
    raw          values in raw updates: one of an odd type breaks nothing
    rich         rich messages: texts, links and pictures in nested blocks
    links        the links in a text
    pictures     which file shows what was sent
    updates      what a message asks for
    small_talk   what people say that asks for nothing
    jobs         the job of an update itself
    downloads    downloads what a user sent, or says why not

No other module of the bot imports ``telegram`` or ``aiohttp``.
"""
