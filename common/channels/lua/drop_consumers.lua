-- Delete consumers that have been idle for long. One with pending messages stays: its deletion would drop those.
-- KEYS  after the ledger: 1 stream
-- ARGV  1 group  2 how long without a command, ms
-- Returns the names of the deleted consumers.

local stream, group, gone_ms = KEYS[KEYS_FROM], ARGV[1], tonumber(ARGV[2])

local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if consumers.err then
  return {}
end
local dropped = {}
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do
    consumer[fields[i]] = fields[i + 1]
  end
  if consumer.pending == 0 and consumer.idle > gone_ms then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    dropped[#dropped + 1] = consumer.name
  end
end
return dropped
