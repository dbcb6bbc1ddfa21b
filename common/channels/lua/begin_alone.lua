-- Note that a quarantined message is now handled alone: if the worker dies again, the message is the cause.
-- KEYS  after the ledger: 1 stream  2 begun
-- ARGV  1 group  2 consumer  3 process  4 id  5 deaths to note (the number and not +1, so that it can run twice)
-- Returns 1; or 0 if this consumer does not hold the message (any longer).

local stream, begun = unpack(KEYS, KEYS_FROM)
local group, consumer, process, id, deaths = unpack(ARGV)

if not owned(stream, group, consumer, id) then
  return 0
end
-- This also makes the script begin with a write that Redis allows when its memory is full.
redis.call('XCLAIM', stream, group, consumer, 0, id, 'JUSTID')
redis.call('HSET', begun, id, deaths .. ' ' .. process)
return 1
