-- Finish a message: take it off its channel and publish what follows from it, all or nothing.
-- A job that begins here waits for its chat's turn; past the limits it does not begin at all, and its chat is told so,
-- once a minute.
-- KEYS  13 stream  14 begun  15 counts  16 chats that were told  17 the stream for that  18… the stream of each output
-- ARGV  1 group  2 consumer  3 id  4 job, or ''  5 channel's name  6 most jobs of a chat  7 most jobs in all
--       8… of each output: job or '', its chat if that job begins here (else ''), body, body of "busy" (else '')
-- Returns 1, or 0 when the message is not this consumer's (any more), and then nothing was done.

local stream, begun, counts, told, reply = unpack(KEYS, KEYS_FROM, KEYS_FROM + 4)
local group, consumer, id, job, channel, most_of_a_chat, most = unpack(ARGV, 1, 7)
local OUTPUT_STREAMS_FROM, OUTPUTS_FROM, ARGS_PER_OUTPUT = KEYS_FROM + 5, 8, 4
local TOLD_AGAIN_AFTER_MS = 60000

if not owned(stream, group, consumer, id) then
  return 0
end
remove(stream, group, begun, id)

local function is_too_much(chat)
  local of_this_chat = redis.call('ZLEXCOUNT', turns, of_chat(chat)) + redis.call('ZLEXCOUNT', waiting, of_chat(chat))
  local others = redis.call('HLEN', jobs) - (job ~= '' and 1 or 0)
  return of_this_chat >= tonumber(most_of_a_chat) or others >= tonumber(most)
end

-- The notice is all that this job comes to. It needs no turn: there is one a minute at most.
local function decline(new_job, chat, busy)
  redis.call('HINCRBY', counts, channel .. ' declined', 1)
  local now = now_ms()
  redis.call('ZREMRANGEBYSCORE', told, '-inf', now - TOLD_AGAIN_AFTER_MS)
  if redis.call('ZADD', told, 'NX', now, chat) == 1 then
    redis.call('HSET', jobs, new_job, busy)
    add(reply, new_job, busy, 0, 0)
  end
end

local goes_on = false
for i = 0, #KEYS - OUTPUT_STREAMS_FROM do
  local output_stream = KEYS[OUTPUT_STREAMS_FROM + i]
  local first = OUTPUTS_FROM + ARGS_PER_OUTPUT * i
  local output_job, chat, body, busy = unpack(ARGV, first, first + ARGS_PER_OUTPUT - 1)
  if output_job == '' or output_job == job then
    add(output_stream, output_job, body, 0, 0)
    goes_on = goes_on or output_job == job
  elseif redis.call('HEXISTS', jobs, output_job) == 0 then -- else it is under way already
    if is_too_much(chat) then
      decline(output_job, chat, busy)
    else
      begin_job(output_stream, output_job, chat, body)
    end
  end
end
if job ~= '' and not goes_on then
  end_job(job)
end
redis.call('HINCRBY', counts, channel .. ' handled', 1)
return 1
