"""A local stand-in for Telegram: its Bot API for the bot, and a chat page for people.

    __main__     starts and stops the process
    server       HTTP: addresses, who may call, faults on the wire
    bot_api      the bot's side: the Bot API's methods
    parameters   what several methods read from a call: text, caption, reply, buttons
    bot_media    photos, files and albums that the bot sends
    page_api     the user's side: what the page and the tests call
    state        chats and messages
    audience     who listens to what happens: the open pages
    updates      the queue behind getUpdates
    uploads      the messages that uploads become
    files        uploads in memory; photos in the sizes that Telegram makes
    formatting   text: HTML to entities, links in plain text
    model_watch  whether the bot has its model yet
    faults       failures on demand, for tests
    static/      the page: chat.js connects its parts

It knows nothing of the bot but where its model lies, and nothing of its Telegram library, so that tests of
those may stand on it. All is in memory, bounded, and gone when the process ends. Its behaviour follows the
Bot API's documentation (https://core.telegram.org/bots/api) and, where that is silent, the official server's
source (https://github.com/tdlib/telegram-bot-api).
"""
