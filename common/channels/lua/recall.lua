-- The stored answers to these pictures.
-- KEYS  after the ledger: 1 answers  2 answers:at
-- ARGV  1 how long an answer is kept, ms  2… pictures
-- Returns for each picture its answer, or ''.

local answers, answered_at = unpack(KEYS, KEYS_FROM)
local oldest = now_ms() - ARGV[1]

local found = {}
for i = 2, #ARGV do
  local at = redis.call('ZSCORE', answered_at, ARGV[i])
  found[i - 1] = at and tonumber(at) >= oldest and redis.call('HGET', answers, ARGV[i]) or ''
end
return found
