"""A local stand-in for Telegram: its Bot API for the bot, and a chat page for people.

    __main__       starts and stops the process
    server         the HTTP server: connections, and how it stops
    application    addresses, and the bot's calls
    guards         who may call, and how much a request may bring
    failures       failures as HTTP answers
    breakage       faults on the wire: answers that break or come bit by bit
    faults         failures on demand, for tests
    bot_api        the bot's side: the Bot API's methods
    bot_messages   ... those that write to a chat
    bot_profile    ... those about the bot itself
    methods        what a method is
    parameters     what several methods read from a call: text, caption, reply, buttons
    bot_media      photos, files and albums that the bot sends
    drafts         drafts of messages
    reactions      the bot's reactions to messages
    guests         the bot's answers in chats that it is not in
    commands       the bot's commands, by scope and language
    profile        the bot's descriptions, by language
    page_api       the user's side: what the page and the tests call
    page_chats     ... chats, and the bot's part in them
    page_messages  ... what people send, edit and press
    page_input     reads and checks what the page sends
    page_files     the page's own files
    state          all that the playground knows: the bot, its chats, files and updates
    chats          all conversations, and the people in them
    chat           one conversation and its messages
    membership     who is what in a chat
    privacy        which messages of a group reach the bot
    queries        what the bot may answer once, and for a while: buttons, questions to a guest
    audience       the open pages, which listen to events
    updates        the queue behind getUpdates
    uploads        the messages that uploads become
    files          uploads in memory; photos in the sizes that Telegram makes
    formatting     text: HTML to entities, links in plain text
    quotations     where quotations stand among other entities
    model_watch    whether the bot has its model yet
    errors         refusals: to the bot, and to people
    json_types     the types of JSON objects
    static/        the page: chat.js connects its parts

Of the bot it knows the folder of its model, and how it finds the picture in a file. It does not use the bot's Telegram
library, so that it can test the bot and that library. Everything is in memory, bounded, and lost when the process ends.
Its behaviour follows the Bot API's documentation (https://core.telegram.org/bots/api) and, where that is silent, the
official server's source (https://github.com/tdlib/telegram-bot-api).
"""
