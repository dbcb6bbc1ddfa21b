-- Put a new message on a channel, once per marker. A message that carries a job begins it.
-- Adds first, so that Redis refuses new work, and only new work, when its memory is full.
-- KEYS  after the ledger: 1 stream  2 the set that the marker belongs to
-- ARGV  1 marker  2 how long the set lives from now on, ms  3 job, or ''  4 its chat, or ''  5 body
-- Returns 1, or 0 if the marker is in the set: the message was published before.

local stream, seen = unpack(KEYS, KEYS_FROM)
local marker, seen_ms, job, chat, body = unpack(ARGV)

if redis.call('SISMEMBER', seen, marker) == 1 then
  return 0
end
add(stream, job, body, 0, 0)
if job ~= '' then
  redis.call('HSET', jobs, job, body)
  if chat ~= '' then
    redis.call('HSET', chats, job, chat)
  end
end
redis.call('SADD', seen, marker)
redis.call('PEXPIRE', seen, seen_ms)
return 1
