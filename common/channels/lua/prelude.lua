-- Comes before every script: the keys that all of them get, and functions that several of them use.

-- The first KEYS, the ledger, are the same for every script: the jobs' keys, and every channel's stream.
-- scripts.py sets STREAMS_FROM, STREAMS_TO and KEYS_FROM (a script's own keys) from the number of channels.
local jobs, at, chats, slots, waiting, pace = unpack(KEYS, 1, STREAMS_FROM - 1)

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

-- The pending entries of a group, by XPENDING's further arguments; nil if there is no such group (FLUSHALL).
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

-- Whether any key knows the job, even if not its place.
local function is_known(job)
  return redis.call('HEXISTS', jobs, job) == 1 or redis.call('HEXISTS', chats, job) == 1
end

-- Whether the job of a message at `place` is in another message, or has ended. A job is in one message at a time. If
-- it is in two (for example because somebody deleted `at` and the job was restarted), only the one that `at` names
-- counts; once that one has ended the job, neither counts.
local function is_superseded(place, job)
  if job == '' then
    return false
  end
  local counts = redis.call('HGET', at, job)
  if counts then
    return counts ~= place
  end
  return not is_known(job)
end

local function is_pending_of(stream, group, consumer, id)
  local pending = pending_of(stream, group, id, id, 1, consumer)
  return pending and #pending > 0
end

-- The entry under `id` if it is pending under this consumer's name, still in the stream, and still carries its job; or nil.
local function owned(stream, group, consumer, id)
  if not is_pending_of(stream, group, consumer, id) then
    return nil
  end
  local entry = find(stream, id)
  return entry and not is_superseded(stream .. ' ' .. id, entry.job) and entry or nil
end

-- Remove a message from its channel for good. Always a script's first write: when memory is full, Redis refuses a
-- script that first adds, and allows one that first removes. Returns whether the message was still there.
local function remove(stream, group, begun, id)
  redis.call('XACK', stream, group, id)
  local removed = redis.call('XDEL', stream, id)
  redis.call('HDEL', begun, id)
  return removed == 1
end

-- Put a message on a channel, wake its subscribers, and note where its job is now ('' carries no job).
-- Returns its id.
local function add(stream, job, body, attempts, since)
  local id = redis.call('XADD', stream, '*', 'job', job, 'body', body, 'attempts', attempts, 'since', since)
  if job ~= '' then
    redis.call('HSET', at, job, stream .. ' ' .. id)
  end
  -- pcall: a Redis user who may not publish must not stop the script. Workers look at their channel every second.
  redis.pcall('PUBLISH', stream, body)
  return id
end

-- Put a message on its channel again. With deaths on it (or ''), no consumer gets it as a fresh message.
local function add_again(stream, begun, job, body, attempts, since, deaths)
  local id = add(stream, job, body, attempts, since)
  if deaths ~= '' then
    redis.call('HSET', begun, id, deaths .. ' put back')
  end
end

-- Whether a stream's entry will still be taken, or is in flight. One that is neither pending nor new to the group (after
-- an XACK or XGROUP DELCONSUMER by hand) never comes again.
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

-- Whether a job's message is where `place` says: "<stream> <id>", "<stream> ~<id>" for a delayed one, or
-- "<waiting> <member>". From `delayed_from`, KEYS are all delayed sets, in the streams' order.
local function holds_message(place, group, delayed_from)
  if not place then
    return false
  end
  local key, delayed_mark, id = string.match(place, '^(%S+) (~?)(%S+)$')
  if key == waiting then
    return redis.call('ZSCORE', waiting, id) ~= false
  end
  for i = STREAMS_FROM, STREAMS_TO do
    if KEYS[i] == key then
      if delayed_mark == '~' then
        return redis.call('ZSCORE', KEYS[delayed_from + i - STREAMS_FROM], id) ~= false
      end
      return comes(key, group, id)
    end
  end
  return false
end
