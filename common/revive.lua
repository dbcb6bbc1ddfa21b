-- Bring a dead letter back: its job starts again from its first message; a message without a job goes back as it is.
-- KEYS  13 dead  14 the stream to put the message on
-- ARGV  1 the dead letter's id  2 job, or ''  3 its chat, or ''  4 body
-- Returns 1; 0 when there is no such dead letter (any more); -1 when the job is still under way, with its apology.

local dead, target = unpack(KEYS, KEYS_FROM)
local id, job, chat, body = unpack(ARGV)

if not find(dead, id) then
  return 0
end
if job ~= '' and (redis.call('HEXISTS', at, job) == 1 or is_known(job)) then
  return -1
end
redis.call('XDEL', dead, id)
if job == '' or chat == '' then
  if job ~= '' then
    redis.call('HSET', jobs, job, body)
  end
  add(target, job, body, 0, 0)
else
  begin_job(target, job, chat, body)
end
return 1
