"""The names of all keys that the bot has in Redis.

Every key has one hash tag, ``{<namespace>}``, so that all are in one slot of a Redis Cluster:

    {whatsit}:<channel>          stream, one entry a message: job, body, attempts, since; its group is "workers".
                                 Also the name of the pub/sub channel.
    {whatsit}:<channel>:begun    hash, entry id → "<deaths> <process>": messages whose handling began and did not end.
                                 Only a death while the worker handles nothing else counts.
    {whatsit}:<channel>:delayed  sorted set, entry id → when its retry is due, in ms by the clock of Redis
    {whatsit}:<channel>:parked   hash, entry id → the delayed entry itself
    {whatsit}:jobs               hash, job → its first message: enough to start again. It does not expire: reply's
                                 hand-off deletes the entry, or the burial
    {whatsit}:jobs:at            hash, job → where its message is: "<stream> <id>", "<stream> ~<id>" delayed, or
                                 "<waiting> <member>"
    {whatsit}:jobs:chat          hash, job → its chat
    {whatsit}:turns              sorted set of "<chat>:<job>", the jobs that have a slot in the pipeline: a few of one
                                 chat at a time (fair queueing). Job ids and not a count: a script that runs twice
                                 gives a job one slot
    {whatsit}:waiting            sorted set of "<chat>:<when>:<channel>:<job>", jobs that wait for a slot of their chat.
                                 The script that ends another job of the chat gives them its slot; their message is
                                 their entry in jobs
    {whatsit}:pace               hash, how fast jobs end while others are there: when the last one did, the mean gap in
                                 ms, and of how many ends that is
    {whatsit}:users:<minute>     hash that expires: user → how many jobs they began in that minute
    {whatsit}:told               sorted set, chat, or chat and user → when they were last told that this is too much
    {whatsit}:seen:<what>        set that expires: what was published before. Updates by 500 consecutive ids, which
                                 Redis keeps as small integers: 8 bytes each
    {whatsit}:album:<chat>:<id>  hash that expires: what an album asks for, until it addresses the bot; then
                                 what each of its updates began (lua/album.lua), and the message that answers it
                                 with its lines (lua/album_line.lua)
    {whatsit}:albums:<chat>      set that expires: the keys of a chat's albums, so that they can be forgotten
    {whatsit}:chat:<chat>        hash that expires: what a chat prefers; see common/channels/chats.py
    {whatsit}:hints:<chat>       hash that expires: what the bot said in a chat → until when it does not say that again,
                                 and the update that made it say that
    {whatsit}:pressed:<query>    string that expires: that a press of a button has done its part; or an update that
                                 drops jobs, and how many those were
    {whatsit}:judged:<chat>:<id> string that expires: somebody has said whether this answer was right
    {whatsit}:verdicts           hash, "<said>|<right>" → number: see common/channels/verdicts.py
    {whatsit}:blocked            set of chats and persons whom the bot does not serve, until an operator lifts it
    {whatsit}:places             string that expires: the process that shows people their places in line
    {whatsit}:answers            hash, picture → the answer; see common/channels/answers.py
    {whatsit}:answers:at         sorted set, picture → when it was answered
    {whatsit}:dead               stream, messages that could not be handled, with the error; kept for 7 days, about 1000
    {whatsit}:counts             hash, "<channel> handled|expired|retried|postponed|buried|restarted|declined" → number

Only the scripts in ``lua/`` change them. Each script can run twice with the same outcome, since redis-py repeats a
command whose reply was lost. Each is all or nothing, unless a key has a foreign type: Redis does not undo what a script
did before its error. A message is always in one of four states: waiting for a slot, in its stream, delayed, or handed
off; the script that moves it also writes ``jobs:at``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from common.messages import CHANNELS

GROUP: Final = "workers"  # the consumer group of every stream


class Keys:
    """The keys of one namespace.

    Args:
        namespace: The setting ``NAMESPACE``.

    Attributes:
        streams: Each channel's stream, in the order of ``CHANNELS``.
        delayed_sets: Each channel's delayed messages, in the same order.
        ledger: The keys that every script gets first: see ``lua/prelude.lua``.
    """

    def __init__(self, namespace: str) -> None:
        self._prefix = f"{{{namespace}}}:"
        self.jobs = self.key("jobs")
        self.jobs_at = self.key("jobs", "at")
        self.jobs_chat = self.key("jobs", "chat")
        self.slots = self.key("turns")  # its name in Redis, which running versions share
        self.waiting = self.key("waiting")
        self.counts = self.key("counts")
        self.told = self.key("told")
        self.dead = self.key("dead")
        self.blocked = self.key("blocked")
        self.places = self.key("places")
        self.verdicts = self.key("verdicts")
        self.answers = (self.key("answers"), self.key("answers", "at"))
        self.streams: Sequence[str] = [self.stream(name) for name in CHANNELS]
        self.delayed_sets: Sequence[str] = [self.delayed(name) for name in CHANNELS]
        pace = self.key("pace")
        self.ledger: Sequence[str] = [
            *(self.jobs, self.jobs_at, self.jobs_chat, self.slots, self.waiting, pace),
            *self.streams,
        ]

    def key(self, *parts: str) -> str:
        """The key of those ``parts``."""
        return self._prefix + ":".join(parts)

    def stream(self, channel: str) -> str:
        """The stream of a channel, and the name of its pub/sub channel."""
        return self.key(channel)

    def begun(self, channel: str) -> str:
        """The messages of a channel whose handling began."""
        return self.key(channel, "begun")

    def delayed(self, channel: str) -> str:
        """When the delayed messages of a channel are due."""
        return self.key(channel, "delayed")

    def parked(self, channel: str) -> str:
        """The delayed messages of a channel."""
        return self.key(channel, "parked")

    def seen(self, what: str) -> str:
        """The markers of what was published before."""
        return self.key("seen", what)

    def album(self, chat_id: int, media_group_id: str) -> str:
        """What is known of an album."""
        return self.key("album", str(chat_id), media_group_id)

    def albums(self, chat: str) -> str:
        """The keys of a chat's albums."""
        return self.key("albums", chat)

    def preferences(self, chat: str) -> str:
        """What a chat prefers."""
        return self.key("chat", chat)

    def hints(self, chat: str) -> str:
        """What the bot said in a chat lately."""
        return self.key("hints", chat)

    def pressed(self, query: str) -> str:
        """That a press of a button has done its part, or an update."""
        return self.key("pressed", query)

    def judged(self, chat_id: int, message_id: int) -> str:
        """That somebody has said whether an answer was right."""
        return self.key("judged", str(chat_id), str(message_id))

    def users(self, minute: float) -> str:
        """How many jobs each user began in that minute, counted from the Unix epoch."""
        return self.key("users", f"{minute:.0f}")
