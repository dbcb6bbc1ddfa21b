-- What is remembered of a chat, and whether the bot serves those who write there. Remembered for longer by each use.
-- KEYS  after the ledger: 1 the chat's preferences  2 who is blocked
-- ARGV  1 how long the preferences live from now on, ms  2… chat and person, as in `blocked`
-- Returns {1 if one of them is blocked, else 0, {name, value, …}}.

local preferences, blocked = unpack(KEYS, KEYS_FROM)

local is_blocked = 0
for i = 2, #ARGV do
  is_blocked = math.max(is_blocked, redis.call('SISMEMBER', blocked, ARGV[i]))
end
local found = redis.call('HGETALL', preferences)
if #found > 0 then
  redis.call('PEXPIRE', preferences, ARGV[1])
end
return { is_blocked, found }
