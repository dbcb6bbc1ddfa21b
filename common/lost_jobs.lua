-- Which of these jobs have no message anywhere?
-- KEYS  1 jobs:at  2… every stream, then every delayed set
-- ARGV  1 group  2… jobs
-- Returns the jobs that are lost.

local at, group = KEYS[1], ARGV[1]

local lost = {}
for i = 2, #ARGV do
  if not holds_message(redis.call('HGET', at, ARGV[i]), group, 2) then
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
