-- Note what became of a turn at an album's message: see album_line.lua. It ends the turn.
-- KEYS  after the ledger: 1 the album
-- ARGV  1 number of the turn  2 the message that was sent or changed; '' if nothing was; 'gone' if it no longer exists
--       3 how long nothing is sent now, ms
-- Returns 1; or 0 if somebody else had a turn meanwhile: then nobody knows what the message says.

local album = KEYS[KEYS_FROM]
local turn, message, pause = unpack(ARGV)

if redis.call('EXISTS', album) == 0 then -- it was forgotten
  return 1
end
if redis.call('HGET', album, 'turns') ~= turn then
  redis.call('HDEL', album, 'shown')
  return 0
end
redis.call('HDEL', album, 'holder', 'until')
if message == 'gone' then
  redis.call('HDEL', album, 'message', 'shown')
elseif message ~= '' then
  redis.call('HSET', album, 'message', message, 'shown', redis.call('HGET', album, 'next'))
end
redis.call('HSET', album, 'pause', pause, 'paused', string.format('%.0f', now_ms() + pause))
return 1
