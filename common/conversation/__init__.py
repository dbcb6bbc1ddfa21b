"""What the bot does with what people do: it begins jobs, answers commands, buttons and small talk.

    conversation  what begins with an update
    jobs          a job for each thing that a message asks for
    bot           what the bot is and has, for all answers
    commands      the answers to commands
    small_talk    the answers to words that ask for nothing
    greeting      what happens when the bot is added to a chat
    privacy       what is kept, where, how long, and who can see it
    preferences   the settings of a chat, and its buttons
    profile       menus of commands and descriptions at Telegram
    operators     what operators do in their own chats
    buttons       what buttons carry
    presses       what a press of a button does
    below         the buttons below an answer
    delivery      sends an answer: each kind in its own way
    album_answers the photos of an album: one message, which changes
    guest_answers the same for a guest: one answer, within a minute
    drafts        shows people their place in line

``common/telegram`` reads what people do, and says what they ask for. This room decides what they get.
"""
