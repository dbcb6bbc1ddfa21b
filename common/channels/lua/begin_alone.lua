-- Note that a message which has a death on it is now handled alone: if its worker dies again, it was the message.
-- KEYS  after the ledger: 1 stream  2 begun
-- ARGV  1 group  2 consumer  3 process  4 id  5 deaths to note (told, not counted here: run twice it says the same)
-- Returns 1, or 0 when the message is not this consumer's (or no longer).

local stream, begun = unpack(KEYS, KEYS_FROM)
local group, consumer, process, id, deaths = unpack(ARGV)

if not owned(stream, group, consumer, id) then
  return 0
end
-- Also makes this script begin with a write that Redis allows when memory is out.
redis.call('XCLAIM', stream, group, consumer, 0, id, 'JUSTID')
redis.call('HSET', begun, id, deaths .. ' ' .. process)
return 1
