-- Move a message that cannot be handled to the dead letters, and apologise to the user, or end its job.
-- KEYS  after the ledger: 1 stream  2 begun  3 dead  4 counts  5 the stream for the apology
-- ARGV  1 group  2 consumer  3 id  4 channel's name  5 error, one line  6 traceback  7 apology's body, or ''
-- Returns 1; or 0 if this consumer does not hold the message (any longer): then nothing changes.

local stream, begun, dead, counts, reply = unpack(KEYS, KEYS_FROM)
local group, consumer, id, channel, error_line, traceback, apology = unpack(ARGV)
local MOST_DEAD_LETTERS = 1000

local entry = owned(stream, group, consumer, id)
if not entry then
  return 0
end
remove(stream, group, begun, id)
local origin = redis.call('HGET', jobs, entry.job) or ''
local chat = redis.call('HGET', chats, entry.job) or ''
redis.call('XADD', dead, 'MAXLEN', '~', MOST_DEAD_LETTERS, '*', 'channel', channel, 'job', entry.job, 'chat', chat,
  'body', entry.body, 'origin', origin, 'attempts', entry.attempts, 'error', error_line, 'traceback', traceback)
redis.call('HINCRBY', counts, channel .. ' buried', 1)
if entry.job ~= '' then
  if apology ~= '' then
    add(reply, entry.job, apology, 0, 0)
  else
    end_job(entry.job)
  end
end
return 1
