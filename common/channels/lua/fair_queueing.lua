-- Comes before every script, after the prelude: which jobs are in the pipeline, and which wait.
-- At most SLOTS_OF_A_CHAT jobs of one chat are in the pipeline. Its others wait, and other chats go on.
-- `slots` (the key is called "turns") has a member "<chat>:<job>" for each job in the pipeline, `waiting`
-- one "<chat>:<when>:<channel>:<job>" for each other job. Both are sorted only by their text, so the members of a chat
-- are side by side, the oldest first.

local SLOTS_OF_A_CHAT = 4
local PACE_OVER_ENDS = 32

local function of_chat(chat)
  return '[' .. chat .. ':', '(' .. chat .. ';' -- ";" is the character after ":"
end

local function take_slot(chat, job)
  redis.call('ZADD', slots, 0, chat .. ':' .. job)
end

local function has_free_slot(chat)
  return redis.call('ZLEXCOUNT', slots, of_chat(chat)) < SLOTS_OF_A_CHAT
end

local function stream_of(channel)
  for i = STREAMS_FROM, STREAMS_TO do
    if string.sub(KEYS[i], -#channel - 1) == ':' .. channel then
      return KEYS[i]
    end
  end
end

-- Begin a job now, or make it wait for a free slot of its chat.
local function begin_job(stream, job, chat, body)
  redis.call('HSET', jobs, job, body)
  redis.call('HSET', chats, job, chat)
  if has_free_slot(chat) then -- then no job of the chat waits: a freed slot goes to a waiting job at once
    take_slot(chat, job)
    add(stream, job, body, 0, 0)
    return
  end
  local time = redis.call('TIME')
  local channel = string.match(stream, '[^:]+$')
  local member = string.format('%s:%s%06d:%s:%s', chat, time[1], time[2], channel, job)
  redis.call('ZADD', waiting, 0, member)
  redis.call('HSET', at, job, waiting .. ' ' .. member)
end

-- Give a chat's free slots to its waiting jobs, the oldest first.
local function release(chat)
  while has_free_slot(chat) do
    local from, to = of_chat(chat)
    local member = redis.call('ZRANGEBYLEX', waiting, from, to, 'LIMIT', 0, 1)[1]
    if not member then
      return
    end
    redis.call('ZREM', waiting, member)
    local channel, job = string.match(member, ':%d+:([^:]+):(.*)$')
    local body, stream, place = redis.call('HGET', jobs, job), stream_of(channel), redis.call('HGET', at, job)
    if body and stream and (not place or place == waiting .. ' ' .. member) then -- else it goes on without a slot
      take_slot(chat, job)
      add(stream, job, body, 0, 0)
    end
  end
end

-- The mean time between the ends of two jobs while others are there: how fast the backlog shrinks. Of all ends at first,
-- then mostly of the last PACE_OVER_ENDS. Jobs end in batches, so that a mean over few would be told too short.
local function note_pace()
  if redis.call('ZCARD', slots) == 0 and redis.call('ZCARD', waiting) == 0 then
    redis.call('DEL', pace)
    return
  end
  local now, past = now_ms(), redis.call('HMGET', pace, 'last', 'gap', 'ends')
  local last, gap, ends = tonumber(past[1] or ''), tonumber(past[2] or ''), tonumber(past[3] or '')
  redis.call('HSET', pace, 'last', now)
  if last then
    -- Workers of before 0.5.0 do not count ends.
    ends = gap and math.min((ends or PACE_OVER_ENDS) + 1, PACE_OVER_ENDS) or 1
    gap = gap or 0
    redis.call('HSET', pace, 'gap', gap + (now - last - gap) / ends, 'ends', ends)
  end
end

-- How long all waiting jobs will roughly take, in ms; 0 when no job waits.
local function backlog_ms()
  if redis.call('ZCARD', waiting) == 0 then
    return 0
  end
  local past = redis.call('HMGET', pace, 'last', 'gap')
  local last, gap = tonumber(past[1] or ''), tonumber(past[2] or '')
  local since_last = last and now_ms() - last or 0
  return math.floor(redis.call('HLEN', jobs) * (gap or 0) + math.max(0, since_last))
end

local function end_job(job)
  local chat = redis.call('HGET', chats, job)
  redis.call('HDEL', jobs, job)
  redis.call('HDEL', at, job)
  if not chat then
    return
  end
  redis.call('HDEL', chats, job)
  if redis.call('ZREM', slots, chat .. ':' .. job) == 1 then
    note_pace()
    release(chat)
  end
end
