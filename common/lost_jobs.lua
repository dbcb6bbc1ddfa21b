-- Which of these jobs have no message anywhere?
-- KEYS  1 jobs:at  2… every stream, then every delayed set
-- ARGV  jobs
-- Returns the jobs that are lost.

local at = KEYS[1]

local lost = {}
for _, job in ipairs(ARGV) do
  if not holds_message(redis.call('HGET', at, job), 2) then
    lost[#lost + 1] = job
  end
end
return lost
