-- Which private chats wait for a picture, and where each is in line: chats in the order in which their next pictures
-- come to the end of the pipeline. A link that is fetched at the moment, or a photo that is downloaded, is not in line:
-- it has its turn. Only one process at a time is told.
-- KEYS  after the ledger: 1 the lease of the process that is told
-- ARGV  1 group  2 the process  3 how long it has the lease, ms  4 the shortest wait to tell, ms  5 how long a message
--       is in its channel at least, ms  6 most messages to look at  7 most places to tell
-- Returns {1 if there is a job in the pipeline, else 0, {{job, place from 1, wait in ms}, …}}.

local lease = KEYS[KEYS_FROM]
local group, process, lease_ms = unpack(ARGV)
local least_ms, least_age_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local most_looked_at, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local STAGES = { 'classify', 'file_check', 'fetch_url', 'receive' } -- from the end of the pipeline
local WORKED_ON_AT_ONCE = { fetch_url = true, receive = true } -- the others take what waits for its turn inside
local PICTURE = '^[^-]+%-[^-]+%-' -- the job of a picture in an update; that of the update itself has one hyphen

if redis.call('ZCARD', slots) == 0 then
  return { 0, {} }
end
local past = redis.call('HMGET', pace, 'last', 'gap')
local last, gap = tonumber(past[1] or ''), tonumber(past[2] or '')
local holder = redis.call('GET', lease)
if not last or not gap or (holder and holder ~= process) then
  return { 1, {} }
end

local now = now_ms()
local overdue_ms = math.max(0, now - last - gap)
local jobs_ahead, chats_ahead, seen, places = 0, 0, {}, {}

local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

-- Up to where the messages of a stream are taken.
local function taken_up_to(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, fields in ipairs(groups.err and {} or groups) do
    local about = {}
    for i = 1, #fields, 2 do
      about[fields[i]] = fields[i + 1]
    end
    if about.name == group then
      return parts(about['last-delivered-id'])
    end
  end
  return 0, 0
end

local function note(id, job, chat, taken_ms, taken_seq)
  jobs_ahead = jobs_ahead + 1
  if not chat or seen[chat] then
    return
  end
  seen[chat] = true
  chats_ahead = chats_ahead + 1
  local wait_ms = math.floor(jobs_ahead * gap + overdue_ms)
  local ms, seq = parts(id)
  local is_in_line = ms > taken_ms or (ms == taken_ms and seq > taken_seq)
  local is_told = string.find(chat, '^%d+$') and wait_ms >= least_ms and now - ms >= least_age_ms
  if is_in_line and is_told and #places < most then
    places[#places + 1] = { job, chats_ahead, wait_ms }
  end
end

local looked_at = 0
for _, channel in ipairs(STAGES) do
  local left = most_looked_at - looked_at
  local stream, taken_ms, taken_seq = stream_of(channel), 0, 0
  local rows = left > 0 and redis.call('XRANGE', stream, '-', '+', 'COUNT', left) or {}
  if #rows > 0 and WORKED_ON_AT_ONCE[channel] then
    taken_ms, taken_seq = taken_up_to(stream)
  end
  local in_line = {}
  for i, row in ipairs(rows) do
    in_line[i] = row[2][1] == 'job' and row[2][2] or ''
  end
  local whose = #rows > 0 and redis.call('HMGET', chats, unpack(in_line)) or {}
  for i, job in ipairs(in_line) do
    if string.find(job, PICTURE) then
      note(rows[i][1], job, whose[i], taken_ms, taken_seq)
    end
  end
  looked_at = looked_at + #rows
end
if #places > 0 then
  redis.call('SET', lease, process, 'PX', lease_ms)
end
return { 1, places }
