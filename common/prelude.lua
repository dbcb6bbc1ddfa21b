-- Stands before every script: what several of them do in the same way.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The fields of a stream entry by name.
local function named(fields)
  local entry = { job = '', body = '', attempts = '0', since = '0' }
  for i = 1, #fields, 2 do
    entry[fields[i]] = fields[i + 1]
  end
  return entry
end

-- The entry under `id`, or nil when it is not in the stream.
local function find(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  return found[1] and named(found[1][2])
end

-- What is pending of a group, by XPENDING's further arguments; nil if there is no such group (FLUSHALL).
local function pending_of(stream, group, ...)
  local pending = redis.pcall('XPENDING', stream, group, ...)
  if not pending.err then
    return pending
  end
  if string.find(pending.err, 'NOGROUP', 1, true) then
    return nil
  end
  error(pending.err)
end

-- The entry under `id` if it is pending under this consumer's name and still in the stream, else nil.
local function owned(stream, group, consumer, id)
  local pending = pending_of(stream, group, id, id, 1)
  if not pending or #pending == 0 or pending[1][2] ~= consumer then
    return nil
  end
  return find(stream, id)
end

-- Take a message off its channel for good. Always a script's first write: when memory is out, Redis refuses a
-- script that begins by adding, and lets one go on that began by removing.
local function remove(stream, group, begun, id)
  redis.call('XACK', stream, group, id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', begun, id)
end

-- Put a message on a channel, wake its subscribers, and note where its job is now ('' carries no job).
-- Returns its id.
local function add(stream, at, job, body, attempts, since)
  local id = redis.call('XADD', stream, '*', 'job', job, 'body', body, 'attempts', attempts, 'since', since)
  if job ~= '' then
    redis.call('HSET', at, job, stream .. ' ' .. id)
  end
  -- A courtesy: a user who may not publish must not break off what has begun. Each channel is looked at every second.
  redis.pcall('PUBLISH', stream, body)
  return id
end

local function end_job(jobs, at, job)
  redis.call('HDEL', jobs, job)
  redis.call('HDEL', at, job)
end

-- Whether a stream's entry will still be taken, or is in somebody's hands: one that is neither pending nor new to the
-- group (somebody's XACK, or XGROUP DELCONSUMER) never comes again.
local function comes(stream, group, id)
  if not find(stream, id) then
    return false
  end
  local pending = pending_of(stream, group, id, id, 1)
  if not pending or #pending > 0 then
    return true
  end
  for _, fields in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local about = {}
    for i = 1, #fields, 2 do
      about[fields[i]] = fields[i + 1]
    end
    if about.name == group then
      local last_ms, last_seq = string.match(about['last-delivered-id'], '^(%d+)-(%d+)$')
      local ms, seq = string.match(id, '^(%d+)-(%d+)$')
      last_ms, last_seq, ms, seq = tonumber(last_ms), tonumber(last_seq), tonumber(ms), tonumber(seq)
      return ms > last_ms or (ms == last_ms and seq > last_seq)
    end
  end
  return true
end

-- Whether a job's message is where `place` says: "<stream> <id>", or "<stream> ~<id>" for a delayed one.
-- `first` is the index in KEYS from which all streams stand, followed by all delayed sets in the same order.
local function holds_message(place, group, first)
  if not place then
    return false
  end
  local stream, delayed_mark, id = string.match(place, '^(%S+) (~?)(%S+)$')
  local streams = (#KEYS - first + 1) / 2
  for i = first, first + streams - 1 do
    if KEYS[i] == stream then
      if delayed_mark == '~' then
        return redis.call('ZSCORE', KEYS[i + streams], id) ~= false
      end
      return comes(stream, group, id)
    end
  end
  return false
end
