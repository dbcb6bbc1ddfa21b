-- Put the turns of chats right: a turn of a job that has ended is free, and a free turn goes to a job that waits.
-- Each job's end does this by itself. This is for what else may happen to keys, by hand say.
-- ARGV  chats
-- Returns how many turns were freed.

local freed = 0
for _, chat in ipairs(ARGV) do
  for _, member in ipairs(redis.call('ZRANGEBYLEX', turns, of_chat(chat))) do
    local job = string.sub(member, #chat + 2)
    if redis.call('HEXISTS', at, job) == 0 and not is_known(job) then
      redis.call('ZREM', turns, member)
      freed = freed + 1
    end
  end
  release(chat)
end
return freed
