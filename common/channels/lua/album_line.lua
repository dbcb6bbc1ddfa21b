-- Note what is said of a photo of an album, and say whether the album's message is to be sent or changed for that now.
-- A photo whose line has to wait gives its slot to the next picture of its chat: nothing is left to do for it but this.
-- KEYS  after the ledger: 1 the album: see album.lua. Of its message, it has
--       "photo <job>" → the id of the photo's message, "line <job>" → what is said of it,
--       message → the id of the album's message, shown → what that says: " <job>:<hash of its line> … ",
--       dots → whose lines it does not have yet: " <job> … ",
--       turns → how many there were, holder, until → whose turn it is, and until when, next → what "shown" is after it,
--       pause, paused → how long nothing is sent, and until when
--       2 the keys of the chat's albums: a set
-- ARGV  1 job  2 its message's id  3 its line  4 how long a turn lasts, ms  5 when to ask again if it is another's turn, ms
--       6 how long all this is kept from now on, ms
-- Returns {what, …}: {"shown"}: the message has the line; {"wait", ms}: ask again then; or
-- {"turn", its number, message or 0, id of the first photo's message, number of photos, {{number of a photo, line or ''}, …}}:
-- send the message, or change it if there is one, and run album_shown.

local album, albums = KEYS[KEYS_FROM], KEYS[KEYS_FROM + 1]
local job, message, line, turn_ms, look_ms, kept_ms = unpack(ARGV)
local PHOTO, LINE = 'photo ', 'line '
turn_ms, look_ms = tonumber(turn_ms), tonumber(look_ms)

-- A write that Redis allows when its memory is full: this is not new work.
redis.call('HDEL', album, '')
redis.call('HSET', album, PHOTO .. job, message, LINE .. job, line)
redis.call('PEXPIRE', album, kept_ms)
redis.call('SADD', albums, album)
redis.call('PEXPIRE', albums, kept_ms)

local function saying(of_job, its_line)
  return of_job .. ':' .. redis.sha1hex(its_line) .. ' '
end

-- How long something lasts that began with `all_ms`, whichever way the clock was set meanwhile.
local function left_ms(until_ms, all_ms)
  local left = (tonumber(until_ms or '') or 0) - now_ms()
  return left <= (tonumber(all_ms or '') or 0) and left or 0
end

local shown, holder, until_ms, paused, pause, ours =
  unpack(redis.call('HMGET', album, 'shown', 'holder', 'until', 'paused', 'pause', 'message'))
if shown and string.find(shown, ' ' .. saying(job, line), 1, true) then
  return { 'shown' }
end

local wait_ms = left_ms(paused, pause)
if holder and holder ~= job and left_ms(until_ms, turn_ms) > 0 then
  wait_ms = look_ms
end
if wait_ms > 0 then
  local chat = redis.call('HGET', chats, job)
  if chat and redis.call('ZREM', slots, chat .. ':' .. job) == 1 then
    note_pace()
    release(chat)
  end
  return { 'wait', wait_ms }
end

local photos, lines = {}, {}
local fields = redis.call('HGETALL', album)
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, #PHOTO) == PHOTO then
    photos[#photos + 1] = { tonumber(fields[i + 1]), string.sub(fields[i], #PHOTO + 1) }
  elseif string.sub(fields[i], 1, #LINE) == LINE then
    lines[string.sub(fields[i], #LINE + 1)] = fields[i + 1]
  end
end
table.sort(photos, function(one, other)
  return one[1] < other[1] or one[1] == other[1] and one[2] < other[2]
end)

-- One without a line that has not begun, or has ended, has no place yet, or never: it may be one photo too many.
local rows, next_shown, dots = {}, ' ', ' '
for number, photo in ipairs(photos) do
  local its_job, its_line = photo[2], lines[photo[2]]
  if its_line then
    rows[#rows + 1] = { number, its_line }
    next_shown = next_shown .. saying(its_job, its_line)
  elseif redis.call('HEXISTS', jobs, its_job) == 1 then
    rows[#rows + 1] = { number, '' }
    dots = dots .. its_job .. ' '
  end
end
local turn = redis.call('HINCRBY', album, 'turns', 1)
-- The dots are noted before they are seen: from now on /cancel leaves these photos alone (drop_waiting.lua).
redis.call('HSET', album, 'holder', job, 'until', string.format('%.0f', now_ms() + turn_ms), 'next', next_shown, 'dots', dots)
return { 'turn', turn, tonumber(ours or '') or 0, photos[1][1], #photos, rows }
