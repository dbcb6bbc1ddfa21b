-- Whether something may be said in a chat: once, and not again for a while. An update that is read again may say it again.
-- KEYS  after the ledger: 1 the marker of what is said, in this chat
-- ARGV  1 update  2 how long it is not said again, ms
-- Returns 1, or 0 if another update said it.

local marker = KEYS[KEYS_FROM]
local update, kept_ms = unpack(ARGV)

if redis.call('SET', marker, update, 'NX', 'PX', kept_ms) then
  return 1
end
return redis.call('GET', marker) == update and 1 or 0
