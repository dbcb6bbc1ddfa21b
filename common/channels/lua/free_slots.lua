-- Repair fair queueing: a slot of a job that has ended becomes free, and a free slot goes to a job that waits.
-- Each job's end does this by itself. This is for what else may happen to keys, for example by hand.
-- ARGV  chats
-- Returns how many slots were freed.

local freed = 0
for _, chat in ipairs(ARGV) do
  for _, member in ipairs(redis.call('ZRANGEBYLEX', slots, of_chat(chat))) do
    local job = string.sub(member, #chat + 2)
    if redis.call('HEXISTS', at, job) == 0 and not is_known(job) then
      redis.call('ZREM', slots, member)
      freed = freed + 1
    end
  end
  release(chat)
end
return freed
