-- Set one of a chat's preferences, once for each press of a button.
-- KEYS  after the ledger: 1 the chat's preferences  2 the marker of the press
-- ARGV  1 how long the preferences live from now on, ms  2 how long the marker lives, ms  3 name  4 value; '' is the default
-- Returns {name, value, …}: all of the chat's preferences.

local preferences, marker = unpack(KEYS, KEYS_FROM)
local kept_ms, marker_ms, name, value = unpack(ARGV)

if redis.call('SET', marker, 1, 'NX', 'PX', marker_ms) then
  if value == '' then
    redis.call('HDEL', preferences, name)
  else
    redis.call('HSET', preferences, name, value)
  end
  redis.call('PEXPIRE', preferences, kept_ms)
end
return redis.call('HGETALL', preferences)
