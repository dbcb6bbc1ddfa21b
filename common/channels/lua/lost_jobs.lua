-- Which of these jobs have no message anywhere?
-- KEYS  after the ledger: 1… every delayed set
-- ARGV  1 group  2… jobs
-- Returns the jobs that are lost.

local group = ARGV[1]

local lost = {}
for i = 2, #ARGV do
  local place = redis.call('HGET', at, ARGV[i])
  if (place or is_known(ARGV[i])) and not holds_message(place, group, KEYS_FROM) then -- it may have ended meanwhile
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
