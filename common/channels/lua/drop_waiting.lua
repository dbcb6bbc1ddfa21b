-- Drop what waits of a chat: its pictures without a slot, and those in the pipeline that no worker has. They end without
-- an answer. What a worker has goes on, and so does an answer on its way out, and a photo of an album whose message
-- already shows dots for it.
-- KEYS  after the ledger: 1 the marker of the update: how many it dropped  2… every delayed set
-- ARGV  1 chat  2 whose pictures, or '' for all of the chat  3 group  4 how long the marker lives, ms
-- Returns how many were dropped; the same again for the same update.

local marker = KEYS[KEYS_FROM]
local chat, person, group, kept_ms = unpack(ARGV)
local DELAYED_FROM = KEYS_FROM + 1
local PICTURES = { DownloadPhoto = true, FetchUrl = true }
local PREFIX = string.sub(jobs, 1, -#'jobs' - 1)

-- A write that Redis allows when its memory is full: this is not new work.
redis.call('HDEL', jobs, '')
local before = redis.call('GET', marker)
if before then
  return tonumber(before)
end

-- Whether dots for a job are shown in its album's message: "dots" in the hash of the album.
local function is_awaited(job, album)
  local dots = type(album) == 'string' and redis.call('HGET', PREFIX .. 'album:' .. chat .. ':' .. album, 'dots')
  return dots and string.find(dots, ' ' .. job .. ' ', 1, true) ~= nil
end

-- Whether a job looks at a picture of that person, by its first message, and can be dropped.
local function is_meant(job)
  local read, first = pcall(cjson.decode, redis.call('HGET', jobs, job) or '')
  if not read or type(first) ~= 'table' or not PICTURES[first.type] or type(first.job) ~= 'table' then
    return false
  end
  if is_awaited(job, first.job.album) then
    return false
  end
  local user = first.job.user_id
  return person == '' or type(user) == 'number' and string.format('%.0f', user) == person
end

-- Take a job's message out of the pipeline, unless a worker has it. Returns whether that is done.
local function take_out(place)
  local stream, delayed_mark, id = string.match(place or '', '^(%S+) (~?)(%d+%-%d+)$')
  for i = STREAMS_FROM, STREAMS_TO do
    if KEYS[i] == stream and stream ~= stream_of('reply') then
      if delayed_mark == '~' then
        redis.call('HDEL', stream .. ':parked', id)
        return redis.call('ZREM', KEYS[DELAYED_FROM + i - STREAMS_FROM], id) == 1
      end
      local pending = pending_of(stream, group, id, id, 1)
      if pending and #pending > 0 then
        return false
      end
      redis.call('HDEL', stream .. ':begun', id)
      return redis.call('XDEL', stream, id) == 1
    end
  end
  return false
end

local count = 0
for _, member in ipairs(redis.call('ZRANGEBYLEX', waiting, of_chat(chat))) do -- first: an ended job gives them its slot
  local job = string.match(member, ':%d+:[^:]+:(.*)$')
  if redis.call('HGET', at, job) == waiting .. ' ' .. member and is_meant(job) then
    redis.call('ZREM', waiting, member)
    end_job(job)
    count = count + 1
  end
end
for _, member in ipairs(redis.call('ZRANGEBYLEX', slots, of_chat(chat))) do
  local job = string.sub(member, #chat + 2)
  if is_meant(job) and take_out(redis.call('HGET', at, job)) then
    end_job(job)
    count = count + 1
  end
end
redis.call('SET', marker, count, 'PX', kept_ms)
return count
