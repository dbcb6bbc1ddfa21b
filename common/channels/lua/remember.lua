-- Store answers, and drop those that are too old or too many.
-- KEYS  after the ledger: 1 answers  2 answers:at
-- ARGV  1 how long an answer is kept, ms  2 how many are kept  3… pairs of picture and answer
-- Returns how many were dropped.

local answers, answered_at = unpack(KEYS, KEYS_FROM)
local oldest, most = now_ms() - ARGV[1], tonumber(ARGV[2])
local DROPPED_AT_ONCE = 100

for i = 3, #ARGV, 2 do
  redis.call('HSET', answers, ARGV[i], ARGV[i + 1])
  redis.call('ZADD', answered_at, now_ms(), ARGV[i])
end
local too_many = math.max(0, redis.call('ZCARD', answered_at) - most)
local dropped = redis.call('ZRANGE', answered_at, 0, math.min(too_many, DROPPED_AT_ONCE) - 1)
if too_many == 0 then
  dropped = redis.call('ZRANGEBYSCORE', answered_at, '-inf', '(' .. oldest, 'LIMIT', 0, DROPPED_AT_ONCE)
end
for _, picture in ipairs(dropped) do
  redis.call('ZREM', answered_at, picture)
  redis.call('HDEL', answers, picture)
end
return #dropped
