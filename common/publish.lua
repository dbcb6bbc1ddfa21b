-- Put a new message on a channel, once per marker. A message that carries a job begins it.
-- Adds first, so that new work, and only new work, is refused when memory is out.
-- KEYS  1 stream  2 marker  3 jobs  4 jobs:at
-- ARGV  1 the marker's life, ms  2 job, or ''  3 body
-- Returns 1, or 0 when the marker was there: it has been published before.

local stream, marker, jobs, at = unpack(KEYS)
local marker_ms, job, body = unpack(ARGV)

if not redis.call('SET', marker, '', 'NX', 'PX', marker_ms) then
  return 0
end
if job ~= '' then
  redis.call('HSET', jobs, job, body)
end
add(stream, at, job, body, 0, 0)
return 1
