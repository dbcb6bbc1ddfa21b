-- Which of these jobs have no message anywhere?
-- KEYS  1 jobs  2 jobs:at  3… every stream, then every delayed set
-- ARGV  1 group  2… jobs
-- Returns the jobs that are lost.

local jobs, at, group = KEYS[1], KEYS[2], ARGV[1]
local STREAMS_FROM = 3

local lost = {}
for i = 2, #ARGV do
  local place = redis.call('HGET', at, ARGV[i])
  local lives = place or redis.call('HEXISTS', jobs, ARGV[i]) == 1 -- it may have ended since it was listed
  if lives and not holds_message(place, group, STREAMS_FROM) then
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
