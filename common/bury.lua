-- Move a message that cannot be handled to the dead letters, and tell the user, or end its job.
-- KEYS  1 stream  2 begun  3 jobs  4 jobs:at  5 dead  6 counts  7 the stream for the apology
-- ARGV  1 group  2 consumer  3 id  4 channel's name  5 error, one line  6 traceback  7 apology's body, or ''
--       8 count to raise
-- Returns 1, or 0 when the message is not this consumer's (any more), and then nothing was done.

local stream, begun, jobs, at, dead, counts, reply = unpack(KEYS)
local group, consumer, id, channel, error_line, traceback, apology, count = unpack(ARGV)

local entry = owned(stream, group, consumer, id)
if not entry then
  return 0
end
remove(stream, group, begun, id)
local origin = redis.call('HGET', jobs, entry.job) or ''
redis.call('XADD', dead, '*', 'channel', channel, 'job', entry.job, 'body', entry.body, 'origin', origin,
  'attempts', entry.attempts, 'error', error_line, 'traceback', traceback)
redis.call('HINCRBY', counts, count, 1)
if entry.job ~= '' then
  if apology ~= '' then
    add(reply, at, entry.job, apology, 0, 0)
  else
    end_job(jobs, at, entry.job)
  end
end
return 1
