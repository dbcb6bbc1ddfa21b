-- Drop notes about messages that do not exist: their stream or delayed set was deleted by hand, for example. Also drop
-- messages that no consumer will get (somebody deleted the consumer that had them), if they have no job, or their job
-- is in another message or has ended. `restart` brings back a job whose own message is such a one.
-- KEYS  after the ledger: 1 stream  2 begun  3 delayed  4 parked
-- ARGV  1 group  2… ids
-- Returns how many were dropped.

local stream, begun, delayed, parked = unpack(KEYS, KEYS_FROM)

local dropped = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local entry = find(stream, id)
  if not entry then
    dropped = dropped + redis.call('HDEL', begun, id)
  elseif (entry.job == '' or is_superseded(stream .. ' ' .. id, entry.job)) and not comes(stream, ARGV[1], id) then
    remove(stream, ARGV[1], begun, id)
    dropped = dropped + 1
  end
  if not redis.call('ZSCORE', delayed, id) then
    dropped = dropped + redis.call('HDEL', parked, id)
  end
end
return dropped
