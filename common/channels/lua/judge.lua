-- Count what people say of an answer: whether it was right, or what would have been.
-- KEYS  after the ledger: 1 the marker of the message with the answer  2 the counts
-- ARGV  1 how long the marker lives, ms  2 the field to count in
-- Returns 1; 0 if somebody has said so of this message before.

local marker, counts = unpack(KEYS, KEYS_FROM)
local marker_ms, field = unpack(ARGV)

if not redis.call('SET', marker, 1, 'NX', 'PX', marker_ms) then
  return 0
end
redis.call('HINCRBY', counts, field, 1)
return 1
