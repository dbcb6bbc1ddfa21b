-- Retry dead letters: start their job again from its first message, or put a message without a job back as it is.
-- KEYS  after the ledger: 1 dead  2 the stream to put the message on
-- ARGV  1 job, or ''  2 its chat, or ''  3 body  4… the dead letter's id, and those of other letters of the same job
-- Returns 1; 0 if there is no such dead letter (any longer); -1 if the job has not ended: its apology is on the way.

local dead, target = unpack(KEYS, KEYS_FROM)
local job, chat, body = unpack(ARGV, 1, 3)
local IDS_FROM = 4

if not find(dead, ARGV[IDS_FROM]) then
  -- Perhaps our reply was lost. Then the job is as this script has made it.
  return job ~= '' and redis.call('HGET', jobs, job) == body and 1 or 0
end
if job ~= '' and (redis.call('HEXISTS', at, job) == 1 or is_known(job)) then
  return -1
end
redis.call('XDEL', dead, unpack(ARGV, IDS_FROM))
if job == '' or chat == '' then
  if job ~= '' then
    redis.call('HSET', jobs, job, body)
  end
  add(target, job, body, 0, 0)
else
  begin_job(target, job, chat, body)
end
return 1
