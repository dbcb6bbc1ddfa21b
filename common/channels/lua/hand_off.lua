-- Finish a message: remove it from its channel and publish what follows, all or nothing.
-- A job that begins here waits for a free slot of its chat. Above the limits it does not begin, and its chat gets a
-- notice, once a minute.
-- KEYS  after the ledger: 1 stream  2 begun  3 counts  4 told: who got a notice  5 the stream for notices
--       6 how many jobs each user began in this minute  7 the same for the last minute
-- ARGV  1 group  2 consumer  3 id  4 job, or ''  5 channel's name  6 most jobs of a chat  7 most jobs in all
--       8 most jobs of a user in a minute  9 how much of the last minute still counts, 0 to 1
--       10 count to raise
--       11… of each output: channel, job or '', chat, user or '', body; if another job begins: bodies of "busy" and "too fast"
-- Returns 1; or 0 if this consumer does not hold the message (any longer), or it does not exist: then nothing changes.

local stream, begun, counts, told, reply, this_minute, last_minute = unpack(KEYS, KEYS_FROM, KEYS_FROM + 6)
local group, consumer, id, job, channel = unpack(ARGV, 1, 5)
local most_of_a_chat, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local most_of_a_user, last_minutes_share = tonumber(ARGV[8]), tonumber(ARGV[9])
local COUNT, OUTPUTS_FROM, ARGS_PER_OUTPUT = ARGV[10], 11, 7
local TOLD_AGAIN_AFTER_MS, KEPT_MS = 60000, 120000

-- Not `owned`, which reads the entry for its job: this runs for every message, and the job is known here.
if not is_pending_of(stream, group, consumer, id) or is_superseded(stream .. ' ' .. id, job) then
  return 0
end
if not remove(stream, group, begun, id) then -- somebody deleted it; without the XACK it would stay pending for ever
  return 0
end

local function is_too_much(chat)
  local of_this_chat = redis.call('ZLEXCOUNT', slots, of_chat(chat)) + redis.call('ZLEXCOUNT', waiting, of_chat(chat))
  local others = redis.call('HLEN', jobs) - (job ~= '' and 1 or 0)
  return of_this_chat >= most_of_a_chat or others >= most
end

-- A sliding minute, estimated from two counts.
local function is_too_fast(user)
  local now = tonumber(redis.call('HGET', this_minute, user) or '') or 0
  local before = tonumber(redis.call('HGET', last_minute, user) or '') or 0
  return now + last_minutes_share * before >= most_of_a_user
end

-- This job only sends the notice. It needs no slot, since there is at most one a minute.
local function decline(new_job, whom, notice)
  redis.call('HINCRBY', counts, channel .. ' declined', 1)
  local now = now_ms()
  redis.call('ZREMRANGEBYSCORE', told, '-inf', now - TOLD_AGAIN_AFTER_MS)
  if redis.call('ZADD', told, 'NX', now, whom) == 1 then
    redis.call('PEXPIRE', told, TOLD_AGAIN_AFTER_MS)
    redis.call('HSET', jobs, new_job, notice)
    add(reply, new_job, notice, 0, 0)
  end
end

local goes_on = false
for first = OUTPUTS_FROM, #ARGV, ARGS_PER_OUTPUT do
  local to, output_job, chat, user, body, busy, too_fast = unpack(ARGV, first, first + ARGS_PER_OUTPUT - 1)
  local output_stream = stream_of(to)
  if output_job == '' or output_job == job then
    add(output_stream, output_job, body, 0, 0)
    goes_on = goes_on or output_job == job
  elseif redis.call('HEXISTS', jobs, output_job) == 0 then -- else it has begun already
    if user ~= '' and is_too_fast(user) then
      decline(output_job, chat .. ' ' .. user, too_fast)
    elseif is_too_much(chat) then
      decline(output_job, chat, busy)
    else
      if user ~= '' then
        redis.call('HINCRBY', this_minute, user, 1)
        redis.call('PEXPIRE', this_minute, KEPT_MS)
      end
      begin_job(output_stream, output_job, chat, body)
    end
  end
end
if job ~= '' and not goes_on then
  end_job(job)
end
redis.call('HINCRBY', counts, COUNT, 1)
return 1
