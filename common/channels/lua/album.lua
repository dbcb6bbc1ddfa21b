-- Note a message of an album, and say what begins with it. An album comes as one update for each of its messages, in any
-- order, and only one of them may address the bot: what came before that one waits here, what comes after it begins.
-- The outcome for each update is noted, so that the update gets it again if it is read again.
-- KEYS  after the ledger: 1 the album: a hash of
--       "waits <update>" → {message id, job, body, photo}, "given <update>" → its outcome, addressed → 1,
--       last → the last job that began, "photo <job>" → its message's id; and what album_line.lua notes
--       2 the keys of the chat's albums: a set
-- ARGV  1 update  2 message's id  3 the job of what it asks for, or '': the last one, if it asks for several things
--       4 body: what it asks for  5 whether it addresses the bot: 1 or ''  6 how long the album lives from now on if
--       nothing of it has addressed the bot, ms  7 the same if something has  8 the job of its photo, or ''
-- Returns {{the job before it or '', body}, …}: what begins now, in the order of the album; the body is '' for what the
-- caller has itself.

local album = KEYS[KEYS_FROM]
local update, message, job, body, addresses, waiting_ms, addressed_ms, photo = unpack(ARGV)
local WAITS, GIVEN, PHOTO = 'waits ', 'given ', 'photo '

-- A write that Redis allows when its memory is full: this is not new work.
redis.call('HDEL', album, '')
redis.call('SADD', KEYS[KEYS_FROM + 1], album)
redis.call('PEXPIRE', KEYS[KEYS_FROM + 1], math.max(waiting_ms, addressed_ms))
local given = redis.call('HGET', album, GIVEN .. update)
if given then
  return cmsgpack.unpack(given)
end
if addresses == '' and redis.call('HEXISTS', album, 'addressed') == 0 then
  redis.call('HSET', album, WAITS .. update, cmsgpack.pack({ message, job, body, photo }))
  redis.call('PEXPIRE', album, waiting_ms)
  return {}
end

local begin = { { tonumber(message), job, '', photo } }
local fields = redis.call('HGETALL', album)
for i = 1, #fields, 2 do
  local other = string.sub(fields[i], 1, #WAITS) == WAITS and string.sub(fields[i], #WAITS + 1)
  if other then
    redis.call('HDEL', album, fields[i])
    if other ~= update then
      local waited = cmsgpack.unpack(fields[i + 1])
      begin[#begin + 1] = { tonumber(waited[1]), waited[2], waited[3], waited[4] or '' } -- old workers noted no photo
      redis.call('HSET', album, GIVEN .. other, cmsgpack.pack({})) -- it begins here, and not once more
    end
  end
end
table.sort(begin, function(one, other) return one[1] < other[1] end)

local last = redis.call('HGET', album, 'last') or ''
local outcome = {}
for _, each in ipairs(begin) do
  if each[2] ~= '' then
    outcome[#outcome + 1] = { last, each[3] }
    last = each[2]
  end
  if each[4] ~= '' then
    redis.call('HSET', album, PHOTO .. each[4], each[1])
  end
end
redis.call('HSET', album, 'addressed', 1, 'last', last, GIVEN .. update, cmsgpack.pack(outcome))
redis.call('PEXPIRE', album, addressed_ms)
return outcome
