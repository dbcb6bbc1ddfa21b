-- Whether something may be said in a chat: once, and not again for a while. An update that is read again may say it again.
-- KEYS  after the ledger: 1 what was said in this chat: a hash of what → "<until when, ms> <update>"
-- ARGV  1 what is said  2 update  3 how long it is not said again, ms
-- Returns 1, or 0 if another update said it.

local hints = KEYS[KEYS_FROM]
local what, update, kept_ms = unpack(ARGV)
local now = now_ms()

local until_ms, told_by = string.match(redis.call('HGET', hints, what) or '', '^(%d+) (.*)$')
if until_ms and tonumber(until_ms) > now then
  return told_by == update and 1 or 0
end
redis.call('HSET', hints, what, string.format('%.0f %s', now + kept_ms, update))
redis.call('PEXPIRE', hints, math.max(redis.call('PTTL', hints), tonumber(kept_ms)))
return 1
