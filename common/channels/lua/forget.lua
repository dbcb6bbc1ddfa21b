-- Forget a chat: what it prefers, what was told there, its albums, and its messages that could not be handled. Once for
-- each press of a button. What is under way goes on, and who is blocked stays blocked.
-- KEYS  after the ledger: 1 dead  2 told: who got a notice  3 the marker of the press
--       4… of each name of the chat: what it prefers, what was said there, the keys of its albums
-- ARGV  1 how long the marker lives, ms; '' for no press  2… the names of the chat
-- Returns 1, or 0 if the press has done it before.

local dead, told, marker = unpack(KEYS, KEYS_FROM, KEYS_FROM + 2)
local marker_ms = ARGV[1]
local NAMES_FROM, OF_CHATS_FROM, KEYS_OF_A_CHAT, READ_AT_ONCE = 2, KEYS_FROM + 3, 3, 100

if marker_ms ~= '' and redis.call('EXISTS', marker) == 1 then
  return 0
end

local is_meant = {}
for i = NAMES_FROM, #ARGV do
  is_meant[ARGV[i]] = true
end

local function fields_of(value)
  return type(value) == 'table' and value or {}
end

local function id_of(value)
  local id = fields_of(value).id
  return type(id) == 'number' and string.format('%.0f', id) or ''
end

-- Whose an update is that was not read: its letter names no chat, unless that is private.
local function chat_of_update(body)
  local read, message = pcall(cjson.decode, body)
  for kind, event in pairs(fields_of(fields_of(read and message).update)) do
    if type(event) == 'table' then
      if kind == 'guest_message' then
        return 'g' .. id_of(event.sender_chat or event.from)
      end
      return id_of(event.chat or fields_of(event.message).chat)
    end
  end
  return ''
end

for i = OF_CHATS_FROM, OF_CHATS_FROM + (#ARGV - NAMES_FROM + 1) * KEYS_OF_A_CHAT - 1, KEYS_OF_A_CHAT do
  local preferences, hints, albums = unpack(KEYS, i, i + KEYS_OF_A_CHAT - 1)
  redis.call('DEL', preferences, hints)
  for _, album in ipairs(redis.call('SMEMBERS', albums)) do
    redis.call('DEL', album)
  end
  redis.call('DEL', albums)
end
for _, whom in ipairs(redis.call('ZRANGE', told, 0, -1)) do -- a chat, or "<chat> <user>"
  if is_meant[string.match(whom, '^%S+')] then
    redis.call('ZREM', told, whom)
  end
end
local from = '-'
repeat
  local rows = redis.call('XRANGE', dead, from, '+', 'COUNT', READ_AT_ONCE)
  for _, row in ipairs(rows) do
    local letter = named(row[2])
    local chat = letter.chat ~= '' and letter.chat or chat_of_update(letter.body)
    if is_meant[chat] then
      redis.call('XDEL', dead, row[1])
    end
    from = '(' .. row[1]
  end
until #rows < READ_AT_ONCE
if marker_ms ~= '' then
  redis.call('SET', marker, 1, 'PX', marker_ms)
end
return 1
