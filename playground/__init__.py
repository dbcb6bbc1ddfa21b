"""A local stand-in for Telegram: its Bot API for the bot, and a chat page for people.

    __main__     starts and stops the process
    server       HTTP: addresses, who may call, faults on the wire
    bot_api      the bot's side: the Bot API's methods
    page_api     the user's side: what the page and the tests call
    state        chats and messages, and who listens to them
    updates      the queue behind getUpdates
    files        uploads in memory; photos in the sizes that Telegram makes
    formatting   text: HTML to entities, links in plain text
    faults       failures on demand, for tests
    static/      the page

It knows nothing of the bot or of its Telegram library, so that tests of those may stand on it. All is
in memory, bounded, and gone when the process ends. Its behaviour follows the Bot API's documentation
(https://core.telegram.org/bots/api) and, where that is silent, the official server's source
(https://github.com/tdlib/telegram-bot-api).
"""
