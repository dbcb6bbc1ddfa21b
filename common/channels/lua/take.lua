-- Give a consumer as many messages as it has room for.
-- First the messages pending under its own name and not in flight (its former process died, or our reply was lost), then
-- those that an idle sibling left, then new ones. Before that, due retries go back to the channel.
-- KEYS  after the ledger: 1 stream  2 begun  3 delayed  4 parked
-- ARGV  1 group  2 consumer  3 process, another one after each start  4 room
--       5 claim messages that others left idle for this long, ms (0: do not)  6… ids in flight
-- Returns {now in ms, ms until the next retry is due or -1, how long the waiting jobs will take in ms,
--          {{id, deaths or '', job, body, attempts, since}, …}}.
-- "deaths" is '' for a message that no former process began. This script marks it as begun by this process, which gets
-- it as fresh again if our reply was lost.

local stream, begun, delayed, parked = unpack(KEYS, KEYS_FROM)
local group, consumer, process = ARGV[1], ARGV[2], ARGV[3]
local room, claim_idle_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local IN_FLIGHT_FROM = 6
local PROMOTED_AT_ONCE = 100
local PENDING_LOOKED_AT = 100

local now = now_ms()
local taken = {}

local function give(id, entry)
  if is_superseded(stream .. ' ' .. id, entry.job) then
    remove(stream, group, begun, id)
    return
  end
  local deaths, by = string.match(redis.call('HGET', begun, id) or '', '^(%d+) (.*)$')
  if not deaths then
    redis.call('HSET', begun, id, '0 ' .. process)
  elseif by == process then
    deaths = nil
  end
  taken[#taken + 1] = { id, deaths or '', entry.job, entry.body, entry.attempts, entry.since }
end

local function promote_due_retries()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, PROMOTED_AT_ONCE)) do
    local packed = redis.call('HGET', parked, id)
    redis.call('ZREM', delayed, id)
    redis.call('HDEL', parked, id)
    if packed then
      local job, body, attempts, since, deaths = unpack(cmsgpack.unpack(packed))
      if not is_superseded(stream .. ' ~' .. id, job) then
        add_again(stream, begun, job, body, attempts, since, deaths or '')
      end
    end
  end
end

-- Claims pending entries for this consumer, which also resets their idle time. An entry whose body was deleted is
-- acknowledged: nobody can handle it, and it would stay pending for ever.
local function claim(pending, may_claim, min_idle_ms)
  for _, row in ipairs(pending) do
    if #taken >= room then
      return
    end
    local id, holder = row[1], row[2]
    if may_claim(id, holder) then
      local entry = find(stream, id)
      if not entry then
        redis.call('XACK', stream, group, id)
        redis.call('HDEL', begun, id)
      elseif #redis.call('XCLAIM', stream, group, consumer, min_idle_ms, id, 'JUSTID') > 0 then
        give(id, entry)
      end
    end
  end
end

local in_flight = {}
for i = IN_FLIGHT_FROM, #ARGV do
  in_flight[ARGV[i]] = true
end

local own = pending_of(stream, group, '-', '+', room + #ARGV - IN_FLIGHT_FROM + 1, consumer)
if not own then
  -- From 0, never from $: the group also gets the messages that were published before it existed.
  redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  own = {}
end

promote_due_retries()
claim(own, function(id) return not in_flight[id] end, 0)
if claim_idle_ms > 0 and #taken < room then
  local idle = redis.call('XPENDING', stream, group, 'IDLE', claim_idle_ms, '-', '+', PENDING_LOOKED_AT)
  claim(idle, function(_, holder) return holder ~= consumer end, claim_idle_ms)
end
if #taken < room then
  local new = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', room - #taken, 'STREAMS', stream, '>')
  for _, row in ipairs(new and new[1][2] or {}) do
    give(row[1], named(row[2]))
  end
end

local next_due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
return { now, next_due and math.max(0, next_due - now) or -1, backlog_ms(), taken }
