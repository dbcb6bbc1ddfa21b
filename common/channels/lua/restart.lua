-- Restart a job whose message is lost or useless: put its first message, or an apology, on a channel. Or end the job, if
-- there is nothing to start from.
-- With an id, the caller holds the useless message, and this script removes it. Without an id, no stream and no delayed
-- set may hold the job's message.
-- KEYS  after the ledger: 1 counts  2 the stream to put the message on  3 the caller's stream  4 its begun  5… every delayed set
-- ARGV  1 group  2 consumer  3 id, or ''  4 job  5 body, or '' to end the job  6 origin to keep from now on, or ''
--       7 count to raise
-- Returns 1; or 0 if the job has ended, or its message is not lost.

local counts, target, stream, begun = unpack(KEYS, KEYS_FROM, KEYS_FROM + 3)
local group, consumer, id, job, body, origin, count = unpack(ARGV)
local DELAYED_FROM = KEYS_FROM + 4

local place = redis.call('HGET', at, job)
if id ~= '' then
  if not owned(stream, group, consumer, id) then
    return 0
  end
  remove(stream, group, begun, id)
elseif not place and not is_known(job) then
  return 0
elseif holds_message(place, group, DELAYED_FROM) then
  return 0
elseif place then
  local lost_stream, mark, lost_id = string.match(place, '^(%S+) (~?)(%d+%-%d+)$')
  if mark == '~' then -- parked, but never due
    redis.call('HDEL', lost_stream .. ':parked', lost_id)
  elseif lost_id then -- in its stream, but no consumer will get it
    redis.call('XDEL', lost_stream, lost_id)
    redis.call('HDEL', lost_stream .. ':begun', lost_id)
  end
end
redis.call('HINCRBY', counts, count, 1)
if body == '' then
  end_job(job)
  return 1
end
if origin ~= '' then
  redis.call('HSET', jobs, job, origin)
end
local chat = redis.call('HGET', chats, job)
if chat then -- it may have waited for a slot, or its slot may be lost as well
  take_slot(chat, job)
end
add(target, job, body, 0, 0)
return 1
