-- Finish a message: take it off its channel and publish what follows from it, all or nothing.
-- KEYS  1 stream  2 begun  3 jobs  4 jobs:at  5 counts  6… the stream of each output
-- ARGV  1 group  2 consumer  3 id  4 job, or ''  5 count to raise  6… job (or '') and body of each output
-- Returns 1, or 0 when the message is not this consumer's (any more), and then nothing was done.

local stream, begun, jobs, at, counts = unpack(KEYS)
local group, consumer, id, job, count = unpack(ARGV, 1, 5)
local STREAMS_FROM, OUTPUTS_FROM = 6, 6

if not owned(stream, group, consumer, id) then
  return 0
end
remove(stream, group, begun, id)

local goes_on = false
for i = 0, #KEYS - STREAMS_FROM do
  local output_job, body = ARGV[OUTPUTS_FROM + 2 * i], ARGV[OUTPUTS_FROM + 2 * i + 1]
  -- Another job than the message's own begins here, unless it is under way already.
  if output_job == '' or output_job == job or redis.call('HSETNX', jobs, output_job, body) == 1 then
    add(KEYS[STREAMS_FROM + i], at, output_job, body, 0, 0)
  end
  goes_on = goes_on or output_job == job
end
if job ~= '' and not goes_on then
  end_job(jobs, at, job)
end
redis.call('HINCRBY', counts, count, 1)
return 1
