-- Drop what is noted about messages that are no more: their stream or delayed set was deleted by hand, say. And messages
-- that nobody will be given any more (somebody deleted the consumer that had them), if they have no job, or it goes on or
-- ended elsewhere; where a job is in such a message, `restart` brings it back.
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
