-- Repair fair queueing: free the slots of ended jobs, and give free slots to waiting jobs.
-- Each job's end does this by itself. This script repairs other changes of keys, for example by hand.
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
