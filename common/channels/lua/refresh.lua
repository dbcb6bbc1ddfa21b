-- Reset the idle time of the messages that a consumer has in flight, so that no sibling claims them.
-- Checks the owner first: a bare XCLAIM would steal a message back from a sibling that took it over.
-- KEYS  after the ledger: 1 stream
-- ARGV  1 group  2 consumer  3… ids
-- Returns the ids that are still this consumer's.

local stream, group, consumer = KEYS[KEYS_FROM], ARGV[1], ARGV[2]

local still_owned = {}
for i = 3, #ARGV do
  if owned(stream, group, consumer, ARGV[i]) then
    redis.call('XCLAIM', stream, group, consumer, 0, ARGV[i], 'JUSTID')
    still_owned[#still_owned + 1] = ARGV[i]
  end
end
return still_owned
