-- Put a message back: on its channel at once (delay 0), or when its delay is over.
-- KEYS  after the ledger: 1 stream  2 begun  3 delayed  4 parked  5 counts
-- ARGV  1 group  2 consumer  3 id  4 delay, ms  5 attempts used  6 since when it has been failing, ms  7 count to raise
--       8 deaths that stay on it, or ''
-- Returns 1; or 0 if this consumer does not hold the message (any longer): then nothing changes.

local stream, begun, delayed, parked, counts = unpack(KEYS, KEYS_FROM)
local group, consumer, id, delay_ms, attempts, since, count, deaths = unpack(ARGV)

local entry = owned(stream, group, consumer, id)
if not entry then
  return 0
end
remove(stream, group, begun, id)
redis.call('HINCRBY', counts, count, 1)
if tonumber(delay_ms) == 0 then
  add_again(stream, begun, entry.job, entry.body, attempts, since, deaths)
  return 1
end
redis.call('HSET', parked, id, cmsgpack.pack({ entry.job, entry.body, attempts, since, deaths }))
redis.call('ZADD', delayed, now_ms() + delay_ms, id)
if entry.job ~= '' then
  redis.call('HSET', at, entry.job, stream .. ' ~' .. id)
end
return 1
