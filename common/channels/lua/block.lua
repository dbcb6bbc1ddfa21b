-- Block a chat or a person, or serve them again.
-- KEYS  after the ledger: 1 who is blocked
-- ARGV  1 the chat or person  2 1 to block, '' to serve again
-- Returns 1 if that changed anything, else 0.

local blocked = KEYS[KEYS_FROM]
local whom, block = unpack(ARGV)

return redis.call(block == '' and 'SREM' or 'SADD', blocked, whom)
